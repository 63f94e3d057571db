// SPDX-License-Identifier: Apache-2.0
// Keeper: the reaper's side of the store. It starts it, starts it again when
// it ended, and introduces every new supervisor to it. A store whose reaper
// was killed is taken over by its link; it is then not our child.
#pragma once

#include <poll.h>

#include <optional>
#include <span>
#include <string_view>

#include "reaper/exit_ring.h"
#include "reaper/link.h"
#include "reaper/own_commands.h"
#include "reaper/own_process.h"
#include "reaper/say.h"
#include "sys/message_socket.h"

namespace reaper {

class Keeper {
 public:
  explicit Keeper(const OwnCommands& commands) : commands_(commands) {}

  /// A store that is not our child: it has no pid here, but perhaps a pidfd.
  void adopt(Link link, sys::PidFd pidfd) {
    link_ = std::move(link);
    process_.restore(core::Pid(), std::move(pidfd), core::BootTime());
  }
  void restore(Link link, core::Pid pid, sys::PidFd pidfd,
               core::BootTime began) {
    link_ = std::move(link);
    process_.restore(pid, std::move(pidfd), began);
    process_.is_working = true;
  }

  [[nodiscard]] const Link& link() const { return link_; }
  [[nodiscard]] const OwnProcess& process() const { return process_; }
  [[nodiscard]] core::Pid pid() const { return process_.pid(); }

  /// Starts the store if there is none and its pause is over. True: it is new
  /// and empty.
  [[nodiscard]] bool start_if_due(core::BootTime now) {
    if (link_.is_open() || process_.is_running() || process_.is_pausing(now))
      return false;
    auto pair = sys::make_socket_pair();
    if (!pair) {
      process_.start(std::unexpected(std::move(pair).error()));
      return false;
    }
    const int fds[] = {pair->second.get()};
    process_.start(spawn_own(commands_.store(), fds));
    if (!process_.is_running()) return false;
    process_.is_working = true;  // it greets nobody
    link_ = Link(std::move(pair->first));
    return true;
  }

  /// The moment of the next start, if it waits for one.
  [[nodiscard]] std::optional<core::BootTime> next_start() const {
    if (link_.is_open() || process_.is_running()) return std::nullopt;
    return process_.next_start();
  }

  /// A new link to the store for a supervisor. Where there is no store, or no
  /// room, its other end is closed, which the supervisor sees.
  [[nodiscard]] sys::UniqueFd make_client() {
    auto pair = sys::make_socket_pair();
    if (!pair) return {};
    const int end = pair->second.get();
    (void)link_.send(MessageType::kClient, std::span(&end, 1));
    return std::move(pair->first);
  }

  void keep(std::string_view name, const sys::UniqueFd& descriptor) {
    const int fd = descriptor.get();
    (void)link_.send(MessageType::kPut, store_name(name), std::span(&fd, 1));
  }

  /// Reads away what the store says; sees its end.
  void serve(PacketBuffer& buffer) {
    for (;;) {
      Received received;
      const LinkState state = link_.receive(buffer, received);
      if (state == LinkState::kEmpty) return;
      if (state == LinkState::kClosed) break;
    }
    link_.close();
    process_.finish_off();  // without its link it is of no use
  }

  void take_end() {
    if (process_.take_end()) link_.close();
  }

  /// Nobody will ask for anything again.
  void end() {
    link_.close();
    process_.kill();
  }

 private:
  const OwnCommands& commands_;
  Link link_;
  OwnProcess process_;
};

/// The ring that a killed reaper left in the store, fetched over its keeper
/// link. Nothing if there is none, or the store does not answer in 2 s.
[[nodiscard]] inline std::optional<ExitRing> fetch_ring(Link& keeper,
                                                        PacketBuffer& buffer) {
  constexpr int kPatience = 2000;
  if (keeper.send(MessageType::kFetch, store_name(kRingName)) != Sent::kYes)
    return std::nullopt;
  for (;;) {
    pollfd poll = {.fd = keeper.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, kPatience) != 1) return std::nullopt;
    Received received;
    const LinkState state = keeper.receive(buffer, received);
    if (state == LinkState::kClosed) return std::nullopt;
    if (state != LinkState::kMessage) continue;
    if (received.type == MessageType::kNoEntry) return std::nullopt;
    // Before the answer there may be what the link's last owner asked for.
    const auto name = body_as<StoreName>(received.body);
    if (received.type != MessageType::kEntry || !name ||
        text_of(*name) != std::string_view(kRingName) ||
        received.packet.fd_count != 1)
      continue;
    auto ring = ExitRing::adopt(std::move(received.fds()[0]));
    if (!ring) {
      say(ring.error());
      return std::nullopt;
    }
    return std::move(*ring);
  }
}

}  // namespace reaper
