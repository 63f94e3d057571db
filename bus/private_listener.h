// SPDX-License-Identifier: Apache-2.0
// PrivateListener: the listening end of an instance's private socket.
//
// Invariants:
//  - The path is never without a listener while one replaces another: the new
//    socket is bound beside it and renamed onto it.
//  - It is alone with the path: its process holds the instance's lock
//    (sys/instance_lock.h).
#pragma once

#include <string>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace bus {

enum class SocketAccess : char {
  kOwner,     ///< 0600: the user's private instance
  kEveryone,  ///< 0666: the system's; each caller is told by its credentials
};

class PrivateListener {
 public:
  /// Listens at `path`, in place of any socket: what still listens there is one
  /// that a store keeps for nobody. Errors: ENAMETOOLONG (107 bytes at most),
  /// EROFS, EACCES, ENOENT.
  [[nodiscard]] static core::Result<PrivateListener> open(
      const std::string& path, SocketAccess access);

  /// Goes on with a listening socket of an earlier supervisor, if the path
  /// still leads to it; else listens anew.
  [[nodiscard]] static core::Result<PrivateListener> adopt(
      sys::UniqueFd socket, const std::string& path, SocketAccess access);

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// The same socket for the descriptor store: clients then queue in it while
  /// the supervisor restarts.
  [[nodiscard]] core::Result<sys::UniqueFd> duplicate() const {
    return socket_.duplicate();
  }

 private:
  PrivateListener(sys::UniqueFd socket, std::string path)
      : socket_(std::move(socket)), path_(std::move(path)) {}

  sys::UniqueFd socket_;
  std::string path_;
};

}  // namespace bus
