// SPDX-License-Identifier: Apache-2.0
// Which of our descriptors came from somebody else, and whose they are. Closing
// such a one may take for ever: close(2) asks a file system in user space, and
// waits for the lock of a pipe, which a writer holds while he copies from
// memory that such a file system backs. Who receives descriptors marks them,
// and who closes one that is marked does not do so itself
// (supervisor/closer.h).
//
// Invariant: what kind a descriptor is is told by calls that ask neither its
// file system nor its lock.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "sys/unique_fd.h"

namespace sys {

enum class FdKind : std::uint8_t {
  kPidFd,   ///< its close never waits
  kSocket,  ///< only its last close may wait: for what is in its queue
  kPipe,    ///< only its last close may wait: for its lock
  kFile,    ///< each close of it may wait: for its file system
};

/// waitid(2) takes nothing else by P_PIDFD, and takes nobody's status so.
[[nodiscard]] inline bool is_pidfd(int fd) {
  siginfo_t info = {};
  return ::waitid(P_PIDFD, static_cast<id_t>(fd), &info,
                  WEXITED | WNOHANG | WNOWAIT) == 0 ||
         errno == ECHILD;
}

/// As readlink(2) of /proc/self/fd tells it, the first of it.
[[nodiscard]] inline core::Text<64> path_of_fd(int fd) {
  char name[64];
  char target[64];
  (void)std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(name, target, sizeof target);
  return core::Text<64>(std::string_view(
      target, length > 0 ? static_cast<std::size_t>(length) : 0));
}

/// /dev/null and its like: nobody waits at their close. A file system in user
/// space is not asked even where it is at /dev, and cannot claim it: devices
/// are not opened there (nodev).
[[nodiscard]] inline bool is_memory_device(int fd) {
  constexpr std::uint32_t kMemoryMajor = 1;  // admin-guide/devices.txt
  if (!path_of_fd(fd).view().starts_with("/dev/")) return false;
  struct statx stat = {};
  return ::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE,
                 &stat) == 0 &&
         S_ISCHR(stat.stx_mode) && stat.stx_rdev_major == kMemoryMajor;
}

[[nodiscard]] inline FdKind kind_of(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0)
    return FdKind::kSocket;
  if (is_pidfd(fd)) return FdKind::kPidFd;
  // A file has a path, which begins otherwise.
  return path_of_fd(fd).view().starts_with("pipe:[") ? FdKind::kPipe
                                                     : FdKind::kFile;
}

/// Which socket it is (SO_COOKIE): no other has the same before the next boot.
/// 0: it is none.
[[nodiscard]] inline std::uint64_t socket_cookie(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0) return 0;
  return cookie;
}

class ForeignFds {
 public:
  /// Whose a descriptor is when nobody can tell.
  static constexpr std::uint32_t kSomebody = 0xfffffffe;

  void mark(int fd, std::uint32_t owner, bool is_connection = false) {
    if (fd < 0) return;
    const auto at = static_cast<std::size_t>(fd);
    if (at >= owners_.size()) owners_.resize(at + 64);
    owners_[at] = {.uid = owner,
                   .is_marked = true,
                   .is_lent = false,
                   .connection = is_connection ? socket_cookie(fd) : 0};
  }
  /// Others have copies, which they close themselves.
  void lend(int fd) {
    if (has(fd)) owners_[static_cast<std::size_t>(fd)].is_lent = true;
  }
  void unmark(int fd) {
    if (has(fd)) owners_[static_cast<std::size_t>(fd)] = {};
  }
  [[nodiscard]] bool has(int fd) const {
    return fd >= 0 && static_cast<std::size_t>(fd) < owners_.size() &&
           owners_[static_cast<std::size_t>(fd)].is_marked;
  }
  /// Of one that is marked.
  [[nodiscard]] std::uint32_t owner(int fd) const {
    return owners_[static_cast<std::size_t>(fd)].uid;
  }
  /// Whether it is ours to shut down, and not only to close.
  [[nodiscard]] bool is_connection(int fd) const {
    return owners_[static_cast<std::size_t>(fd)].connection != 0;
  }
  /// Whether it is that one yet: a process that shares the descriptors but not
  /// this memory does not know when the number becomes another's.
  [[nodiscard]] bool is_same_connection(int fd) const {
    return is_connection(fd) &&
           owners_[static_cast<std::size_t>(fd)].connection ==
               socket_cookie(fd);
  }
  [[nodiscard]] bool is_lent(int fd) const {
    return owners_[static_cast<std::size_t>(fd)].is_lent;
  }
  /// Above all that are marked.
  [[nodiscard]] int end() const { return static_cast<int>(owners_.size()); }

 private:
  struct Owner {
    std::uint32_t uid = 0;
    bool is_marked = false;
    bool is_lent = false;
    std::uint64_t connection = 0;  ///< its cookie; 0: it is none
  };
  std::vector<Owner> owners_;
};

/// Those of this process.
inline ForeignFds& foreign_fds() {
  static ForeignFds fds;
  return fds;
}

/// Another number for what a client handed in, which is as foreign; unless
/// nobody waits at its close: then neither is any more, and what both are is
/// asked once and not at each close.
[[nodiscard]] inline core::Result<UniqueFd> duplicate_foreign(int fd) {
  auto copy = duplicate(fd);
  if (!copy || !foreign_fds().has(fd)) return copy;
  if (is_memory_device(fd))
    foreign_fds().unmark(fd);
  else
    foreign_fds().mark(copy->get(), foreign_fds().owner(fd));
  return copy;
}

}  // namespace sys
