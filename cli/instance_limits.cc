// SPDX-License-Identifier: Apache-2.0
#include "cli/instance_limits.h"

#include <sys/resource.h>

#include <cstdint>

#include "core/quantity.h"

namespace cli {
namespace {

struct InstanceLimit {
  decltype(RLIMIT_NOFILE) resource;
  const char* name;
  const char* option;   ///< of the shell's ulimit
  std::uint64_t least;  ///< that an instance needs, in setrlimit(2)'s unit
};

constexpr std::uint64_t kMebibyte = 1U << 20U;

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr InstanceLimit kLimits[] = {
    {RLIMIT_NOFILE, "open files", "-n", 256},
    // The accounting file grows with every job.
    {RLIMIT_FSIZE, "file size", "-f", 1024 * kMebibyte},
    {RLIMIT_CPU, "processor time", "-t", 3600},
    {RLIMIT_DATA, "data size", "-d", 256 * kMebibyte},
    {RLIMIT_AS, "virtual memory", "-v", 256 * kMebibyte},
    {RLIMIT_MEMLOCK, "locked memory", "-l", 0},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

std::optional<std::string> find_low_limit() {
  for (const InstanceLimit& limit : kLimits) {
    rlimit now = {};
    if (::getrlimit(limit.resource, &now) < 0 || now.rlim_max >= limit.least)
      continue;
    return "this shell's hard limit of " + std::string(limit.name) +
           " (ulimit -H " + limit.option + ") is " +
           std::to_string(now.rlim_max) + ", and an instance, which serves " +
           "all your jobs to come, needs " + std::to_string(limit.least) +
           "; start the first job from a shell without that limit";
  }
  return std::nullopt;
}

void raise_limits() {
  for (const InstanceLimit& limit : kLimits) {
    rlimit now = {};
    if (::getrlimit(limit.resource, &now) < 0) continue;
    now.rlim_cur = now.rlim_max;
    (void)::setrlimit(limit.resource, &now);
  }
}

}  // namespace cli
