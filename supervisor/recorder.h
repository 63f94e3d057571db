// SPDX-License-Identifier: Apache-2.0
// Records on their way to the accounting file, through the scribe.
//
// Invariants:
//  - A record's key is the number of the journal entry that caused it. It is
//    held here, and can be made again from the journal, until the scribe says
//    that the file has it: so it is written exactly once whoever crashes.
//  - StartRecorded follows when the record is on the disk, EndRecorded when it
//    is in the file; or when the disk refused and the record is kept, or when
//    the scribe did not answer in time. Accounting never stops the work.
//  - What must be dropped (the scribe takes nothing and too much waits) leaves
//    the record of a loss in its place: the file has it, or tells that it has
//    not. Of starts and ends none is dropped.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "accounting/scribe_protocol.h"
#include "core/accounting_control.h"
#include "core/job_machine.h"
#include "supervisor/event_sink.h"
#include "supervisor/service_items.h"
#include "supervisor/worker.h"

namespace supervisor {

/// For `corral doctor`.
struct RecorderCounts {
  std::uint64_t written = 0;
  std::uint64_t waiting = 0;
  std::uint64_t lost = 0;
};

struct RecorderSite {
  std::string pacct;  ///< the file's path
  /// Records that are held for a scribe that does not take them: about 100 MB.
  std::size_t most_pending = 100000;
  std::string scribe = kOwnProgram;  ///< the program that it is a worker of
  core::FileRules rules = {};
};

class Recorder {
 public:
  /// `instance` is the journal's epoch.
  Recorder(EventLoop& loop, EventSink& sink, std::uint64_t instance,
           const RecorderSite& site);

  /// Takes a record on its way. Before start() it is only kept.
  void take(PendingRecord record);
  /// The record that an effect asks for.
  void record(const core::Job& job, const core::Effect& effect,
              std::uint64_t key);

  /// Starts the scribe.
  void start();
  /// What comes into the collector's ring is written too. All borrowed, until
  /// forget_ring(). `wake`: accounting::ScribeRing; -1: none.
  void set_ring(int ring, int control, int wake = -1);
  void forget_ring();
  /// Records in that ring which are not in the file yet.
  [[nodiscard]] std::uint64_t in_ring() const;
  /// Whether a record of this kind of this job is on its way.
  [[nodiscard]] bool has_pending(core::JobId jid, RecordKind kind) const;
  [[nodiscard]] const std::deque<PendingRecord>& pending() const {
    return pending_;
  }
  [[nodiscard]] RecorderCounts counts() const;

  /// `code`: errno of what it came to, 0: done. `number`: of the file that was
  /// switched; 0: there was none.
  using OrderDone = std::function<void(int code, std::uint32_t number)>;
  /// An order to whichever scribe carries it out; `named`: of kEnable and
  /// kDisable.
  void order(accounting::ScribeOrder order, OrderDone done,
             const core::RecordSwitches& named = {.kinds = 0});

  /// Every record of the job goes into that spool too (accounting/job_spool.h),
  /// by this scribe and the next; borrowed until unfollow(). `done` may be
  /// empty: a supervisor before us asked for it.
  void follow(core::JobId jid, int spool, OrderDone done);
  void unfollow(core::JobId jid);
  /// `fed` is told when there is something in a spool.
  void on_fed(std::function<void()> fed) { fed_ = std::move(fed); }
  /// Are records written? As the scribe that answered last says.
  [[nodiscard]] bool is_off() const { return status_.is_off != 0; }
  /// Which kinds of them, likewise.
  [[nodiscard]] core::RecordSwitches switches() const {
    return {.kinds = status_.kinds,
            .memory_kib = status_.memory_kib,
            .time_us = status_.time_us};
  }
  /// Why the file cannot be written, as errno; 0: it can.
  [[nodiscard]] int code() const { return status_.code; }
  [[nodiscard]] const std::string& pacct() const { return pacct_; }
  /// What is asked of the scribe for that file, and what came of it.
  void tell_rules(core::AccountingView& view) const;
  /// Whether all that waits was refused by the disk, not merely not yet
  /// written.
  [[nodiscard]] bool is_refused() const {
    return status_.code != 0 && !pending_.empty() &&
           pending_.back().key <= status_.accepted_key;
  }
  /// Whether everything is in the file, or kept by nobody any longer.
  [[nodiscard]] bool is_idle() const { return pending_.empty(); }

 private:
  struct Order {
    accounting::ScribeControl control;
    OrderDone done;
    int fd = -1;  ///< that goes with it
  };

  void send(const PendingRecord& record);
  void send(Order& order);
  void flush();
  void send_ring();
  void send_followed();
  void answer_orders();
  void greet();
  void on_packet(std::span<const std::byte> packet);
  void on_status(const accounting::ScribeStatus& status);
  void on_death();
  void log_rules(const accounting::ScribeStatus& status) const;
  [[nodiscard]] std::string switched_name(std::uint32_t number) const;
  void settle(const PendingRecord& record);
  void settle_all();
  void drop_beyond_bound();
  void drop(std::deque<PendingRecord>::iterator dropped);
  void write_down_loss();
  void close_loss(std::uint64_t written_key);

  /// What was dropped since the last greeting: one record, which takes the
  /// place of the last of them. A scribe that lives may have what was dropped,
  /// and then acknowledges its key.
  struct OpenLoss {
    std::uint64_t first_key = 0;
    std::uint64_t last_key = 0;
    std::uint64_t count = 0;
  };

  EventLoop& loop_;
  EventSink& sink_;
  std::uint64_t instance_;
  std::deque<PendingRecord> pending_;  ///< by ascending key
  std::vector<std::byte> batch_;       ///< requests that are not sent yet
  std::uint64_t settled_key_ = 0;      ///< whose waiters have been told
  bool is_greeted_ = false;            ///< the scribe answered our greeting
  accounting::ScribeStatus status_;
  std::uint64_t written_before_ = 0;  ///< by scribes that are gone
  std::uint64_t lost_before_ = 0;
  std::uint64_t lost_here_ = 0;
  std::uint64_t switches_before_ = 0;  ///< by rules, as written_before_
  std::size_t most_pending_;
  std::optional<OpenLoss> open_loss_;
  std::string pacct_;
  core::FileRules rules_;
  std::deque<Order> orders_;  ///< not answered yet
  std::uint64_t last_order_ = 0;
  std::map<core::JobId, int> followed_;  ///< spools
  std::function<void()> fed_;
  int ring_ = -1;     ///< of the collector; -1: there is none
  int control_ = -1;  ///< likewise
  int wake_ = -1;     ///< likewise
  Timer patience_;
  WorkerProcess scribe_;
};

}  // namespace supervisor
