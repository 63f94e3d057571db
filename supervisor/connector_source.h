// SPDX-License-Identifier: Apache-2.0
// Forks, execs and exits by the proc connector (sys/proc_connector.h), where
// our programs cannot be in the kernel.
//
// It tells of every process of the machine, so that each birth, and whatever
// becomes of one that is not known to be watched, costs us a look at what it is
// in (/proc/PID/cgroup); who has gone before that look is taken to be where its
// parent is. A process has ended for it when its first thread has. What the
// socket had no room for is counted for the whole machine.
//
// Invariant: reading takes turns, and at most a tenth of the time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "supervisor/event_loop.h"
#include "supervisor/process_source.h"
#include "sys/proc_connector.h"

namespace supervisor {

class ConnectorSource final : public ProcessSource {
 public:
  ConnectorSource(EventLoop& loop, ProcessSink& sink);

  [[nodiscard]] core::EventSource kind() const override {
    return core::EventSource::kConnector;
  }
  void open(Opened opened) override;
  void close() override;
  core::Result<void> watch(Slot slot, std::uint64_t cgroup,
                           const std::string& path) override;
  [[nodiscard]] bool must_be_told() const override { return true; }
  void found(core::Pid pid, Slot job) override;
  void unwatch(std::uint64_t cgroup, const std::string& path) override;
  void set_wanted(Slot slot, core::ProviderEvents events) override;
  Slot slot_of(core::Pid pid) override;
  core::Result<void> put(core::Pid pid, Slot slot,
                         const Change& change) override;
  void in_order(std::function<void()> call) override;

 private:
  struct Known {
    Slot job = 0;     ///< when it was last seen
    Slot member = 0;  ///< its own
  };
  /// Moves of a process from slot to slot that wait until what happened before
  /// them has been read.
  struct Move {
    Slot to = 0;  ///< of the last
    unsigned count = 0;
  };

  void try_open();
  void take_turn();
  void take(const sys::ProcConnector::Event& event);
  void on_fork(const sys::ProcConnector::Event& event, core::BootTime when);
  void count_gap(const sys::ProcConnector::Event& event);
  void call_due(std::uint64_t monotonic_ns);
  [[nodiscard]] Slot look(core::Pid pid) const;
  [[nodiscard]] Known known(core::Pid pid) const;
  void remember(core::Pid pid, const Known& known);
  void tell(ProcessNews news, const Known& of);
  [[nodiscard]] bool is_wanted(Slot slot, core::ProviderEventKind kind) const;

  EventLoop& loop_;
  ProcessSink& sink_;
  Opened opened_;
  sys::ProcConnector connector_;
  IoWatch ready_;
  Timer pause_;
  Timer start_;
  std::map<std::string, Slot> jobs_;  ///< by the path of the cgroup
  std::map<Slot, core::ProviderEvents> wanted_;
  std::unordered_map<std::int32_t, Known> processes_;
  std::map<std::uint32_t, std::uint32_t> sequences_;  ///< of each processor
  std::deque<std::pair<std::uint64_t, std::function<void()>>> due_;
  std::unordered_map<std::int32_t, Move> moves_;
};

}  // namespace supervisor
