// SPDX-License-Identifier: Apache-2.0
// The kill plan: how a job is brought to its end, step by step, until it is
// empty. Pure and allocation free: supervisor and scope walk the same plan.
//
//   kNone --begin--> kAsked --grace over--> kKilled --50 ms--> kFrozenKilled
//                       \--begin with SIGKILL--/                   |   ^
//                                                                  +---+
// kAsked: the first signal was sent to every member, and SIGCONT; the grace
// period runs and ends the moment the job is empty; a request with less grace
// left brings its end nearer. kKilled: everything was
// killed at once (cgroup.kill). kFrozenKilled: it was not empty in time, so it
// is frozen and killed, again and again with growing pauses: what cannot die
// yet (a process in an uninterruptible wait) is not given up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ids.h"
#include "core/quantity.h"

namespace core {

inline constexpr SignalNumber kSigkill{9};
inline constexpr SignalNumber kSigterm{15};
inline constexpr SignalNumber kSigcont{18};

/// To whom a signal goes.
enum class SignalTarget : std::uint8_t {
  kAll = 0,
  kMain = 1,
  kGroup = 2,  ///< one process group of the job
  kLast = kGroup,
};

/// What to do about processes of the job that outlive its main process.
enum class Stragglers : std::uint8_t {
  kEnd = 0,     ///< the plan's first signal, grace, then kill (the default)
  kKill = 1,    ///< kill at once
  kLinger = 2,  ///< the job lives until they have gone by themselves
};

constexpr std::string_view name_of(Stragglers stragglers) {
  switch (stragglers) {
    case Stragglers::kEnd:
      return "end";
    case Stragglers::kKill:
      return "kill";
    case Stragglers::kLinger:
      return "linger";
  }
  return "end";
}

constexpr std::optional<Stragglers> parse_stragglers(std::string_view name) {
  for (const Stragglers one :
       {Stragglers::kEnd, Stragglers::kKill, Stragglers::kLinger})
    if (name_of(one) == name) return one;
  return std::nullopt;
}

struct KillPlan {
  SignalNumber first_signal = kSigterm;
  Microseconds grace = seconds(5);
};

/// What a request to end a job changes of its plan. Absent: as the plan says.
struct KillPlanChange {
  std::optional<SignalNumber> first_signal;
  std::optional<Microseconds> grace;

  [[nodiscard]] constexpr KillPlan of(const KillPlan& plan) const {
    return {.first_signal = first_signal.value_or(plan.first_signal),
            .grace = grace.value_or(plan.grace)};
  }
};

enum class KillStep : std::uint8_t {
  kNone = 0,
  kAsked = 1,
  kKilled = 2,
  kFrozenKilled = 3,
};

/// Where a job is in its plan. `deadline` is when the next step is due.
struct KillProgress {
  KillStep step = KillStep::kNone;
  BootTime deadline;
  std::uint32_t repeats = 0;  ///< of kFrozenKilled
};

inline constexpr Microseconds kKillPatience = milliseconds(50);
inline constexpr Microseconds kKillPauseMost = seconds(60);

/// The first step at `now`. A later, harsher request replaces a softer step, a
/// shorter grace the one that runs; a softer one changes nothing.
constexpr KillProgress begin_kill(const KillProgress& progress,
                                  const KillPlan& plan, BootTime now) {
  const bool kill_now = plan.first_signal == kSigkill || plan.grace.raw() == 0;
  if (kill_now && progress.step < KillStep::kKilled)
    return {.step = KillStep::kKilled,
            .deadline = now + kKillPatience,
            .repeats = 0};
  if (!kill_now && progress.step == KillStep::kNone)
    return {
        .step = KillStep::kAsked, .deadline = now + plan.grace, .repeats = 0};
  if (progress.step == KillStep::kAsked)
    return {.step = KillStep::kAsked,
            .deadline = std::min(progress.deadline, now + plan.grace),
            .repeats = 0};
  return progress;
}

/// The next step once the deadline of `progress` has passed at `now`; the same
/// progress when it has not.
constexpr KillProgress advance_kill(const KillProgress& progress,
                                    BootTime now) {
  if (progress.step == KillStep::kNone || now < progress.deadline)
    return progress;
  if (progress.step == KillStep::kAsked)
    return {.step = KillStep::kKilled,
            .deadline = now + kKillPatience,
            .repeats = 0};
  const std::uint32_t repeats =
      progress.step == KillStep::kFrozenKilled ? progress.repeats + 1 : 0;
  const Microseconds pause =
      std::min(Microseconds(milliseconds(200).raw() << std::min(repeats, 9U)),
               kKillPauseMost);
  return {.step = KillStep::kFrozenKilled,
          .deadline = now + pause,
          .repeats = repeats};
}

}  // namespace core
