// SPDX-License-Identifier: Apache-2.0
// The link to the store, which keeps descriptors across a crash of ours: the
// journal, and for each live job its main process's pidfd, our end of its
// scope's link and the standard streams it was lent.
//
// Invariants:
//  - What was put and is flushed is given back to the next supervisor.
//  - A store that does not take or give is woken (SIGCONT); one that stays
//    silent is killed, and the reaper starts another.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "supervisor/packet_link.h"
#include "sys/pid_fd.h"

namespace supervisor {

struct StoreEntry {
  std::string name;
  sys::UniqueFd fd;
};

/// A store, for a reaper that takes it over.
struct StoreEnds {
  sys::UniqueFd link;
  sys::PidFd process;
};

class StoreLink final : private PacketHandler {
 public:
  /// `socket` may be closed: then nothing is kept until replace(). `process`
  /// too: then a store that is silent is waited for.
  StoreLink(EventLoop& loop, sys::UniqueFd socket, sys::PidFd process = {});
  ~StoreLink() { flush(); }
  StoreLink(const StoreLink&) = delete;
  StoreLink& operator=(const StoreLink&) = delete;

  /// Everything that the store has. Only before the loop runs: it waits.
  /// Errors: ETIME when the store does not answer, EPIPE when it is gone, of
  /// itself or because it did not.
  [[nodiscard]] core::Result<std::vector<StoreEntry>> list();

  /// Replaces what has that name.
  void put(std::string_view name, int fd);
  /// Replaces it now or not at all. Errors: EAGAIN when it would have to wait.
  /// With no store there is nothing to replace: a new one gets everything.
  [[nodiscard]] core::Result<void> put_now(std::string_view name, int fd);
  /// Likewise, in one packet with what else is changed in this turn of the
  /// loop: by flush(), or at the latest when the turn ends.
  void put_soon(std::string_view name, std::shared_ptr<const sys::UniqueFd> fd);
  void drop_soon(std::string_view name);
  /// Sends what is put and dropped soon. Before what relies on it: an entry of
  /// the journal, an order for the reaper.
  void flush();
  [[nodiscard]] bool is_flushed() const {
    return changes_.empty() && link_.is_flushed();
  }
  /// Calls `done` once, when everything that was put is with the kernel, or
  /// when the store is gone, of which nothing can be expected.
  void when_flushed(EventLoop::Callback done);

  /// A new store has taken the old one's place: put everything again.
  void replace(sys::UniqueFd socket, sys::PidFd process);

  /// Whether it has handled everything that was put, and what it keeps by that
  /// name. Only when the loop does not run any more: it waits. Errors: as
  /// list(); ENOENT for a name that it has not.
  [[nodiscard]] core::Result<sys::UniqueFd> fetch(std::string_view name);
  /// Makes this link the keeper link of a new reaper and hands it over.
  [[nodiscard]] StoreEnds promote() &&;

 private:
  void on_message(const reaper::Message& message,
                  std::span<sys::UniqueFd> fds) override;
  void on_end() override;
  void watch();
  void call_waiting();
  void watch_silence();
  void on_silence();
  void change_soon(std::string_view name,
                   std::shared_ptr<const sys::UniqueFd> fd);
  struct Answer {
    reaper::Message message;
    sys::UniqueFd fd;  ///< not open: none came with it
  };

  [[nodiscard]] core::Result<void> await_packet();
  [[nodiscard]] core::Result<Answer> await_answer(std::span<std::byte> buffer);
  /// Does the next thing about its silence; nothing is left to do: false.
  bool nudge();

  EventLoop& loop_;
  sys::UniqueFd socket_;
  sys::PidFd process_;
  std::size_t nudges_ = 0;  ///< done about a silence that lasts
  Timer silence_;           ///< set while something does not go
  /// For when_flushed(): they outlive a link that is replaced.
  std::vector<EventLoop::Callback> waiting_;
  struct Change {
    reaper::StoreChange words;
    std::shared_ptr<const sys::UniqueFd> fd;  ///< null: it drops
  };
  std::vector<Change> changes_;
  std::uint32_t level_ = 0;  ///< what the store knows; of a new one: not asked
  PacketLink link_;
};

}  // namespace supervisor
