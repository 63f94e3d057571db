// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of jobs without being asked: that a container became
// empty (cgroup.events, one inotify instance for all), that a process ended
// (pidfd), and that a deadline has passed.
//
// Invariants:
//  - A container is watched only once its main process's end is known: before
//    that its emptiness decides nothing. The notification is the fallback for
//    members that nobody reports; it comes up to 16 ms late.
//  - Nothing here wakes the process while nothing happens.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/ids.h"
#include "core/job_event.h"
#include "supervisor/event_loop.h"
#include "sys/unique_fd.h"

struct inotify_event;

namespace supervisor {

class JobWatch {
 public:
  struct Handlers {
    /// The job's container changed: read it.
    std::function<void(core::JobId)> on_container;
    /// The process of the watched pidfd ended, `status` as wait(2) gives it if
    /// the kernel keeps it (Linux 6.15).
    std::function<void(core::JobId, std::optional<std::int32_t> status)>
        on_main_end;
    std::function<void(core::JobId, core::JobTimer)> on_timer;
    /// Memory ran out in the job or above it. Whether that is dealt with: if
    /// not it is told again, for a second.
    std::function<bool(core::JobId)> on_memory;
    /// The job's memory crossed its soft bound, or came near to it.
    std::function<void(core::JobId)> on_soft_memory;
  };

  JobWatch(EventLoop& loop, Handlers handlers);
  JobWatch(const JobWatch&) = delete;
  JobWatch& operator=(const JobWatch&) = delete;
  ~JobWatch() = default;

  /// Watches cgroup.events at `path`. Without inotify (no descriptor, no
  /// memory, the user's bound) it says so once in the log and goes on: exits
  /// are reported anyway.
  void watch_container(core::JobId jid, const std::string& path);
  /// Watches a pidfd, borrowed until forget().
  void watch_main(core::JobId jid, int pidfd);
  void forget_main(core::JobId jid);
  /// Watches the descriptor of Containers::memory_events(); again: the new one.
  void watch_memory(core::JobId jid, sys::UniqueFd events);
  /// Those of Containers::soft_memory_events(), a descriptor or a file's path;
  /// again: the new one.
  void watch_soft_memory(core::JobId jid, sys::UniqueFd events);
  void watch_soft_memory(core::JobId jid, const std::string& path);
  void set_timer(core::JobId jid, core::JobTimer timer,
                 core::BootTime deadline);
  void clear_timer(core::JobId jid, core::JobTimer timer);
  void forget(core::JobId jid);

 private:
  /// A main process whose status must be asked of its pidfd.
  struct Main {
    IoWatch watch;
    Timer retry;
    int tries = 0;
  };

  struct Memory {
    sys::UniqueFd events;
    IoWatch watch;  ///< goes before its descriptor
    Timer retry;
    int tries = 0;
  };

  struct SoftMemory {
    sys::UniqueFd events;
    IoWatch watch;  ///< goes before its descriptor
    int file = -1;  ///< inotify's
  };

  void open_inotify();
  void read_inotify();
  void on_file(const inotify_event& event);
  void tell_memory(core::JobId jid);
  void ask_status(core::JobId jid, int pidfd);

  EventLoop& loop_;
  Handlers handlers_;
  sys::UniqueFd inotify_;
  IoWatch inotify_watch_;
  bool has_complained_ = false;
  std::map<int, core::JobId> jobs_;     ///< by watch descriptor
  std::map<core::JobId, int> watches_;  ///< the other way round
  std::map<core::JobId, Main> mains_;
  std::map<core::JobId, Memory> memories_;
  std::map<core::JobId, SoftMemory> soft_memories_;
  std::map<int, core::JobId> memory_files_;  ///< by watch descriptor
  std::map<std::pair<core::JobId, core::JobTimer>, Timer> timers_;
};

}  // namespace supervisor
