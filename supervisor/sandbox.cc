// SPDX-License-Identifier: Apache-2.0
#include "supervisor/sandbox.h"

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// The number in a line of /proc/PID/status (proc_pid_status(5)).
std::uint64_t number_in(std::string_view status, std::string_view key) {
  auto numbers = sys::detail::line_of(status, key);
  const auto number = numbers ? numbers->next() : std::nullopt;
  return static_cast<std::uint64_t>(number.value_or(0));
}

/// What a namespace file of a process refers to.
std::optional<struct stat> namespace_of(std::string_view process,
                                        std::string_view name) {
  const std::string path =
      std::string("/proc/").append(process).append("/ns/").append(name);
  struct stat facts = {};
  if (::stat(path.c_str(), &facts) < 0) return std::nullopt;
  return facts;
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

std::string sandbox_of(core::Pid caller) {
  char own_buffer[4096];
  char caller_buffer[4096];
  const auto own = sys::read_small_file("/proc/self/status", own_buffer);
  const auto theirs = sys::read_proc_file(caller, "status", caller_buffer);
  if (!own || !theirs) return "a process that cannot be read";
  for (const std::string_view key :
       {"NoNewPrivs:", "Seccomp_filters:", "Seccomp:"})
    if (number_in(*theirs, key) > number_in(*own, key))
      return key == "NoNewPrivs:" ? "no_new_privs" : "a seccomp filter";
  for (const std::string_view name : {"user", "mnt", "pid"}) {
    const auto ours = namespace_of("self", name);
    const auto other = namespace_of(std::to_string(caller.raw()), name);
    if (!ours || !other) return "a process that cannot be read";
    if (!is_same(*ours, *other))
      return std::string("another ")
          .append(name == "mnt" ? "mount" : name)
          .append(" namespace");
  }
  return {};
}

}  // namespace supervisor
