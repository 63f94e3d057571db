// SPDX-License-Identifier: Apache-2.0
// Server: D-Bus as a thin face of one core::JobControl, for the clients of a
// private socket and of a message bus. It is driven by the owner's loop
// (bus/loop_hooks.h), blocks nowhere, and keeps no fact of its own about jobs.
//
// Clients of the private socket are known by SO_PEERCRED, and bounded: in
// number for each user, in answers that they do not read, in the time that a
// message may take to come.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/announcer.h"
#include "bus/event_stream.h"
#include "bus/loop_hooks.h"
#include "bus/message_bus.h"
#include "bus/private_listener.h"
#include "bus/private_peer.h"
#include "core/job_control.h"

namespace bus {

struct ServerBounds {
  /// Connections of one user; root and the instance's own user are not bounded
  /// by it.
  std::size_t peers_of_user = 64;
  std::size_t peers = 4096;
  /// Of a message: the largest request that an instance takes (8 MiB of
  /// arguments and environment), and of all unfinished ones of a user.
  std::size_t message = std::size_t{12} << 20;
  std::size_t messages_of_user = std::size_t{64} << 20;
};

class Server : private Audience, private core::JobObserver {
 public:
  using Notice = std::function<void(std::string_view)>;

  /// Sets itself as the port's observer. `notice` is told in one sentence what
  /// people may want to know; libraries do not log.
  Server(LoopHooks& hooks, core::JobControl& port, Notice notice,
         const ServerBounds& bounds = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override;

  /// Accepts clients from now on.
  void serve(PrivateListener listener);

  /// Joins the message bus at a D-Bus address ("unix:path=..."), now or
  /// whenever it is there. Errors: EAFNOSUPPORT, for an address without a unix
  /// path.
  [[nodiscard]] core::Result<void> join(std::string_view address);

  [[nodiscard]] std::size_t peer_count() const { return peers_.size(); }
  /// Whether we can be reached by our name on the message bus.
  [[nodiscard]] bool has_bus_name() const {
    return message_bus_ != nullptr && message_bus_->has_name();
  }

 private:
  [[nodiscard]] std::vector<std::shared_ptr<Connection>> listeners() override;
  [[nodiscard]] bool is_empty() const override;
  void on_job_new(const core::Job& job) override;
  void on_job_changed(const core::Job& job) override;
  void on_limit_passed(const core::Job& job) override;
  void on_soft_limit_passed(const core::Job& job,
                            const core::LimitHit& hit) override;
  void on_job_removed(const core::Job& job) override;
  void on_job_forgotten(core::JobId jid) override;

  [[nodiscard]] Backing backing() { return {.port = port_, .events = events_}; }
  void on_connections();
  [[nodiscard]] bool accept_one();
  void turn_away();
  void admit(sys::UniqueFd socket);
  [[nodiscard]] bool may_enter(core::Uid uid) const;
  [[nodiscard]] ConnectionBounds bounds_for(core::Uid uid);

  LoopHooks& hooks_;
  core::JobControl& port_;
  Notice notice_;
  ServerBounds bounds_;
  Announcer announcer_;
  EventStream events_;
  std::optional<PrivateListener> listener_;
  std::unique_ptr<LoopWatch> listening_;
  std::unique_ptr<LoopTimer> rest_;
  sys::UniqueFd spare_;  ///< given up to refuse a client when none is left
  std::size_t listening_peers_ = 0;  ///< they keep it
  /// Bytes of unfinished messages; gone with the last connection of its user.
  std::map<core::Uid, std::weak_ptr<std::size_t>> unfinished_;
  std::map<std::uint64_t, std::unique_ptr<PrivatePeer>> peers_;
  std::uint64_t last_peer_ = 0;
  std::unique_ptr<MessageBus> message_bus_;
};

/// The address of the system bus: DBUS_SYSTEM_BUS_ADDRESS, else the
/// specification's.
[[nodiscard]] std::string system_bus_address();

}  // namespace bus
