// SPDX-License-Identifier: Apache-2.0
#include "bus/private_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>

#include "bus/client_transport.h"

namespace bus {

namespace {

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
  sys::UniqueFd socket = TRY(replace(path, access));
  return PrivateListener(std::move(socket), path);
}

core::Result<PrivateListener> PrivateListener::adopt(sys::UniqueFd socket,
                                                     const std::string& path,
                                                     SocketAccess access) {
  // What answers there is the socket itself. The connection that asks waits in
  // its queue, closed.
  if (!is_listening(socket.get()) || !is_answering(path))
    socket = TRY(replace(path, access));
  // Clients are told who listens: from now on it is us.
  if (::listen(socket.get(), SOMAXCONN) < 0)
    return core::fail(errno, "listen", path);
  return PrivateListener(std::move(socket), path);
}

}  // namespace bus
