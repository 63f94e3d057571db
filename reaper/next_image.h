// SPDX-License-Identifier: Apache-2.0
// NextImage: the program that the reaper is to become. It is first run as a
// child that checks the state; only when it says yes does the reaper become
// it. A check that says no, or nothing in time, is a refusal with its reason.
#pragma once

#include <signal.h>

#include <cstring>
#include <optional>
#include <string_view>

#include "core/quantity.h"
#include "core/text.h"
#include "reaper/own_commands.h"
#include "reaper/own_process.h"
#include "reaper/protocol.h"
#include "reaper/state.h"
#include "sys/clock.h"

namespace reaper {

class NextImage {
 public:
  /// Begins the check. One that is under way is left alone.
  void check(const char* path, const State& state) {
    if (checker_ != core::Pid()) return;
    refusal_.reset();
    path_.clear();
    path_.append(path);
    const int fds[] = {state.descriptor().get()};
    auto spawned = spawn_own(OwnCommands::checker(path_.c_str()), fds);
    if (!spawned) return refuse(spawned.error().code, "cannot start its check");
    checker_ = spawned->pid;
    pidfd_ = std::move(spawned->pidfd);
    report_ = std::move(spawned->report);
    deadline_ = sys::boot_now() + kPatience;
  }

  [[nodiscard]] core::Pid checker() const { return checker_; }
  [[nodiscard]] std::optional<core::BootTime> deadline() const {
    if (checker_ == core::Pid() || was_killed_) return std::nullopt;
    return deadline_;
  }

  void expire(core::BootTime now) {
    if (!deadline() || now < deadline_) return;
    was_killed_ = true;
    (void)pidfd_.signal(core::SignalNumber(SIGKILL));  // it may be gone
    refuse(ETIME, "its check of the state took too long");
  }

  /// Takes the check's end, if it ended.
  void take_end() {
    if (checker_ == core::Pid()) return;
    const auto dead = take_dead_child(checker_);
    if (!dead) return;
    const SetUpReport report = read_report(report_);
    if (report.state == SetUp::kFailed)
      refuse(report.failure.code, "it cannot be executed");
    else if (!was_killed_ && dead->wait_status != 0)
      refuse(EBADMSG, "it would not have the state");
    else
      is_accepted_ = !was_killed_;
    checker_ = core::Pid();
    pidfd_ = sys::PidFd();
    report_.reset();
    was_killed_ = false;
  }

  /// The program to become now; it is asked for once.
  [[nodiscard]] bool take_acceptance() {
    return std::exchange(is_accepted_, false);
  }
  [[nodiscard]] const char* path() const { return path_.c_str(); }

  void refuse(int code, const char* why) {
    core::Text<123> text("'");
    text.append(path_.view()).append("': ").append(why);
    Refused refused;
    refused.code = code;
    std::memcpy(refused.text, text.c_str(), text.size());
    refusal_ = refused;
    is_told_ = false;
  }
  /// Null: there is none to be told.
  [[nodiscard]] const Refused* refusal() const {
    return refusal_ && !is_told_ ? &*refusal_ : nullptr;
  }
  void refusal_was_told() { is_told_ = true; }
  /// To the one after him who asked, who ended and may not have read it.
  void tell_again() { is_told_ = false; }

 private:
  static constexpr core::Microseconds kPatience = core::seconds(10);

  core::Text<4095> path_;
  core::Pid checker_;
  sys::PidFd pidfd_;
  sys::UniqueFd report_;
  core::BootTime deadline_;
  std::optional<Refused> refusal_;
  bool is_told_ = false;
  bool is_accepted_ = false;
  bool was_killed_ = false;
};

}  // namespace reaper
