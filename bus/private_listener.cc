// SPDX-License-Identifier: Apache-2.0
#include "bus/private_listener.h"

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include <cerrno>
#include <cstdio>

#include "bus/client_transport.h"

namespace bus {

namespace {

/// Held by the instance of a path. A lock that is held may be a dying
/// predecessor's (a worker of it that has not reached its exec), so it is
/// waited for, but not for ever: the other may be an instance that lives.
core::Result<sys::UniqueFd> take_lock(const std::string& path) {
  constexpr int kTries = 100;
  constexpr timespec kPause = {.tv_sec = 0, .tv_nsec = 20'000'000};
  sys::UniqueFd lock = TRY(sys::open_at(AT_FDCWD, (path + ".lock").c_str(),
                                        O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  for (int tries = 0; ::flock(lock.get(), LOCK_EX | LOCK_NB) < 0; ++tries) {
    if (errno != EWOULDBLOCK) return core::fail(errno, "lock", path);
    if (tries == kTries) return core::fail(EADDRINUSE, "lock", path);
    (void)::nanosleep(&kPause, nullptr);
  }
  return lock;
}

core::Result<sys::UniqueFd> listen_at(const std::string& path,
                                      SocketAccess access) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return core::fail(ENAMETOOLONG, "listen", path);
  (void)path.copy(address.sun_path, sizeof address.sun_path - 1);
  sys::UniqueFd fd(
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return core::fail(errno, "socket");
  (void)::unlink(path.c_str());  // of one that died before it was renamed
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
             sizeof address) < 0)
    return core::fail(errno, "bind", path);
  // Nobody connects before listen(2), and the name is not the known one yet.
  const mode_t mode = access == SocketAccess::kEveryone ? 0666 : 0600;
  if (::chmod(path.c_str(), mode) < 0) return core::fail(errno, "chmod", path);
  if (::listen(fd.get(), SOMAXCONN) < 0)
    return core::fail(errno, "listen", path);
  return fd;
}

/// A socket listening at `path`, replacing what was there at once.
core::Result<sys::UniqueFd> replace(const std::string& path,
                                    SocketAccess access) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return core::fail(ENAMETOOLONG, "listen", path);
  // No longer than the path itself. Who holds the lock is alone with it.
  const std::string beside = path.substr(0, path.rfind('/') + 1) + ".new";
  core::Result<sys::UniqueFd> fd = listen_at(beside, access);
  if (fd && ::rename(beside.c_str(), path.c_str()) < 0)
    fd = core::fail(errno, "rename", path);
  if (!fd) (void)::unlink(beside.c_str());
  return fd;
}

bool is_listening(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 &&
         value != 0;
}

}  // namespace

core::Result<PrivateListener> PrivateListener::open(const std::string& path,
                                                    SocketAccess access) {
  sys::UniqueFd lock = TRY(take_lock(path));
  // Who holds the lock is the instance: what still listens there is a socket
  // that a store keeps for nobody.
  sys::UniqueFd socket = TRY(replace(path, access));
  return PrivateListener(std::move(socket), std::move(lock), path);
}

core::Result<PrivateListener> PrivateListener::adopt(sys::UniqueFd socket,
                                                     const std::string& path,
                                                     SocketAccess access) {
  sys::UniqueFd lock = TRY(take_lock(path));
  // What answers there is the socket itself. The connection that asks waits in
  // its queue, closed.
  if (!is_listening(socket.get()) || !is_answering(path))
    socket = TRY(replace(path, access));
  return PrivateListener(std::move(socket), std::move(lock), path);
}

}  // namespace bus
