// SPDX-License-Identifier: Apache-2.0
#include "supervisor/idleness.h"

#include <utility>

#include "supervisor/log.h"
#include "sys/clock.h"

namespace supervisor {

Idleness::Idleness(EventLoop& loop, const JobService& service,
                   const Recorder& recorder, std::function<void()> on_over,
                   const Times& times)
    : service_(service),
      recorder_(recorder),
      on_over_(std::move(on_over)),
      times_(times),
      timer_(loop, [this] { on_timer(); }) {}

void Idleness::look() {
  if (!service_.is_idle()) return timer_.clear();
  if (timer_.is_set()) return;
  const core::BootTime now = sys::boot_now();
  until_ = now + times_.records;
  is_told_ = false;
  timer_.set(now + times_.patience);
}

void Idleness::on_timer() {
  if (!service_.is_idle()) return;
  const core::BootTime now = sys::boot_now();
  if (!has_records() || now >= until_) return on_over_();
  if (!std::exchange(is_told_, true))
    spdlog::warn(
        "no job is left, but accounting records wait for the disk: the "
        "instance stays for them, for an hour at most");
  timer_.set(now + times_.pause);
}

bool Idleness::has_records() const {
  return !recorder_.is_idle() || recorder_.in_ring() != 0;
}

}  // namespace supervisor
