// SPDX-License-Identifier: Apache-2.0
#include "cli/report/efficiency.h"

#include <algorithm>
#include <bit>

#include "cli/job_text.h"
#include "core/job_result.h"
#include "core/limit_terms_text.h"
#include "core/limits.h"

namespace cli {

namespace {

using accounting::JobFacts;
using core::LimitKind;
using Count = JobFacts::Count;

constexpr std::uint64_t kSecond = 1000000;  // usec
constexpr std::uint64_t kMegabyte = 1U << 20U;

Count cpu_of(const JobFacts& job) {
  const bool is_least = job.user_us.is_least() || job.system_us.is_least();
  if (is_least || !job.user_us.get() || !job.system_us.get()) return {};
  return job.user_us.value + job.system_us.value;
}

/// To the next number; without libm, which would be one library more.
std::uint64_t rounded(double value) {
  constexpr double kMost = 1e18;  // of hostile files
  return static_cast<std::uint64_t>(std::min(value, kMost) + 0.5);
}

/// Hundredths of a processor, on average.
Count processors_of(const JobFacts& job) {
  const Count cpu = cpu_of(job);
  if (!cpu || job.wall_us.value_or(0) == 0) return std::nullopt;
  return rounded(100.0 * static_cast<double>(*cpu) /
                 static_cast<double>(*job.wall_us));
}

struct UsedOf {
  LimitKind kind;
  Count (*used)(const JobFacts& job);
};

constexpr UsedOf kUsed[] = {
    {.kind = LimitKind::kWallTime,
     .used = [](const JobFacts& job) { return job.wall_us; }},
    {.kind = LimitKind::kCpuTime, .used = cpu_of},
    {.kind = LimitKind::kMemory,
     .used =
         [](const JobFacts& job) {
           return job.is_memory_of_process ? Count() : job.memory_bytes;
         }},
    {.kind = LimitKind::kCpuRate, .used = processors_of},
    {.kind = LimitKind::kCpuSet, .used = processors_of},
};

bool is_of_processors(LimitKind kind) {
  return kind == LimitKind::kCpuRate || kind == LimitKind::kCpuSet;
}

/// What `used` is compared with.
std::uint64_t bound_of(const accounting::AskedLimit& asked) {
  if (asked.kind != LimitKind::kCpuSet) return asked.bound;
  return 100U * static_cast<std::uint64_t>(std::popcount(asked.bound));
}

std::string processors_text(std::uint64_t hundredths) {
  const std::uint64_t tenths = (hundredths + 5) / 10;
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text + (tenths == 10 ? " processor" : " processors");
}

std::string amount(LimitKind kind, std::uint64_t value) {
  if (is_of_processors(kind)) return processors_text(value);
  switch (core::row_of(kind).unit) {
    case core::LimitUnit::kMicroseconds:
      return short_time(core::Microseconds(value));
    case core::LimitUnit::kBytes:
      return short_size(core::Bytes(value));
    default:
      return core::shown_bound(kind, value);
  }
}

/// From where on a hint is worth its line.
struct Worth {
  LimitKind kind;
  std::uint64_t least_asked;
  std::uint64_t grain;  ///< in which it would be asked; 0: nothing is proposed
  std::string_view unit;
};

constexpr Worth kWorth[] = {
    {.kind = LimitKind::kWallTime,
     .least_asked = 600 * kSecond,
     .grain = 60 * kSecond,
     .unit = "m"},
    {.kind = LimitKind::kCpuTime,
     .least_asked = 600 * kSecond,
     .grain = 60 * kSecond,
     .unit = "m"},
    {.kind = LimitKind::kMemory,
     .least_asked = 64 * kMegabyte,
     .grain = kMegabyte,
     .unit = "M"},
    {.kind = LimitKind::kCpuRate, .least_asked = 200, .grain = 0, .unit = ""},
    {.kind = LimitKind::kCpuSet, .least_asked = 200, .grain = 0, .unit = ""},
};

/// A quarter more than was used, as it is written behind --limit.
std::string proposal(const Worth& worth, std::uint64_t used) {
  if (worth.grain == 0) return {};
  const std::uint64_t units = (used + used / 4) / worth.grain + 1;
  return std::string(": ") + core::row_of(worth.kind).word + "=" +
         std::to_string(units) + std::string(worth.unit) + " would do";
}

std::string hint_of(const AskedUse& use) {
  constexpr double kLittle = 0.5;
  constexpr double kNearlyAll = 0.95;
  const LimitKind kind = use.asked.kind;
  const auto* const worth = std::ranges::find(kWorth, kind, &Worth::kind);
  if (!use.share || worth == std::end(kWorth) ||
      bound_of(use.asked) < worth->least_asked)
    return {};
  const std::string name = is_of_processors(kind)
                               ? std::string()
                               : " of " + std::string(core::name_of(kind));
  if (*use.share < kLittle)
    return "asked " + asked_text(use) + name + ", used " + used_text(use) +
           (is_of_processors(kind) ? " on average" : "") + " (" +
           share_text(use) + ")" + proposal(*worth, *use.used);
  if (*use.share >= kNearlyAll && !is_of_processors(kind))
    return "used " + share_text(use) + name + " that it asked (" +
           asked_text(use) + "): little is left";
  return {};
}

}  // namespace

std::vector<AskedUse> asked_uses(const JobFacts& job) {
  std::vector<AskedUse> uses;
  for (const accounting::AskedLimit& asked : job.asked) {
    AskedUse use{.asked = asked, .used = {}, .share = {}};
    for (const UsedOf& row : kUsed)
      if (row.kind == asked.kind) use.used = row.used(job);
    const std::uint64_t bound = bound_of(asked);
    if (use.used && bound > 0)
      use.share = static_cast<double>(*use.used) / static_cast<double>(bound);
    uses.push_back(use);
  }
  return uses;
}

std::string asked_text(const AskedUse& use) {
  return amount(use.asked.kind, bound_of(use.asked));
}

std::string used_text(const AskedUse& use) {
  return use.used ? amount(use.asked.kind, *use.used) : std::string();
}

std::string share_text(const AskedUse& use) {
  if (!use.share) return {};
  return std::to_string(rounded(*use.share * 100)) + " %";
}

std::vector<std::string> hints_of(const JobFacts& job) {
  std::vector<std::string> hints;
  const bool is_cut = job.end && job.end->result &&
                      job.end->result->reason == core::Reason::kOverLimit;
  for (const AskedUse& use : asked_uses(job)) {
    // Of a job that was ended nobody knows what it would have used.
    std::string hint = is_cut ? std::string() : hint_of(use);
    if (!hint.empty()) hints.push_back(std::move(hint));
  }
  if (job.end && job.end->oom_kills.value_or(0) > 0)
    hints.push_back("memory ran out: the kernel killed processes " +
                    std::to_string(*job.end->oom_kills) + " times");
  return hints;
}

}  // namespace cli
