// SPDX-License-Identifier: Apache-2.0
// Forks, execs and exits by our programs in the kernel (sys/kernel_events.h),
// which a process of its own loads (collect/events_loader.h).
//
// Invariants:
//  - Their descriptors are only here: they are gone with close(), and with a
//    supervisor that dies.
//  - Reading takes turns, and at most a tenth of the time: after a turn comes a
//    pause nine times as long. What has no room meanwhile is counted by the
//    kernel, and told as lost.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "supervisor/event_loop.h"
#include "supervisor/process_source.h"
#include "supervisor/worker.h"
#include "sys/bpf_ring.h"
#include "sys/kernel_events.h"

namespace supervisor {

class KernelSource final : public ProcessSource {
 public:
  /// `program`: corral-collect.
  KernelSource(EventLoop& loop, ProcessSink& sink, std::string program);

  [[nodiscard]] core::EventSource kind() const override {
    return core::EventSource::kEbpf;
  }
  void open(Opened opened) override;
  void close() override;
  core::Result<void> watch(Slot slot, std::uint64_t cgroup,
                           const std::string& path) override;
  void unwatch(std::uint64_t cgroup, const std::string& path) override;
  void set_wanted(Slot slot, core::ProviderEvents events) override;
  Slot slot_of(core::Pid pid) override;
  core::Result<void> put(core::Pid pid, Slot slot,
                         const Change& change) override;
  void in_order(std::function<void()> call) override;

 private:
  void on_reply(std::span<const std::byte> packet);
  [[nodiscard]] core::Result<void> take_parts();
  void settle(std::string_view why);
  void take_turn();
  void tell(const corral_event& event);
  void call_due();
  void tell_losses();
  [[nodiscard]] corral_slot& slot_at(Slot slot) {
    return static_cast<corral_slot*>(slots_.get())[slot];
  }
  [[nodiscard]] int part(corral_event_part which) const {
    return parts_[which].get();
  }

  EventLoop& loop_;
  ProcessSink& sink_;
  std::string program_;
  Opened opened_;
  std::array<sys::UniqueFd, CORRAL_EVENT_PARTS> parts_;
  std::optional<WorkerProcess> loader_;
  Timer patience_;
  sys::BpfRing ring_;
  sys::MappedRange control_;
  sys::MappedRange slots_;
  IoWatch ready_;
  Timer pause_;
  std::set<Slot> used_;     ///< slots that ever wanted something
  std::uint64_t lost_ = 0;  ///< of control, that was told
  std::deque<std::pair<std::uint64_t, std::function<void()>>> due_;
};

}  // namespace supervisor
