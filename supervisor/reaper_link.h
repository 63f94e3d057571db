// SPDX-License-Identifier: Apache-2.0
// The link to the reaper: numbered orders to launch, their answers, and the
// records of exits.
//
// Invariants:
//  - At most reaper::kOrdersInFlight orders are unacknowledged; others wait
//    here: of one user's only a few go at a time, and some are left to the
//    instance's own, so that one user's hanging launches keep no others.
//  - An order's number is its job's sequence: a job is launched at most once,
//    so a repetition after a crash has the same number and the reaper answers
//    it from memory.
//  - Nothing is acknowledged before the journal has it: see JobReports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/collector.h"
#include "core/exit_record.h"
#include "core/ids.h"
#include "core/launch_stage.h"
#include "supervisor/packet_link.h"
#include "supervisor/store_link.h"

namespace supervisor {

/// Told what the reaper says.
class ReaperEvents {
 public:
  virtual ~ReaperEvents() = default;
  virtual void on_welcome(const reaper::Welcome& welcome) = 0;
  virtual void on_launched(const reaper::Launched& launched,
                           sys::UniqueFd pidfd) = 0;
  virtual void on_reaper_exit(const core::ExitRecord& record) = 0;
  /// The records told so far are a good moment's worth: acknowledge them.
  virtual void on_reaper_batch_end() = 0;
  virtual void on_new_store(StoreEnds store) = 0;
  virtual void on_reaper_signalled(const reaper::SignalSeen& seen) = 0;
  virtual void on_reexec_refused(const reaper::Refused& refused) = 0;
  /// Everything that had ended when barrier `number` came was told before.
  virtual void on_barrier(std::uint64_t number) = 0;
  virtual void on_reaper_gone() = 0;
};

/// One order, complete with its descriptors.
struct LaunchOrder {
  core::JobId jid;
  core::Uid user;  ///< whose command it is
  core::Microseconds timeout;
  std::vector<std::byte> block;
  /// Its own, or kept for the job too: those may be dropped while it waits.
  std::vector<std::shared_ptr<const sys::UniqueFd>> fds;

  void add(sys::UniqueFd fd) {
    fds.push_back(std::make_shared<const sys::UniqueFd>(std::move(fd)));
  }
};

class ReaperLink final : private PacketHandler {
 public:
  ReaperLink(EventLoop& loop, sys::UniqueFd socket, std::uint64_t epoch,
             ReaperEvents& events);

  /// Says who we are; on_welcome() follows.
  void hello();
  void launch(LaunchOrder order);
  /// The answer is in the journal and the pidfd in the store: forget it.
  void acknowledge_launch(core::JobId jid);
  /// The records up to `sequence` are in the journal: forget them.
  void acknowledge_records(std::uint64_t sequence);
  /// on_barrier() follows, behind the records of all who have ended. A reaper
  /// that knows no barriers is not waited for.
  void send_barrier(std::uint64_t number);
  void reexec(std::string_view program);
  void shut_down(std::int32_t code);
  /// Before hello(): it holds the instance's lock as long as it lives.
  void hold_lock(int lock);
  /// It holds `fd` by that name as long as it lives, and gives it to every new
  /// store: for what must outlive us and the store. Nothing where the reaper
  /// does not know how; after its Welcome.
  void hold(std::string_view name, int fd);
  void let_go(std::string_view name);
  /// Who counts whatever ends in any job: where that is not the reaper, it need
  /// not look at all of the dead. After its Welcome; nothing where it does not
  /// know.
  void tell_counted(core::Collector who);
  /// Clients are served: this instance can start.
  void ready();
  [[nodiscard]] bool is_flushed() const { return link_.is_flushed(); }
  void when_flushed(EventLoop::Callback done) {
    link_.when_flushed(std::move(done));
  }
  /// The reaper's exit ring, as a descriptor for its successor; -1: not known.
  [[nodiscard]] int ring() const { return ring_.get(); }

 private:
  void on_message(const reaper::Message& message,
                  std::span<sys::UniqueFd> fds) override;
  void on_batch_end() override { events_.on_reaper_batch_end(); }
  void on_end() override { events_.on_reaper_gone(); }
  void take_welcome(const reaper::Welcome& welcome);
  void send_hold(std::string_view name, std::span<const int> fds);
  void ask_barrier();
  void send_orders();
  [[nodiscard]] bool may_send(core::Uid user) const;
  void send_order(LaunchOrder order);

  sys::UniqueFd socket_;
  std::uint64_t epoch_;
  core::Uid own_;  ///< the instance's user
  ReaperEvents& events_;
  std::deque<LaunchOrder> queue_;
  std::map<core::JobId, core::Uid> open_;  ///< sent and not acknowledged
  sys::UniqueFd ring_;
  /// What the reaper knows (reaper::Welcome); absent before its Welcome.
  std::optional<std::uint32_t> level_;
  std::uint64_t barrier_ = 0;  ///< the last that has no answer; 0: none
  PacketLink link_;
};

}  // namespace supervisor
