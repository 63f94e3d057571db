// SPDX-License-Identifier: Apache-2.0
// Why a job ended, as a word, a sentence and a shell's code: from a table.
#include "core/job_result.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <string>

#include <doctest/doctest.h>

namespace {

using namespace core;

JobResult only(Reason reason) {
  JobResult result;
  result.reason = reason;
  return result;
}

JobResult with_status(Reason reason, std::int32_t status) {
  JobResult result;
  result.reason = reason;
  result.has_status = true;
  result.wait_status = status;
  return result;
}

JobResult launch_failed(LaunchStage stage, int code, const char* detail) {
  JobResult result;
  result.reason = Reason::kLaunchFailed;
  result.launch = {.stage = stage, .code = code};
  result.detail = detail;
  return result;
}

JobResult with_detail(JobResult result, const char* detail) {
  result.detail = detail;
  return result;
}

JobResult over_limit(LimitKind kind) {
  JobResult result = with_status(Reason::kOverLimit, 15);
  result.limit = {.kind = kind, .value = 3100000, .bound = 3000000};
  return result;
}

JobResult cancelled_by(std::uint32_t uid, const char* who) {
  JobResult result = with_status(Reason::kCancelled, 3 << 8);
  result.by = Uid(uid);
  result.detail = who;
  return result;
}

struct Row {
  JobResult result;
  const char* word;
  const char* sentence;
  int code;
};

const Row kRows[] = {
    {{}, "running", "has not ended", 125},
    {with_status(Reason::kExited, 0), "exited", "exited with code 0", 0},
    {with_status(Reason::kExited, 42 << 8), "exited", "exited with code 42",
     42},
    {with_status(Reason::kSignalled, SIGKILL), "signalled",
     "was ended by SIGKILL", 137},
    {with_status(Reason::kDumpedCore, SIGSEGV | 0x80), "dumped-core",
     "was ended by SIGSEGV and dumped core", 139},
    {with_status(Reason::kOutOfMemory, SIGKILL), "out-of-memory",
     "was ended by the kernel because memory ran out; its main process was "
     "ended by SIGKILL",
     137},
    {over_limit(LimitKind::kWallTime), "over-limit",
     "passed its limit of wall time: 3.100 s of 3.000 s; its main process was "
     "ended by SIGTERM",
     143},
    {over_limit(LimitKind::kCpuTime), "over-limit",
     "passed its limit of cpu time: 3.100 s of 3.000 s; its main process was "
     "ended by SIGTERM",
     143},
    {over_limit(LimitKind::kMemory), "over-limit",
     "passed its limit of memory: 2.9 MiB of 2.8 MiB; its main process was "
     "ended by SIGTERM",
     143},
    {over_limit(LimitKind::kProcesses), "over-limit",
     "passed its limit of processes: 3100000 of 3000000; its main process was "
     "ended by SIGTERM",
     143},
    {over_limit(static_cast<LimitKind>(99)), "over-limit",
     "passed its limit of unknown: 3100000 of 3000000; its main process was "
     "ended by SIGTERM",
     143},
    {cancelled_by(1000, ""), "cancelled",
     "was cancelled by uid 1000; its main process exited with code 3", 3},
    {cancelled_by(1000, "uid 1000 (alice)"), "cancelled",
     "was cancelled by uid 1000 (alice); its main process exited with code 3",
     3},
    {launch_failed(LaunchStage::kExec, ENOENT, "foo"), "launch-failed",
     "cannot execute 'foo': No such file or directory", 127},
    {launch_failed(LaunchStage::kExec, EACCES, "foo"), "launch-failed",
     "cannot execute 'foo': Permission denied", 126},
    {launch_failed(LaunchStage::kDirectory, ENOENT, "/x"), "launch-failed",
     "failed while changing the directory '/x': No such file or directory",
     125},
    {launch_failed(LaunchStage::kClone, EAGAIN, ""), "launch-failed",
     "failed while creating the process: Resource temporarily unavailable",
     125},
    {launch_failed(LaunchStage::kClone, ENOMEM, ""), "launch-failed",
     "failed while creating the process: Cannot allocate memory", 125},
    {launch_failed(LaunchStage::kClone, EMFILE, "foo"), "launch-failed",
     "failed while creating the process 'foo': Too many open files", 125},
    {launch_failed(LaunchStage::kExec, E2BIG, "foo"), "launch-failed",
     "cannot execute 'foo': Argument list too long", 126},
    {launch_failed(LaunchStage::kExec, ETIME, "foo"), "launch-failed",
     "was killed: no answer in time while executing the program foo", 126},
    {with_detail(only(Reason::kGaveUp), "no space"), "gave-up",
     "was given up by the supervisor: no space", 125},
    {only(Reason::kUnknown), "unknown", "ended with an unknown status", 125},
    {with_detail(only(Reason::kUnknown), "reaper killed"), "unknown",
     "ended with an unknown status: reaper killed", 125},
    {only(Reason::kCrashed), "crashed",
     "was ended by a crash of the machine or the instance", 125},
    {only(Reason::kDetached), "detached",
     "was left by its main process, which lives on", 125},
    {only(Reason::kClosed), "closed", "was closed", 0},
};

TEST_CASE("an imposed end has one cause, the first of those that hold") {
  constexpr std::int32_t kGood = 0;
  constexpr std::int32_t kCode3 = 3 << 8;
  const EndCauses all = {
      .launch_failure = LaunchFailure{LaunchStage::kExec, ENOENT},
      .limit_hit = LimitHit{LimitKind::kWallTime, 2, 1},
      .out_of_memory = OutOfMemory::kInJob,
      .status = SIGKILL};
  const auto reason_of = [](const EndCauses& causes) {
    const auto result = imposed_result(causes);
    return result ? result->reason : Reason::kNone;
  };
  EndCauses some = all;
  CHECK(reason_of(some) == Reason::kLaunchFailed);
  some.launch_failure.reset();
  CHECK(reason_of(some) == Reason::kOverLimit);
  some.limit_hit.reset();
  CHECK(reason_of(some) == Reason::kOutOfMemory);
  some.out_of_memory = OutOfMemory::kNowhere;
  CHECK(reason_of(some) == Reason::kNone);

  struct Kill {
    OutOfMemory where;
    std::optional<std::int32_t> status;
    bool is_cause;
  };
  for (const Kill& row : {Kill{OutOfMemory::kInJob, kGood, false},
                          Kill{OutOfMemory::kInJob, kCode3, true},
                          Kill{OutOfMemory::kInJob, SIGKILL, true},
                          Kill{OutOfMemory::kInJob, std::nullopt, true},
                          Kill{OutOfMemory::kAround, kGood, false},
                          Kill{OutOfMemory::kAround, kCode3, false},
                          Kill{OutOfMemory::kAround, SIGKILL, true},
                          Kill{OutOfMemory::kAround, std::nullopt, false}}) {
    CAPTURE(static_cast<int>(row.where));
    CAPTURE(row.status.value_or(-1));
    CHECK((reason_of({.launch_failure = {},
                      .limit_hit = {},
                      .out_of_memory = row.where,
                      .status = row.status}) == Reason::kOutOfMemory) ==
          row.is_cause);
  }
}

}  // namespace

TEST_CASE("word, sentence and shell's code of every reason") {
  bool seen[static_cast<int>(Reason::kLast) + 1] = {};
  for (const Row& row : kRows) {
    seen[static_cast<int>(row.result.reason)] = true;
    CHECK(word_of(row.result.reason) == row.word);
    CHECK(std::string(sentence_of(row.result).view()) == row.sentence);
    CHECK(shell_code(row.result) == row.code);
  }
  for (const bool is_seen : seen)
    CHECK(is_seen);
}

TEST_CASE("every reason has a word of its own") {
  constexpr int kCount = static_cast<int>(Reason::kLast) + 1;
  for (int i = 0; i < kCount; ++i)
    for (int j = 0; j < i; ++j)
      CHECK(word_of(static_cast<Reason>(i)) != word_of(static_cast<Reason>(j)));
  CHECK(word_of(static_cast<Reason>(99)) == "unknown");
}

TEST_CASE("a wait status is read as wait(2)'s macros read it") {
  int differing = 0;
  for (std::int32_t status = 0; status < 0x10000; ++status) {
    if ((status & 0x7F) == 0x7F) continue;  // stopped: no end
    bool is_same = status_is_exit(status) == WIFEXITED(status);
    if (WIFEXITED(status))
      is_same = is_same && exit_code_of(status) == WEXITSTATUS(status);
    else
      is_same = is_same && signal_of(status) == WTERMSIG(status) &&
                dumped_core(status) == (WCOREDUMP(status) != 0);
    if (!is_same) ++differing;
  }
  CHECK(differing == 0);
  CHECK(reason_of_status(0x100) == Reason::kExited);
  CHECK(reason_of_status(9) == Reason::kSignalled);
  CHECK(reason_of_status(0x8B) == Reason::kDumpedCore);
}

TEST_CASE("signals have the names that people know") {
  CHECK(signal_name(SIGHUP) == "SIGHUP");
  CHECK(signal_name(SIGCHLD) == "SIGCHLD");
  CHECK(signal_name(SIGWINCH) == "SIGWINCH");
  CHECK(signal_name(SIGSYS) == "SIGSYS");
  CHECK(signal_name(34) == "SIGRTMIN");
  CHECK(signal_name(37) == "SIGRTMIN+3");
  CHECK(signal_name(64) == "SIGRTMIN+30");
  CHECK(signal_name(0) == "signal 0");
  CHECK(signal_name(32) == "signal 32");
  CHECK(signal_name(77) == "signal 77");
}

TEST_CASE("seconds have three decimals") {
  CHECK(seconds_text(0) == "0.000 s");
  CHECK(seconds_text(999) == "0.000 s");
  CHECK(seconds_text(5000) == "0.005 s");
  CHECK(seconds_text(12345678) == "12.345 s");
}
