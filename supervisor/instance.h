// SPDX-License-Identifier: Apache-2.0
// An instance of the supervisor, put together: journal, jobs, links, workers.
// It knows no bus; main gives its port to one.
//
// The story of its life: take what the store kept, make the jobs again from the
// journal, greet the reaper; when the reaper has answered, look after what was
// lost meanwhile and say that it is ready; serve; end by shutting down, by
// re-execution, or by reviving a reaper that was killed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/job_control.h"
#include "supervisor/event_loop.h"
#include "supervisor/settings.h"
#include "sys/unique_fd.h"

namespace supervisor {

/// How the loop came to its end.
enum class Ending : char {
  kRestart,  ///< be started again at once: exit with 0
  kDone,     ///< the instance is over: exit with 0
  kRevive,   ///< the reaper is gone: become a new one (revival())
};

class Instance {
 public:
  struct Handlers {
    /// The reaper has answered and the jobs were taken up: clients may come.
    /// False: they cannot, and the loop was stopped.
    std::function<bool()> on_ready;
  };

  /// Takes the links that `settings` names. Errors name what is missing.
  [[nodiscard]] static core::Result<std::unique_ptr<Instance>> start(
      EventLoop& loop, Settings settings, Handlers handlers);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  [[nodiscard]] core::JobControl& port();

  /// The listening socket that an earlier supervisor put into the store.
  [[nodiscard]] std::optional<sys::UniqueFd> take_listener();
  /// Puts the listening socket into the store.
  void keep_listener(sys::UniqueFd listener);

  /// The lock is another descriptor now: for the reaper too.
  void hold_lock(int lock);

  [[nodiscard]] Ending ending() const;
  /// The command line of the reaper that this process becomes, which inherits
  /// the store. Only for kRevive.
  [[nodiscard]] core::Result<std::vector<std::string>> revival();

 private:
  class Parts;
  explicit Instance(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace supervisor
