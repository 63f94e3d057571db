// SPDX-License-Identifier: Apache-2.0
// PrivatePeer: one client of the private socket. To it the socket looks like a
// message bus with two names on it, so that busctl, gdbus and every binding
// work: Hello, AddMatch and their like are answered here. A peer that asked for
// no match is told no signals.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/connection.h"
#include "core/error.h"
#include "sys/unique_fd.h"

namespace bus {

/// Who is at the other end of a connected AF_UNIX socket: SO_PEERCRED,
/// SO_PEERGROUPS and SO_PEERPIDFD (unix(7)), as they were when it connected.
[[nodiscard]] core::Result<Identity> peer_identity(int socket);

/// The process of that number now, where nobody tells it with a descriptor (a
/// bus, Linux before 6.5): from here on no other is taken for it. One that was
/// reaped before is forgotten. Errors: EMFILE.
[[nodiscard]] core::Result<void> hold_process(Identity& identity);

/// What joins a peer to its server.
struct PeerOwner {
  std::uint64_t number = 0;  ///< of the peer
  std::size_t& listening;    ///< the number of peers that want signals
  ConnectionBounds bounds = {};
  std::function<void()> on_closed;  ///< called once
};

class PrivatePeer {
 public:
  /// Starts to speak on an accepted socket. Errors: ENOMEM.
  [[nodiscard]] static core::Result<std::unique_ptr<PrivatePeer>> make(
      LoopHooks& hooks, const Backing& backing, sys::UniqueFd socket,
      Identity identity, PeerOwner owner);
  PrivatePeer(const PrivatePeer&) = delete;
  PrivatePeer& operator=(const PrivatePeer&) = delete;
  ~PrivatePeer();

  [[nodiscard]] bool wants_signals() const { return wanted_ > 0; }
  [[nodiscard]] Connection& connection() { return *connection_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  /// Its unique name on this bus of two.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// AddMatch and RemoveMatch. False: too many, or none like it.
  bool add_match(std::string rule);
  bool remove_match(const std::string& rule);

 private:
  PrivatePeer(Identity identity, std::uint64_t number, std::size_t& listening);
  void count_wanted(int change);

  std::size_t& listening_;
  Identity identity_;
  std::string name_;
  std::vector<std::string> matches_;
  std::size_t wanted_ = 0;  ///< matches that our signals may fit
  std::shared_ptr<Connection> connection_;
};

}  // namespace bus
