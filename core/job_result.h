// SPDX-License-Identifier: Apache-2.0
// Why a job ended: one word and one sentence, made from facts. Allocation free:
// supervisor and scope say the same.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/ids.h"
#include "core/launch_stage.h"
#include "core/limits.h"
#include "core/quantity.h"
#include "core/text.h"

namespace core {

enum class Reason : std::uint8_t {
  kNone = 0,      ///< it has not ended
  kExited,        ///< the main process exited; its code says how
  kSignalled,     ///< a signal ended the main process
  kDumpedCore,    ///< likewise, and it left a core
  kOutOfMemory,   ///< the kernel's out-of-memory killer ended it
  kOverLimit,     ///< a limit of the job was passed
  kCancelled,     ///< somebody asked for its end
  kLaunchFailed,  ///< its program never ran
  kGaveUp,        ///< the supervisor gave up on it
  kUnknown,       ///< nobody was left who could tell: never invented
  kCrashed,       ///< the machine or the whole instance went down under it
  kDetached,      ///< its processes live on outside of it
  kClosed,        ///< the session was closed
  kLast = kClosed,
};

/// The word in records, on the bus and in --json.
constexpr std::string_view word_of(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "running";
    case Reason::kExited:
      return "exited";
    case Reason::kSignalled:
      return "signalled";
    case Reason::kDumpedCore:
      return "dumped-core";
    case Reason::kOutOfMemory:
      return "out-of-memory";
    case Reason::kOverLimit:
      return "over-limit";
    case Reason::kCancelled:
      return "cancelled";
    case Reason::kLaunchFailed:
      return "launch-failed";
    case Reason::kGaveUp:
      return "gave-up";
    case Reason::kUnknown:
      return "unknown";
    case Reason::kCrashed:
      return "crashed";
    case Reason::kDetached:
      return "detached";
    case Reason::kClosed:
      return "closed";
  }
  return "unknown";
}

struct JobResult {
  Reason reason = Reason::kNone;
  bool has_status = false;       ///< wait_status is known
  std::int32_t wait_status = 0;  ///< of the main process, as wait(2) gives it
  LimitHit limit;                ///< for kOverLimit
  LaunchFailure launch;          ///< for kLaunchFailed
  Uid by;                        ///< for kCancelled: who asked
  Text<96> detail;  ///< a name or cause: program, user, "reaper killed"
};

/// wait(2)'s macros as functions of a value.
constexpr bool status_is_exit(std::int32_t status) {
  return (status & 0x7F) == 0;
}
constexpr int exit_code_of(std::int32_t status) {
  return (status >> 8) & 0xFF;
}
constexpr int signal_of(std::int32_t status) {
  return status & 0x7F;
}
constexpr bool dumped_core(std::int32_t status) {
  return !status_is_exit(status) && (status & 0x80) != 0;
}

/// The plain reading of a wait status.
constexpr Reason reason_of_status(std::int32_t status) {
  if (status_is_exit(status)) return Reason::kExited;
  return dumped_core(status) ? Reason::kDumpedCore : Reason::kSignalled;
}

/// Where the kernel's out-of-memory killer was seen to strike.
enum class OutOfMemory : std::uint8_t {
  kNowhere,
  kInJob,   ///< by the job's own counter
  kAround,  ///< by the counter of a cgroup that others share
};

/// Why a job may have ended, as its supervisor or, alone, its scope knows it.
struct EndCauses {
  std::optional<LaunchFailure> launch_failure;
  std::optional<LimitHit> limit_hit;
  OutOfMemory out_of_memory = OutOfMemory::kNowhere;
  std::optional<std::int32_t> status;  ///< of the main process
};

/// The first cause of: launch failure, limit, out of memory. Nothing if it is
/// none of them; `detail` is the caller's. A main process that got over the
/// death of another ends well, and one that shares the counter must have got
/// the SIGKILL itself.
constexpr std::optional<JobResult> imposed_result(const EndCauses& causes) {
  JobResult result;
  result.has_status = causes.status.has_value();
  result.wait_status = causes.status.value_or(0);
  if (causes.launch_failure) {
    result.reason = Reason::kLaunchFailed;
    result.launch = *causes.launch_failure;
    return result;
  }
  if (causes.limit_hit) {
    result.reason = Reason::kOverLimit;
    result.limit = *causes.limit_hit;
    return result;
  }
  result.reason = Reason::kOutOfMemory;
  if (causes.out_of_memory == OutOfMemory::kInJob && causes.status != 0)
    return result;
  if (causes.out_of_memory == OutOfMemory::kAround &&
      signal_of(result.wait_status) == 9)
    return result;
  return std::nullopt;
}

/// The result of a job of which nothing but its main process's end is known.
constexpr JobResult plain_result(std::int32_t status) {
  JobResult result;
  result.reason = reason_of_status(status);
  result.has_status = true;
  result.wait_status = status;
  return result;
}

/// The exit code where Corral itself failed or cannot tell.
inline constexpr int kOwnFailureCode = 125;

/// A wait status as a shell shows it: the exit code, or 128 + the signal.
constexpr int shell_code(std::int32_t status) {
  return status_is_exit(status) ? exit_code_of(status)
                                : 128 + signal_of(status);
}

/// 127 for a program that was not found, 126 for one that could not be
/// executed, kOwnFailureCode where it did not come so far.
constexpr int shell_code(const LaunchFailure& failure) {
  if (failure.stage != LaunchStage::kExec) return kOwnFailureCode;
  return failure.code == ENOENT ? 127 : 126;
}

/// What a shell shows for a result: the exit code or 128 + signal of the main
/// process, what stands for a launch that failed, or kOwnFailureCode.
constexpr int shell_code(const JobResult& result) {
  if (result.reason == Reason::kLaunchFailed) return shell_code(result.launch);
  if (result.reason == Reason::kClosed) return 0;
  if (!result.has_status) return kOwnFailureCode;
  return shell_code(result.wait_status);
}

/// "SIGTERM", "SIGRTMIN+3", or "signal 77".
inline Text<16> signal_name(int number) {
  static constexpr char kNames[][7] = {
      "",       "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",
      "FPE",    "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM",
      "STKFLT", "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",
      "XCPU",   "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS"};
  Text<16> text;
  if (number > 0 && number < 32)
    return text.append("SIG").append(kNames[number]);
  if (number >= 34 && number <= 64) {
    text.append("SIGRTMIN");
    if (number > 34) text.append("+").append_number(number - 34);
    return text;
  }
  return text.append("signal ").append_number(number);
}

/// Seconds with three decimals: "12.345 s".
inline Text<32> seconds_text(std::uint64_t microseconds) {
  Text<32> text;
  text.append_unsigned(microseconds / 1000000).append(".");
  const std::uint64_t fraction = microseconds / 1000 % 1000;
  if (fraction < 100) text.append("0");
  if (fraction < 10) text.append("0");
  return text.append_unsigned(fraction).append(" s");
}

namespace detail {

/// "1.5 GiB", "12.0 KiB", "17 B".
inline Text<32> bytes_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  unsigned unit = 0;
  std::uint64_t whole = bytes;
  std::uint64_t tenth = 0;
  while (whole >= 1024 && unit < 5) {
    tenth = (whole % 1024) * 10 / 1024;
    whole /= 1024;
    ++unit;
  }
  Text<32> text;
  text.append_unsigned(whole);
  if (unit > 0) text.append(".").append_unsigned(tenth);
  return text.append(" ").append(kUnits[unit]);
}

}  // namespace detail

/// An amount of a limit in its unit: "3.000 s", "64.0 MiB", "20".
inline Text<32> amount_text(LimitUnit unit, std::uint64_t amount) {
  switch (unit) {
    case LimitUnit::kMicroseconds:
      return seconds_text(amount);
    case LimitUnit::kBytes:
      return detail::bytes_text(amount);
    case LimitUnit::kCount:
    case LimitUnit::kPercent:
    case LimitUnit::kProcessors:
      break;
  }
  return Text<32>().append_unsigned(amount);
}

/// How the main process ended, as the end of a sentence about the job.
inline void append_main_status(Text<320>& text, const JobResult& result) {
  if (!result.has_status) {
    text.append("; the status of its main process is unknown");
  } else if (status_is_exit(result.wait_status)) {
    text.append("; its main process exited with code ")
        .append_number(exit_code_of(result.wait_status));
  } else {
    text.append("; its main process was ended by ")
        .append(signal_name(signal_of(result.wait_status)).view());
  }
}

inline void append_limit(Text<320>& text, const LimitHit& limit) {
  const LimitRow row = row_of(limit.kind);
  text.append("passed its limit of ").append(row.name).append(": ");
  text.append(amount_text(row.unit, limit.value).view()).append(" of ");
  text.append(amount_text(row.unit, limit.bound).view());
}

inline void append_launch_failure(Text<320>& text, const JobResult& result) {
  const std::string_view detail = result.detail.view();
  if (result.launch.code == ETIME) {
    text.append("was killed: no answer in time while ")
        .append(name_of(result.launch.stage))
        .append(detail.empty() ? "" : " ")
        .append(detail);
    return;
  }
  if (result.launch.stage == LaunchStage::kExec) {
    text.append("cannot execute '").append(detail).append("'");
  } else {
    text.append("failed while ").append(name_of(result.launch.stage));
    if (!detail.empty()) text.append(" '").append(detail).append("'");
  }
  if (result.launch.code != 0)  // 0: somebody has gone
    text.append(": ").append(std::strerror(result.launch.code));
}

/// One sentence for people, without a final period.
inline Text<320> sentence_of(const JobResult& result) {
  Text<320> text;
  switch (result.reason) {
    case Reason::kNone:
      return text.append("has not ended");
    case Reason::kExited:
      return text.append("exited with code ")
          .append_number(exit_code_of(result.wait_status));
    case Reason::kSignalled:
    case Reason::kDumpedCore:
      return text.append("was ended by ")
          .append(signal_name(signal_of(result.wait_status)).view())
          .append(dumped_core(result.wait_status) ? " and dumped core" : "");
    case Reason::kOutOfMemory:
      text.append("was ended by the kernel because memory ran out");
      append_main_status(text, result);
      return text;
    case Reason::kOverLimit:
      append_limit(text, result.limit);
      append_main_status(text, result);
      return text;
    case Reason::kCancelled:
      text.append("was cancelled by ");
      if (result.detail.empty()) {
        text.append("uid ").append_unsigned(result.by.raw());
      } else {
        text.append(result.detail.view());
      }
      append_main_status(text, result);
      return text;
    case Reason::kLaunchFailed:
      append_launch_failure(text, result);
      return text;
    case Reason::kGaveUp:
      return text.append("was given up by the supervisor: ")
          .append(result.detail.view());
    case Reason::kUnknown:
      text.append("ended with an unknown status");
      if (!result.detail.empty())
        text.append(": ").append(result.detail.view());
      return text;
    case Reason::kCrashed:
      return text.append("was ended by a crash of the machine or the instance");
    case Reason::kDetached:
      return text.append("was left by its main process, which lives on");
    case Reason::kClosed:
      return text.append("was closed");
  }
  return text;
}

}  // namespace core
