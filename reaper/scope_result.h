// SPDX-License-Identifier: Apache-2.0
// How a job ended, as its scope tells it: from its own facts when it is alone,
// else from what the supervisor found.
#pragma once

#include <cstring>
#include <optional>
#include <string_view>

#include "core/job_report.h"
#include "core/job_result.h"
#include "core/limits.h"
#include "reaper/protocol.h"
#include "reaper/sweep.h"

namespace reaper {

/// What a scope saw of its job.
struct ScopeFacts {
  core::Moment started;  ///< of the first process; zero: it never ran
  core::Moment ended;
  bool main_has_ended = false;
  std::int32_t main_status = 0;
  std::optional<core::LaunchFailure> launch_failure;
  std::optional<core::LimitHit> limit_hit;
  /// Out-of-memory kills in our own cgroup, where the job has no counter.
  std::optional<std::uint64_t> kills_around;
  core::JobReport report;  ///< jid, name and what was counted
};

/// Who is left, as the supervisor is told.
[[nodiscard]] inline Populated as_message(const Survivors& survivors) {
  Populated populated;
  populated.count = survivors.count;
  std::memcpy(populated.names, survivors.names.c_str(), survivors.names.size());
  return populated;
}

/// (core/job_verdict.cc decides alike.)
[[nodiscard]] inline core::JobResult decide_result(const ScopeFacts& facts,
                                                   const char* program) {
  core::EndCauses causes = {.launch_failure = facts.launch_failure,
                            .limit_hit = facts.limit_hit,
                            .out_of_memory = core::OutOfMemory::kNowhere,
                            .status = {}};
  if (facts.main_has_ended && !facts.launch_failure)
    causes.status = facts.main_status;
  // A counter of the job's own is the better one, also when it says none.
  const auto own_kills = facts.report.totals.oom_kills;
  if (own_kills.value_or(facts.kills_around.value_or(0)) > 0)
    causes.out_of_memory =
        own_kills ? core::OutOfMemory::kInJob : core::OutOfMemory::kAround;
  if (auto imposed = core::imposed_result(causes)) {
    if (facts.launch_failure) imposed->detail.append(program);
    return *imposed;
  }
  if (causes.status) return core::plain_result(*causes.status);
  core::JobResult unknown;
  unknown.reason = core::Reason::kUnknown;
  return unknown;
}

/// The facts at the end of the job; the totals are there.
inline void conclude(ScopeFacts& facts, const core::Moment& now,
                     const char* program) {
  facts.ended = now;
  if (!facts.launch_failure)
    facts.report.wall_time = now.boot - facts.started.boot;
  facts.report.result = decide_result(facts, program);
}

/// What the scope knew stands; else it is told why nobody knows.
inline void note_killed_scope(core::JobResult& result) {
  if (result.reason == core::Reason::kUnknown)
    result.detail.append("its scope was killed");
}

namespace detail {

/// A text that need not be terminated.
template <std::size_t N>
std::string_view text_in(const char (&bytes)[N]) {
  return {bytes, ::strnlen(bytes, N)};
}

template <class T>
void copy_if(core::Maybe<T>& to, const ScopeEnded& ended, std::uint32_t bit,
             std::uint64_t value) {
  if ((ended.present & bit) != 0) to = T(value);
}

}  // namespace detail

/// The report of a job that the supervisor ended. `main` stays what it was.
inline void take_over(core::JobReport& report, const ScopeEnded& ended) {
  report.jid = core::JobId(ended.jid);
  core::JobResult& result = report.result;
  result = {};
  result.reason = ended.reason <= static_cast<int>(core::Reason::kLast)
                      ? static_cast<core::Reason>(ended.reason)
                      : core::Reason::kUnknown;
  result.has_status = ended.has_status != 0;
  result.wait_status = ended.wait_status;
  result.limit = {.kind = static_cast<core::LimitKind>(ended.limit_kind),
                  .value = ended.limit_value,
                  .bound = ended.limit_bound};
  result.launch = {.stage = static_cast<core::LaunchStage>(ended.launch_stage),
                   .code = ended.launch_code};
  result.by = core::Uid(ended.by_uid);
  result.detail.append(detail::text_in(ended.detail));
  report.wall_time.reset();
  if (ended.started_boot_us != 0)
    report.wall_time = core::BootTime(ended.ended_boot_us) -
                       core::BootTime(ended.started_boot_us);
  core::JobTotals& totals = report.totals;
  totals = {};
  using Ended = ScopeEnded;
  detail::copy_if(totals.user_time, ended, Ended::kUserTime, ended.user_us);
  detail::copy_if(totals.system_time, ended, Ended::kSystemTime,
                  ended.system_us);
  detail::copy_if(totals.memory_peak, ended, Ended::kMemoryPeak,
                  ended.memory_peak);
  detail::copy_if(totals.read_bytes, ended, Ended::kReadBytes,
                  ended.read_bytes);
  detail::copy_if(totals.write_bytes, ended, Ended::kWriteBytes,
                  ended.write_bytes);
  detail::copy_if(totals.processes_not_seen, ended, Ended::kNotSeen,
                  ended.not_seen);
  detail::copy_if(totals.oom_kills, ended, Ended::kOomKills, ended.oom_kills);
  report.processes_seen = ended.processes_seen;
  report.stragglers = ended.stragglers;
  report.straggler_names.clear();
  report.straggler_names.append(detail::text_in(ended.straggler_names));
}

}  // namespace reaper
