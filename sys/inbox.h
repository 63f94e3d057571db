// SPDX-License-Identifier: Apache-2.0
// Inbox: what may be read of a client's connection, and what came with it.
// sd-bus forgets the descriptors of a message that it finds malformed, and
// reads the next one (systemd 252, bus_socket_make_message(): EBADMSG drops the
// message alone). So it reads a message at a time, and one that was read and
// that nobody took is the connection's end; its descriptors are nobody's then.
//
// Invariant: whoever calls recvmsg(2) for a socket that has an inbox asks it
// first and tells it afterwards (supervisor/own_close.cc).
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace sys {

class Inbox {
 public:
  /// Of this socket, from now to its end. Inboxes of sockets are found by
  /// at().
  explicit Inbox(int socket) : socket_(socket) { all()[socket] = this; }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  ~Inbox() { all().erase(socket_); }
  /// Null: the socket has none.
  [[nodiscard]] static Inbox* at(int socket) {
    const auto found = all().find(socket);
    return found == all().end() ? nullptr : found->second;
  }

  /// So many bytes, and no more: of the handshake, or 0.
  void let_read(std::size_t bytes) { allowed_ = bytes; }
  /// The next bytes are a message of this size.
  void let_read_message(std::size_t bytes) {
    allowed_ = bytes;
    is_message_ = true;
  }
  /// Whoever the message was for has it, with its descriptors.
  void take() {
    is_message_ = false;
    came_.clear();
  }

  /// How many of `wanted` bytes may be read now.
  [[nodiscard]] std::size_t room(std::size_t wanted) const {
    return wanted < allowed_ ? wanted : allowed_;
  }
  /// A message was read to its end, and nobody took it.
  [[nodiscard]] bool has_dropped() const {
    return is_message_ && allowed_ == 0;
  }
  void has_read(std::size_t bytes) { allowed_ -= room(bytes); }
  void has_come(int descriptor) {
    if (is_message_) came_.push_back(descriptor);
  }
  /// The descriptors of a message that was dropped, which go to the caller.
  [[nodiscard]] std::vector<int> give_up() { return std::exchange(came_, {}); }

 private:
  static std::map<int, Inbox*>& all() {
    static std::map<int, Inbox*> inboxes;
    return inboxes;
  }

  int socket_;
  std::size_t allowed_ = 0;
  bool is_message_ = false;
  std::vector<int> came_;  ///< with the message that is being read
};

}  // namespace sys
