// SPDX-License-Identifier: Apache-2.0
// What a caller is beyond what its connection says: its group, and whether it
// lives in a sandbox that this process is not in, out of which a detached job
// would lead.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/ids.h"
#include "sys/unique_fd.h"

namespace supervisor {

struct CallerState {
  std::optional<core::Gid> gid;  ///< the real one
  /// What confines the caller and not us ("no_new_privs", "a seccomp filter",
  /// "another pid namespace"), or empty. A caller that cannot be read is
  /// confined by "a process that cannot be read".
  std::string sandbox;
  /// With `wants_sandbox`: the innermost whose container it is in.
  core::JobId job;
};

/// Reads what callers are. The files of the last one stay open, since who asks
/// once often asks again: three descriptors.
///
/// Invariant: what is kept open is of one process, and can be read only while
/// that lives: another of the same number is opened anew.
class CallerReader {
 public:
  /// As it is now. Without `wants_sandbox` that stays empty.
  ///
  /// It is read for every job, a fifteenth of what a job costs, and not once
  /// for a connection: who connects may enter his sandbox after that
  /// (no_new_privs, a filter and other namespaces are taken on by a process
  /// that runs), and what he connected before must not lead out of it. A
  /// number that is 0, or of a process that has ended, cannot be read.
  [[nodiscard]] CallerState read(core::Pid caller, bool wants_sandbox);

 private:
  [[nodiscard]] core::Result<std::string_view> read_status(
      core::Pid caller, std::span<char> buffer);

  std::optional<core::Pid> caller_;  ///< whose they are, if all are open
  sys::UniqueFd status_;
  sys::UniqueFd cgroup_;
  sys::UniqueFd namespaces_;  ///< the directory
};

}  // namespace supervisor
