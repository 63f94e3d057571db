// SPDX-License-Identifier: Apache-2.0
// Where forks, execs and exits are known from: programs in the kernel
// (kernel_source.h) or the proc connector (connector_source.h).
//
// A *slot* is the number of what is watched: a job by its cgroup, or a set of
// aggregates that processes are members of by themselves. 0 is none. A child
// has its parent's slot from its first moment on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/ids.h"
#include "core/provider_event.h"
#include "core/quantity.h"

namespace supervisor {

using Slot = std::uint32_t;

/// What happened to a process that is watched.
struct ProcessNews {
  core::ProviderEventKind kind = core::ProviderEventKind::kFork;
  core::BootTime when = {};
  Slot job = 0;     ///< of the nearest watched job around it
  Slot member = 0;  ///< its own
  Slot origin = 0;  ///< kAttach: of the nearest watched job around its parent
  core::Pid pid = {};
  core::Pid other = {};  ///< kFork: the child; kAttach: the parent
  std::int32_t status = 0;
  core::Text<16> command = {};
};

/// Who is told, in the loop's thread.
class ProcessSink {
 public:
  virtual ~ProcessSink() = default;
  virtual void on_news(const ProcessNews& news) = 0;
  /// So many of that kind were not told of the slot.
  virtual void on_lost(Slot slot, core::ProviderEventKind kind,
                       std::uint64_t count) = 0;
  /// So many were not told of all processes of the machine; whose is unknown.
  virtual void on_lost_of_all(std::uint64_t count) = 0;
};

class ProcessSource {
 public:
  /// Whether it is open now; `why`: it is not.
  using Opened = std::function<void(bool is_open, std::string_view why)>;

  ProcessSource() = default;
  ProcessSource(const ProcessSource&) = delete;
  ProcessSource& operator=(const ProcessSource&) = delete;
  virtual ~ProcessSource() = default;

  [[nodiscard]] virtual core::EventSource kind() const = 0;
  /// Answers once, never from within. May be opened again after close().
  virtual void open(Opened opened) = 0;
  /// Nothing is watched and nothing told any more; not from within the sink.
  virtual void close() = 0;

  /// A job by its cgroup: its id, and its path below the mount.
  [[nodiscard]] virtual core::Result<void> watch(Slot slot,
                                                 std::uint64_t cgroup,
                                                 const std::string& path) = 0;
  /// Whether it does not find by itself who is in a watched job already.
  [[nodiscard]] virtual bool must_be_told() const { return false; }
  /// A process that is in a watched job otherwise than by birth; 0: that is in
  /// none any more.
  virtual void found(core::Pid /*pid*/, Slot /*job*/) {}
  virtual void unwatch(std::uint64_t cgroup, const std::string& path) = 0;
  /// The kinds that are told of the slot; none: none.
  virtual void set_wanted(Slot slot, core::ProviderEvents events) = 0;
  /// The slot that the process has itself.
  [[nodiscard]] virtual Slot slot_of(core::Pid pid) = 0;
  /// Gives the process another slot; 0: none. `change`: the same by the slot
  /// that it has then, for a source that learns later what it was born with.
  /// Errors: E2BIG: too many are watched.
  using Change = std::function<Slot(Slot)>;
  [[nodiscard]] virtual core::Result<void> put(core::Pid pid, Slot slot,
                                               const Change& change) = 0;
  /// Calls when everything has been told that happened before this call.
  virtual void in_order(std::function<void()> call) = 0;
};

}  // namespace supervisor
