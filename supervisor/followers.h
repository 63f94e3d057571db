// SPDX-License-Identifier: Apache-2.0
// Watches for the ends of processes that are followed (core/followed.h), by a
// pidfd each. Nobody of ours reaps them: what a zombie still shows is read at
// once, and its status is asked of the pidfd, which the kernel answers once it
// was reaped (Linux 6.15).
//
// Where eBPF counts the job the kernel is told of them, and counts them and who
// descends from them; then their records are the kernel's.
//
// Invariant: a pidfd is of the process that was attached, or none is kept.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "core/job_machine.h"
#include "supervisor/collection.h"
#include "supervisor/containers.h"
#include "supervisor/event_loop.h"
#include "supervisor/event_sink.h"
#include "sys/pid_fd.h"

namespace supervisor {

class Followers {
 public:
  Followers(EventLoop& loop, EventSink& sink, Collection& collection,
            Containers& containers)
      : loop_(loop),
        sink_(sink),
        collection_(collection),
        containers_(containers) {}

  /// Watches who is followed for the job, and nobody else for it any more; of
  /// who has gone it tells at once.
  void watch(const core::Job& job);
  void forget(core::JobId jid);

 private:
  using Key = std::pair<core::JobId, core::Pid>;
  struct One {
    sys::PidFd pidfd;
    core::ExitRecord record;
    std::uint64_t start_ticks = 0;
    std::optional<core::CpuUse> used;
    IoWatch watch;  ///< goes before its descriptor
    Timer retry;
    int tries = 0;
  };

  void begin(const core::Job& job, const core::Followed& process);
  void on_end(Key key);
  void ask_status(Key key);
  void tell(core::JobId jid, core::ExitRecord record, std::uint64_t start_ticks,
            std::optional<core::CpuUse> used);

  EventLoop& loop_;
  EventSink& sink_;
  Collection& collection_;
  Containers& containers_;
  std::map<Key, One> watched_;
};

}  // namespace supervisor
