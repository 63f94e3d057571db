// SPDX-License-Identifier: Apache-2.0
// The lock of an instance, SOCKET.lock: one instance a socket.
//
// Invariants:
//  - Who has not got it touches no job: an instance takes it before anything
//    else.
//  - It belongs to the open file (flock(2)), which the reaper and its
//    supervisor hold together: it is free when neither lives, and not before.
//    A supervisor that becomes the next reaper never lets go of it.
#pragma once

#include <string>

#include "core/error.h"
#include "core/ids.h"
#include "core/quantity.h"
#include "sys/unique_fd.h"

namespace sys {

class InstanceLock {
 public:
  /// Waits until the instance that holds it is gone, for at most `patience`.
  /// Errors: EADDRINUSE (it is not), those of open(2).
  [[nodiscard]] static core::Result<InstanceLock> take(
      const std::string& socket, core::Microseconds patience);

  /// The lock as an earlier supervisor left it with the reaper. Errors: ESTALE
  /// if it is not that socket's any more (its directory was replaced).
  [[nodiscard]] static core::Result<InstanceLock> adopt(
      UniqueFd lock, const std::string& socket);

  /// Writes down who holds it, for people.
  [[nodiscard]] core::Result<void> sign(core::Pid reaper) const;

  [[nodiscard]] int fd() const { return lock_.get(); }

 private:
  explicit InstanceLock(UniqueFd lock) : lock_(std::move(lock)) {}
  UniqueFd lock_;
};

/// Whether an instance lives there, as far as we may know: others' are theirs.
[[nodiscard]] bool has_instance(const std::string& socket);

/// The reaper of the instance that lives there; 0: it is not known.
[[nodiscard]] core::Pid reaper_of(const std::string& socket);

/// Who lives there, for the middle of a sentence: "process 12, its reaper".
[[nodiscard]] std::string holder_of(const std::string& socket);

}  // namespace sys
