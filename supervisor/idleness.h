// SPDX-License-Identifier: Apache-2.0
// When a private instance ends by itself: a moment after its last job, but not
// while the disk refuses its accounting records; it has the only copy of them.
#pragma once

#include <functional>
#include <utility>

#include "core/quantity.h"
#include "supervisor/event_loop.h"
#include "supervisor/job_service.h"
#include "supervisor/recorder.h"

namespace supervisor {

class Idleness {
 public:
  struct Times {
    core::Microseconds patience = core::seconds(5);  ///< for the next job
    /// For a disk that takes no records, and how often it is looked at.
    core::Microseconds records = core::seconds(3600);
    core::Microseconds pause = core::seconds(10);
  };

  /// Borrows both. `on_over` is called when it is time to end.
  Idleness(EventLoop& loop, const JobService& service, const Recorder& recorder,
           std::function<void()> on_over, const Times& times);
  Idleness(EventLoop& loop, const JobService& service, const Recorder& recorder,
           std::function<void()> on_over)
      : Idleness(loop, service, recorder, std::move(on_over), Times()) {}

  /// Something was worked off: there may be jobs, or none any longer.
  void look();

 private:
  void on_timer();
  [[nodiscard]] bool has_records() const;

  const JobService& service_;
  const Recorder& recorder_;
  std::function<void()> on_over_;
  Times times_;
  core::BootTime until_;  ///< for the disk; of an idleness that is under way
  bool is_told_ = false;
  Timer timer_;
};

}  // namespace supervisor
