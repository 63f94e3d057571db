// SPDX-License-Identifier: Apache-2.0
// The lock of an instance: one instance a socket. It is on the socket's
// directory where nobody else may open that, because a directory is not removed
// as easily as a file; elsewhere, as anybody could hold it there, on the file
// SOCKET.lock. That file says who holds the lock, for people, in both cases.
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

  /// After something was removed there: takes it anew if what it was on is that
  /// place's no more. True: fd() is another now. Errors: as take(), which waits
  /// for 100 ms: who only asks there has let go by then.
  [[nodiscard]] core::Result<bool> renew();

  /// Writes down who holds it, for people. Errors: as open_lock_file(), those
  /// of write(2).
  [[nodiscard]] core::Result<void> sign(core::Pid reaper) const;

  [[nodiscard]] int fd() const { return lock_.get(); }

 private:
  InstanceLock(UniqueFd lock, std::string socket)
      : lock_(std::move(lock)), socket_(std::move(socket)) {}
  UniqueFd lock_;
  std::string socket_;
};

/// Whether an instance lives there, as far as we may know: others' are theirs.
[[nodiscard]] bool has_instance(const std::string& socket);

/// The reaper of the instance that lives there; 0: it is not known.
[[nodiscard]] core::Pid reaper_of(const std::string& socket);

/// Likewise, but also 0 if no process of ours has that number: it may be a
/// stranger's by now.
[[nodiscard]] core::Pid living_reaper_of(const std::string& socket);

/// Who lives there, for the middle of a sentence: "process 12, its reaper".
[[nodiscard]] std::string holder_of(const std::string& socket);

}  // namespace sys
