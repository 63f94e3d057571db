// SPDX-License-Identifier: Apache-2.0
// What Corral asks of the systemd that it is a unit of: a scope unit for its
// jobs, and whether the machine is going down (org.freedesktop.systemd1(5)).
// Spoken on systemd's own socket, which is there before and after the message
// bus, and for root alone. Every call blocks, for at most `kPatience`.
#pragma once

#include <string>

#include "bus/sd_bus_handles.h"
#include "core/error.h"
#include "core/ids.h"
#include "core/quantity.h"

namespace bus {

/// A scope unit (systemd.scope(5); no job's reaper) whose cgroups below are its
/// processes' own.
struct ScopePlan {
  std::string name;
  std::string slice;
  std::string description;
  std::string stops_after;  ///< a unit that is stopped before it
  core::Pid process;        ///< its first
};

class UnitManager {
 public:
  static constexpr core::Microseconds kPatience = core::seconds(20);

  /// Errors: ENOENT (it is no machine of systemd's), EACCES, those of sd-bus.
  [[nodiscard]] static core::Result<UnitManager> connect();

  /// Returns when the process is in it. Errors: EEXIST (there is a scope
  /// unit of that name), ECANCELED (its job failed), ETIMEDOUT, those of
  /// sd-bus.
  [[nodiscard]] core::Result<void> start_scope(const ScopePlan& plan);

  /// Moves the process to a cgroup that is there below the unit's.
  [[nodiscard]] core::Result<void> attach(const std::string& unit,
                                          const std::string& group,
                                          core::Pid process);

  /// Whether the machine is going down, or restarting.
  [[nodiscard]] core::Result<bool> is_stopping();

 private:
  explicit UnitManager(BusPtr bus) : bus_(std::move(bus)) {}
  BusPtr bus_;
};

/// sd_notify(3): "READY=1". Nobody may be listening.
void tell_unit_manager(const std::string& state);

}  // namespace bus
