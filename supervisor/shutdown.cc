// SPDX-License-Identifier: Apache-2.0
#include "supervisor/shutdown.h"

#include <algorithm>
#include <utility>

#include "accounting/append.h"
#include "supervisor/log.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

/// How long the end of an instance waits for its last records.
constexpr core::Microseconds kLastRecords = core::seconds(5);
/// How long after the budget the jobs that were killed may take to be gone, and
/// the records to be written: an engine's 10 s less the usual 8 s, and some
/// room.
constexpr core::Microseconds kAfterBudget = core::milliseconds(1200);
/// How long the scribe has to write down what is lost.
constexpr core::Microseconds kLeaving = core::milliseconds(500);

}  // namespace

Shutdown::Shutdown(EventLoop& loop, const Parts& parts,
                   std::optional<core::Microseconds> budget,
                   std::function<void(std::int32_t)> on_over)
    : parts_(parts),
      budget_(budget),
      on_over_(std::move(on_over)),
      timer_(loop, [this] { on_timer(); }),
      last_records_(loop, [this] { go_on(); }),
      patience_(loop, [this] {
        is_loss_left_ = true;
        go_on();
      }) {}

void Shutdown::begin(std::string_view who) {
  if (is_under_way_) return;
  StopOrder order;
  order.who = who;
  if (budget_) order.deadline = sys::boot_now() + *budget_;
  remember(order);
  proceed();
}

void Shutdown::resume() {
  if (is_under_way_ || !parts_.history.stop) return;
  spdlog::warn("going on with the shutdown that was under way");
  proceed();
}

void Shutdown::remember(const StopOrder& order) {
  parts_.history.stop = order;
  const auto done = parts_.service.remember(encode_item(order));
  if (!done)
    spdlog::error("the shutdown is not remembered: {}",
                  text_of(done.error().message()));
}

void Shutdown::proceed() {
  is_under_way_ = true;
  parts_.service.end_all(parts_.history.stop->who.view());
  const core::BootTime deadline = parts_.history.stop->deadline;
  if (deadline != core::BootTime()) timer_.set(deadline);
  parts_.service.settle();
  go_on();
}

void Shutdown::on_timer() {
  if (is_over_ || parts_.table.live_count() == 0) return;
  const core::BootTime deadline = parts_.history.stop->deadline;
  if (sys::boot_now() < deadline + kAfterBudget) {
    kill_all();
    return timer_.set(deadline + kAfterBudget);
  }
  spdlog::error("{} jobs could not be ended in time; the reaper kills them",
                parts_.table.live_count());
  is_last_resort_ = true;
  go_on();
}

void Shutdown::kill_all() {
  StopOrder order = *parts_.history.stop;
  for (const auto& [jid, entry] : parts_.table.jobs()) {
    // One that is closing is empty, and waits for its record alone.
    if (entry.job.state >= core::JobState::kClosing) continue;
    order.was_hard = true;
    spdlog::warn("job {} has not ended in time: killing it",
                 core::display(jid).view());
  }
  if (!order.was_hard) return;
  remember(order);
  parts_.service.end_all(
      order.who.view(),
      core::KillPlanChange{.first_signal = core::kSigkill, .grace = {}});
  parts_.service.settle();
}

void Shutdown::go_on() {
  if (!is_under_way_ || is_over_) return;
  if (is_last_resort_) return finish(kKilled);
  if (parts_.table.live_count() != 0) return;
  if (!parts_.recorder.is_idle() && has_time_for_records()) return;
  const std::uint64_t left =
      parts_.recorder.counts().waiting + parts_.recorder.in_ring();
  if (left != 0 && is_leaving_losses()) return;
  if (left != 0)
    spdlog::error("{} accounting records are left unwritten", left);
  finish(parts_.history.stop->was_hard ? kKilled : kOrderly);
}

bool Shutdown::has_time_for_records() {
  // A disk that refuses does not keep the instance alive.
  if (parts_.recorder.is_refused()) return false;
  if (last_records_.is_set()) return true;
  if (std::exchange(has_waited_for_records_, true)) return false;
  const core::BootTime now = sys::boot_now();
  core::BootTime until = now + kLastRecords;
  if (const core::BootTime deadline = parts_.history.stop->deadline;
      deadline != core::BootTime())
    until = std::min(until, std::max(now, deadline + kAfterBudget));
  last_records_.set(until);
  return true;
}

/// The next scribe of the file tells how many they were. One that does not
/// answer, as its disk hangs, is not waited for.
bool Shutdown::is_leaving_losses() {
  if (!std::exchange(is_loss_ordered_, true)) {
    patience_.set(sys::boot_now() + kLeaving);
    parts_.recorder.order(accounting::ScribeOrder::kLeave,
                          [this](int code, std::uint32_t) {
                            if (code != 0)
                              spdlog::error(
                                  "that they are lost cannot be written down: "
                                  "{}",
                                  accounting::words_of(code));
                            is_loss_left_ = true;
                            go_on();
                          });
  }
  return !is_loss_left_;
}

void Shutdown::finish(std::int32_t code) {
  is_over_ = true;
  timer_.clear();
  last_records_.clear();
  patience_.clear();
  on_over_(code);
}

}  // namespace supervisor
