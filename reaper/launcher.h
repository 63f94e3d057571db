// SPDX-License-Identifier: Apache-2.0
// Launcher: carries out launch orders, each once, and knows the answers until
// they are acknowledged. It never waits: a child tells by its report pipe how
// its set-up went; one that says nothing in time is killed and reported as
// stuck at its stage, whether it dies or not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "core/launch_stage.h"
#include "core/quantity.h"
#include "reaper/child_table.h"
#include "reaper/launch_request.h"
#include "reaper/link.h"
#include "reaper/open_orders.h"
#include "reaper/spawn.h"
#include "reaper/usual_schedule.h"
#include "sys/clock.h"
#include "sys/shared_memory.h"

namespace reaper {

class Launcher {
 public:
  /// `stages` is shared with the children: one word for each open order.
  Launcher(ChildTable& children, sys::SharedMemory stages)
      : children_(children), stages_(std::move(stages)) {}

  /// Children are rid of it at once: one that hangs before its exec would hold
  /// it longer than we do. -1: there is none.
  void withhold(int fd) { withheld_ = fd; }

  static constexpr std::size_t kStagesSize =
      kOpenOrders * sizeof(std::uint32_t);

  [[nodiscard]] const sys::UniqueFd& stages() const {
    return stages_.descriptor();
  }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] OpenOrders& orders() { return orders_; }

  /// A supervisor came, with its journal's number. Another number than before
  /// makes the old answers meaningless; else they are sent again. The records
  /// of children keep their orders: with the jid they tell a supervisor that
  /// lost its journal which process is the job's first.
  void begin_epoch(std::uint64_t epoch) {
    epoch_ = epoch;
    for (OpenOrder& open : orders_.all()) {
      if (open.state != OpenOrder::State::kAnswered) continue;
      if (open.epoch == epoch) open.is_wanted = true;
      if (open.epoch != epoch) open = OpenOrder();
    }
  }

  /// Takes up where an earlier image of the reaper stopped.
  void restore_epoch(std::uint64_t epoch) { epoch_ = epoch; }

  /// Carries out a kLaunch packet, or repeats its answer. False if it is none.
  [[nodiscard]] bool take_order(Received& received, Link& link) {
    Launch launch;
    if (received.body.size() < sizeof launch) return false;
    std::memcpy(&launch, received.body.data(), sizeof launch);
    if (OpenOrder* const open = orders_.find(launch.epoch, launch.order)) {
      open->is_wanted = open->state == OpenOrder::State::kAnswered;
      return true;
    }
    OpenOrder* const open = orders_.find_free();
    if (launch.epoch != epoch_ || open == nullptr) {
      // Not remembered: it was never begun and may be asked for again.
      Launched answer = answer_to(launch.epoch, launch.order);
      answer.stage = static_cast<std::uint32_t>(core::LaunchStage::kClone);
      answer.code = open == nullptr ? EAGAIN : ESTALE;
      (void)link.send(MessageType::kLaunched, answer);
      return true;
    }
    begin(*open, launch, received);
    return true;
  }

  /// Reads how the set-up of an order under way went, if it is known.
  void settle(OpenOrder& open) {
    const SetUpReport report = read_report(open.report);
    if (report.state == SetUp::kUnderWay) return;
    answer(open, report.failure);
  }

  /// Settles the order that made a process which has just died.
  void settle_process(core::Pid pid) {
    if (OpenOrder* const open = orders_.find_under_way(pid)) settle(*open);
  }

  /// Kills and reports the launches that are stuck at `now`.
  void expire(core::BootTime now) {
    for (OpenOrder& open : orders_.all()) {
      if (open.state != OpenOrder::State::kUnderWay || !is_due(open, now))
        continue;
      settle(open);  // it may have come through in the last moment
      if (open.state != OpenOrder::State::kUnderWay) continue;
      (void)open.pidfd.signal(core::SignalNumber(SIGKILL));  // it may be gone
      answer(open, {.stage = stage_of(open), .code = ETIME});
    }
  }

  /// The earliest deadline of an order under way.
  [[nodiscard]] std::optional<core::BootTime> next_deadline() {
    std::optional<core::BootTime> earliest;
    for (const OpenOrder& open : orders_.all()) {
      if (open.state != OpenOrder::State::kUnderWay ||
          open.deadline == core::BootTime())
        continue;
      earliest = earliest ? std::min(*earliest, open.deadline) : open.deadline;
    }
    return earliest;
  }

  void acknowledge(const OrderNumber& number) {
    OpenOrder* const open = orders_.find(number.epoch, number.order);
    if (open != nullptr && open->state == OpenOrder::State::kAnswered)
      *open = OpenOrder();
  }

  /// Sends the answers that are wanted, as far as the link takes them.
  [[nodiscard]] Sent send_answers(Link& link) {
    for (OpenOrder& open : orders_.all()) {
      if (!open.is_wanted) continue;
      const Sent sent = send_answer(open, link);
      if (sent != Sent::kYes) return sent;
      open.is_wanted = false;
    }
    return Sent::kYes;
  }

 private:
  static bool is_due(const OpenOrder& open, core::BootTime now) {
    return open.deadline != core::BootTime() && open.deadline <= now;
  }

  static Launched answer_to(std::uint64_t epoch, std::uint64_t order) {
    Launched launched;
    launched.epoch = epoch;
    launched.order = order;
    return launched;
  }

  [[nodiscard]] volatile std::uint32_t* stage_word(const OpenOrder& open) {
    auto* const words =
        reinterpret_cast<std::uint32_t*>(stages_.bytes().data());
    return words + orders_.index_of(open);
  }
  [[nodiscard]] core::LaunchStage stage_of(const OpenOrder& open) {
    // The child could have written anything there.
    const std::uint32_t word = *stage_word(open);
    return word <= static_cast<std::uint32_t>(core::LaunchStage::kLast)
               ? static_cast<core::LaunchStage>(word)
               : core::LaunchStage::kNone;
  }

  void begin(OpenOrder& open, const Launch& launch, Received& received) {
    open.state = OpenOrder::State::kUnderWay;
    open.epoch = launch.epoch;
    open.order = launch.order;
    if (launch.timeout_us != 0)
      open.deadline = sys::boot_now() + core::Microseconds(launch.timeout_us);
    LaunchRequest request;
    const int code = request.read(launch, received.body.subspan(sizeof launch),
                                  received.fds(), received.packet.was_cut);
    if (code != 0)
      return answer(open, {.stage = core::LaunchStage::kDecode, .code = code});
    spawn_for(open, launch, request);
  }

  void spawn_for(OpenOrder& open, const Launch& launch,
                 const LaunchRequest& request) {
    ChildPlan plan;
    plan.block = &request.block();
    plan.block_memory = request.memory().data();
    plan.flags = request.block().header().flags;
    plan.descriptors = request.descriptors();
    plan.withheld = withheld_;
    plan.reset_schedule = take_usual_schedule;
    plan.stage = stage_word(open);
    *plan.stage = static_cast<std::uint32_t>(core::LaunchStage::kClone);
    open.cloned = sys::boot_now();
    auto spawned = spawn(plan, request.cgroup());
    if (!spawned)
      return answer(open, {.stage = core::LaunchStage::kClone,
                           .code = spawned.error().code});
    if (!spawned->pidfd.is_open()) {
      // The supervisor could never be sure whom it signals.
      (void)::kill(spawned->pid.raw(), SIGKILL);
      return answer(open, {.stage = core::LaunchStage::kClone, .code = ENOSYS});
    }
    open.pid = spawned->pid;
    open.pidfd = std::move(spawned->pidfd);
    open.report = std::move(spawned->report);
    (void)children_.remember({.pid = open.pid.raw(),
                              .reserved = 0,
                              .jid = launch.jid,
                              .order = launch.order});
  }

  /// The order came to its answer.
  void answer(OpenOrder& open, core::LaunchFailure failure) const {
    open.state = OpenOrder::State::kAnswered;
    open.failure = failure;
    open.report.reset();
    open.is_wanted = true;
    if (failure.stage != core::LaunchStage::kNone) {
      open.pid = core::Pid();
      open.pidfd = sys::PidFd();
    }
    if (open.epoch != epoch_) open = OpenOrder();  // nobody asks any more
  }

  [[nodiscard]] static Sent send_answer(const OpenOrder& open, Link& link) {
    Launched launched = answer_to(open.epoch, open.order);
    launched.pid = open.pid.raw();
    launched.code = open.failure.code;
    launched.stage = static_cast<std::uint32_t>(open.failure.stage);
    launched.cloned_us = static_cast<std::uint32_t>(open.cloned.raw());
    const int pidfd = open.pidfd.get();
    return link.send(MessageType::kLaunched, launched,
                     std::span(&pidfd, pidfd >= 0 ? 1U : 0U));
  }

  ChildTable& children_;
  sys::SharedMemory stages_;
  OpenOrders orders_;
  std::uint64_t epoch_ = 0;
  int withheld_ = -1;
};

}  // namespace reaper
