// SPDX-License-Identifier: Apache-2.0
// The cgroup2 engine's containers as the supervisor needs them: one directory a
// job below the base, named by core::path_name(). Virtual, so that the flow of
// effects is tested without a kernel.
//
// Invariant: a directory is opened for each deed and closed after it: the
// supervisor holds no descriptor for a job's container.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/job_totals.h"
#include "core/quantity.h"
#include "core/text.h"
#include "sys/unique_fd.h"

namespace supervisor {

/// What lives in a container.
struct Inhabitants {
  std::uint32_t count = 0;
  core::Text<120> names;  ///< some of their names, separated by ", "
};

class Containers {
 public:
  virtual ~Containers() = default;
  /// Makes the container, or finds it made already.
  [[nodiscard]] virtual core::Result<void> make(core::JobId jid) = 0;
  /// The directory (O_RDONLY), for the clone, the killer and the scope.
  [[nodiscard]] virtual core::Result<sys::UniqueFd> open(core::JobId jid) = 0;
  /// Whether a process lives in it. A container that is gone is empty.
  [[nodiscard]] virtual core::Result<bool> is_populated(core::JobId jid) = 0;
  [[nodiscard]] virtual Inhabitants inhabitants(core::JobId jid) = 0;
  [[nodiscard]] virtual std::vector<core::Pid> members(core::JobId jid) = 0;
  [[nodiscard]] virtual core::JobTotals totals(core::JobId jid) = 0;
  [[nodiscard]] virtual core::Result<void> signal_all(
      core::JobId jid, core::SignalNumber signal) = 0;
  [[nodiscard]] virtual bool is_frozen(core::JobId jid) = 0;
  /// Errors: EBUSY while a process lives in it; none if it is gone.
  [[nodiscard]] virtual core::Result<void> remove(core::JobId jid) = 0;
  /// The jobs that have a container.
  [[nodiscard]] virtual std::vector<core::JobId> all() = 0;
  /// When it was made, as its directory says.
  [[nodiscard]] virtual core::Moment made(core::JobId jid) = 0;
  /// Of the control file that tells of emptiness, for inotify(7).
  [[nodiscard]] virtual std::string events_path(core::JobId jid) const = 0;
  /// The container below the cgroup mount, as /proc/PID/cgroup has it.
  [[nodiscard]] virtual std::string path(core::JobId jid) const = 0;
};

class CgroupContainers final : public Containers {
 public:
  /// `base` is an absolute path, `directory` the same, open; not open where
  /// there is no writable cgroup v2: then every deed fails with ENOTSUP.
  CgroupContainers(std::string base, sys::UniqueFd directory);

  core::Result<void> make(core::JobId jid) override;
  core::Result<sys::UniqueFd> open(core::JobId jid) override;
  core::Result<bool> is_populated(core::JobId jid) override;
  Inhabitants inhabitants(core::JobId jid) override;
  std::vector<core::Pid> members(core::JobId jid) override;
  core::JobTotals totals(core::JobId jid) override;
  core::Result<void> signal_all(core::JobId jid,
                                core::SignalNumber signal) override;
  bool is_frozen(core::JobId jid) override;
  core::Result<void> remove(core::JobId jid) override;
  std::vector<core::JobId> all() override;
  core::Moment made(core::JobId jid) override;
  [[nodiscard]] std::string events_path(core::JobId jid) const override;
  [[nodiscard]] std::string path(core::JobId jid) const override;

 private:
  std::string base_;
  std::string below_mount_;
  sys::UniqueFd directory_;
};

}  // namespace supervisor
