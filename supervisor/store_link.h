// SPDX-License-Identifier: Apache-2.0
// The link to the store, which keeps descriptors across a crash of ours: the
// journal, and for each live job its main process's pidfd, our end of its
// scope's link and the standard streams it was lent.
//
// Invariant: what was put and is flushed is given back to the next supervisor.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "supervisor/packet_link.h"

namespace supervisor {

struct StoreEntry {
  std::string name;
  sys::UniqueFd fd;
};

class StoreLink final : private PacketHandler {
 public:
  /// `socket` may be closed: then nothing is kept until replace().
  StoreLink(EventLoop& loop, sys::UniqueFd socket);

  /// Everything that the store has. Only before the loop runs: it waits.
  /// Errors: ETIME when the store does not answer, EPIPE when it is gone.
  [[nodiscard]] core::Result<std::vector<StoreEntry>> list();

  /// Replaces what has that name.
  void put(std::string_view name, int fd);
  /// Replaces it now or not at all. Errors: EAGAIN when it would have to wait.
  /// With no store there is nothing to replace: a new one gets everything.
  [[nodiscard]] core::Result<void> put_now(std::string_view name, int fd);
  void drop(std::string_view name);
  [[nodiscard]] bool is_flushed() const { return link_.is_flushed(); }
  /// Calls `done` once, when everything that was put is with the kernel, or
  /// when the store is gone, of which nothing can be expected.
  void when_flushed(EventLoop::Callback done);

  /// A new store has taken the old one's place: put everything again.
  void replace(sys::UniqueFd socket);

  /// Makes this link the keeper link of a new reaper and hands it over.
  [[nodiscard]] sys::UniqueFd promote() &&;

 private:
  void on_message(const reaper::Message& message,
                  std::span<sys::UniqueFd> fds) override;
  void on_end() override;
  void watch();
  void call_waiting();

  EventLoop& loop_;
  sys::UniqueFd socket_;
  /// For when_flushed(): they outlive a link that is replaced.
  std::vector<EventLoop::Callback> waiting_;
  PacketLink link_;
};

}  // namespace supervisor
