// SPDX-License-Identifier: Apache-2.0
// The end of an instance: every job by its kill plan, within a budget; then
// SIGKILL to the jobs that are left; then their records; then the reaper is
// told the exit code, and kills whoever belongs to no job.
//
// Invariant: the order to stop is in the journal before anything happens
// because of it. A supervisor that is killed during the stop is followed by one
// that goes on with it, to the same deadline.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "supervisor/event_loop.h"
#include "supervisor/job_service.h"
#include "supervisor/job_table.h"
#include "supervisor/recorder.h"
#include "supervisor/service_items.h"
#include "supervisor/takeover.h"

namespace supervisor {

class Shutdown {
 public:
  /// Everything went by its plan.
  static constexpr std::int32_t kOrderly = 0;
  /// The budget was used up and jobs were killed: 128 + SIGKILL, which is what
  /// a container engine shows of an init that it killed itself.
  static constexpr std::int32_t kKilled = 128 + 9;

  struct Parts {
    JobService& service;
    const JobTable& table;
    Recorder& recorder;
    History& history;
  };

  /// `budget`: absent, the jobs' own plans are the only bound. `on_over` is
  /// called once, with the exit code.
  Shutdown(EventLoop& loop, const Parts& parts,
           std::optional<core::Microseconds> budget,
           std::function<void(std::int32_t)> on_over);

  /// Begins it; again, it changes nothing. `who` is what the jobs' records
  /// call the one who ended them.
  void begin(std::string_view who);
  /// Goes on with the one that the journal tells of, if it does.
  void resume();
  /// Something was worked off: it may be over.
  void go_on();

  [[nodiscard]] bool is_under_way() const { return is_under_way_; }

 private:
  void remember(const StopOrder& order);
  void proceed();
  void on_timer();
  void kill_all();
  void finish(std::int32_t code);
  [[nodiscard]] bool has_time_for_records();
  [[nodiscard]] bool is_leaving_losses();

  Parts parts_;
  std::optional<core::Microseconds> budget_;
  std::function<void(std::int32_t)> on_over_;
  bool is_under_way_ = false;
  bool is_over_ = false;
  bool is_last_resort_ = false;
  bool has_waited_for_records_ = false;
  Timer timer_;         ///< of the budget
  Timer last_records_;  ///< of the disk
  bool is_loss_ordered_ = false;
  bool is_loss_left_ = false;  ///< or the scribe was waited for long enough
  Timer patience_;             ///< for it
};

}  // namespace supervisor
