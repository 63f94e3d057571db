// SPDX-License-Identifier: Apache-2.0
// A program of the reaper's own: how it is started with its descriptors at
// agreed numbers, when it began, and when it is to be started again.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/ids.h"
#include "core/kill_plan.h"
#include "core/quantity.h"
#include "reaper/own_commands.h"
#include "reaper/reap.h"
#include "reaper/restart_policy.h"
#include "reaper/say.h"
#include "reaper/spawn.h"
#include "sys/clock.h"

namespace reaper {

/// Starts a program in a session of its own, so that a terminal's signals
/// reach the reaper alone. `fds[i]` becomes number 3 + i; -1 is passed over.
[[nodiscard]] inline core::Result<Spawned> spawn_own(CommandWords words,
                                                     std::span<const int> fds) {
  int given[kStorePidFd + 1 - kLinkFd];
  std::int32_t numbers[kStorePidFd + 1 - kLinkFd];
  std::size_t count = 0;
  for (std::size_t i = 0; i < fds.size(); ++i) {
    if (fds[i] < 0) continue;
    given[count] = fds[i];
    numbers[count++] = kLinkFd + static_cast<std::int32_t>(i);
  }
  ChildPlan plan;
  plan.argv = words.words();
  plan.envp = environ;
  plan.flags = LaunchHeader::kNewSession;
  plan.descriptors = std::span(given).first(count);
  plan.targets = std::span(numbers).first(count);
  return spawn(plan, -1);
}

/// "X ended by signal 9", and when it is started again unless that is now.
inline Sentence describe_end(const char* what, std::int32_t status,
                             core::Microseconds pause) {
  Sentence sentence(what);
  if ((status & 0x7F) != 0) {
    sentence.append(" ended by signal ").append_number(status & 0x7F);
  } else {
    sentence.append(" ended with status ").append_number((status >> 8) & 0xFF);
  }
  if (pause.raw() != 0)
    sentence.append("; it is started again in ")
        .append_unsigned(pause.raw() / 1000)
        .append(" ms");
  return sentence;
}

class OwnProcess {
 public:
  [[nodiscard]] core::Pid pid() const { return pid_; }
  [[nodiscard]] bool is_running() const { return pid_ != core::Pid(); }
  [[nodiscard]] const sys::PidFd& pidfd() const { return pidfd_; }
  /// Open until the program runs or could not.
  [[nodiscard]] const sys::UniqueFd& report() const { return report_; }
  /// errno of the last start, 0 if it went well.
  [[nodiscard]] int start_code() const { return start_code_; }

  bool is_working = false;  ///< it has said hello

  void start(core::Result<Spawned> spawned) {
    began_ = sys::boot_now();
    end_deadline_.reset();
    is_working = false;
    was_killed_ = false;
    start_code_ = spawned ? 0 : spawned.error().code;
    if (!spawned) return pause(ProgramEnd{});
    pid_ = spawned->pid;
    pidfd_ = std::move(spawned->pidfd);
    report_ = std::move(spawned->report);
  }

  void read_start() {
    if (!report_.is_open()) return;
    const SetUpReport report = ::reaper::read_report(report_);
    if (report.state == SetUp::kFailed) start_code_ = report.failure.code;
    if (report.state != SetUp::kUnderWay) report_.reset();
  }

  /// Ends one that does not come to work: an end of its own doing.
  void kill() {
    if (is_running()) was_killed_ = true;
    finish_off();
  }

  /// For one whose link has closed. It is mostly ending already (a process
  /// closes its descriptors first), with a status that is worth its time.
  void await_end() { end_deadline_ = sys::boot_now() + kLastSteps; }

  /// Kills it, unless it has ended: also one that is not our child, if its
  /// pidfd was handed to us.
  void finish_off() { (void)sys::signal_child(pidfd_, pid_, core::kSigkill); }

  /// When it must have ended, if it must, or said hello, if it has not.
  [[nodiscard]] std::optional<core::BootTime> deadline() const {
    if (!is_running() || was_killed_) return std::nullopt;
    if (end_deadline_ || is_working) return end_deadline_;
    return began_ + kPatience;
  }
  [[nodiscard]] bool is_overdue(core::BootTime now) const {
    const auto due = deadline();
    return due && *due <= now;
  }

  /// Takes its end if it has ended, and plans the next start.
  [[nodiscard]] std::optional<DeadChild> take_end() {
    if (!is_running()) return std::nullopt;
    const auto dead = take_dead_child(pid_);
    if (!dead) return std::nullopt;
    read_start();
    const std::int32_t status = dead->wait_status;
    pause({.was_working = is_working,
           .was_own_doing = was_killed_ || (status != 0 && status != SIGKILL),
           .lived = sys::boot_now() - began_});
    pid_ = core::Pid();
    pidfd_ = sys::PidFd();
    report_.reset();
    is_working = false;
    return dead;
  }

  /// Whether it waits for a later start.
  [[nodiscard]] bool is_pausing(core::BootTime now) const {
    return !is_running() && now < next_start_;
  }
  [[nodiscard]] core::BootTime next_start() const { return next_start_; }

  void restore(core::Pid pid, sys::PidFd pidfd, core::BootTime began) {
    pid_ = pid;
    pidfd_ = std::move(pidfd);
    began_ = began;
  }
  [[nodiscard]] core::BootTime began() const { return began_; }

 private:
  /// A program that works says hello within this.
  static constexpr core::Microseconds kPatience = core::seconds(30);
  /// One that closed its link ends within this.
  static constexpr core::Microseconds kLastSteps = core::seconds(2);

  void pause(const ProgramEnd& end) {
    next_start_ = sys::boot_now() + restarts_.pause_after(end);
  }

  core::Pid pid_;
  sys::PidFd pidfd_;
  sys::UniqueFd report_;
  core::BootTime began_;
  core::BootTime next_start_;
  std::optional<core::BootTime> end_deadline_;
  RestartCount restarts_;
  int start_code_ = 0;
  bool was_killed_ = false;  ///< by us
};

}  // namespace reaper
