// SPDX-License-Identifier: Apache-2.0
// MessageBus: our place on a message bus (the system bus), kept for ever: it is
// joined when it appears and joined again when it was restarted. A bus that is
// stopped, dead or was never there costs nothing and delays nobody: inotify
// tells when its socket comes, and while it is there a connection tells of its
// end. Only a bus that refuses us, or answers no connect, is tried again by a
// timer, with growing pauses.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bus/connection.h"
#include "bus/path_watch.h"
#include "core/error.h"

namespace bus {

/// The socket's path in a D-Bus address ("unix:path=/a/b,guid=...;..."), the
/// first that has one. Nothing: no address that we can speak to.
[[nodiscard]] std::optional<std::string> socket_path_of(
    std::string_view address);

class MessageBus {
 public:
  using Notice = std::function<void(std::string_view)>;

  /// `notice` is told in one sentence what people may want to know.
  MessageBus(LoopHooks& hooks, const Backing& backing, std::string path,
             Notice notice);
  MessageBus(const MessageBus&) = delete;
  MessageBus& operator=(const MessageBus&) = delete;
  ~MessageBus();

  /// Begins.
  void join();
  /// Null while there is none.
  [[nodiscard]] const std::shared_ptr<Connection>& connection() const {
    return connection_;
  }
  [[nodiscard]] bool has_name() const { return has_name_; }

 private:
  void try_to_join();
  [[nodiscard]] core::Result<void> connect();
  [[nodiscard]] core::Result<BusPtr> start_bus(sys::UniqueFd socket);
  void wait_for_socket();
  void stop_waiting();
  void try_later();
  void on_event();
  void on_closed();
  static int on_name(sd_bus_message* message, void* self,
                     sd_bus_error* error) noexcept;

  LoopHooks& hooks_;
  Backing backing_;
  std::string path_;
  Notice notice_;
  std::optional<PathWatch> path_watch_;
  std::unique_ptr<LoopWatch> event_;
  std::unique_ptr<LoopTimer> retry_;
  std::shared_ptr<Connection> connection_;
  SlotPtr name_request_;
  bool has_name_ = false;
  unsigned attempts_ = 0;  ///< since the last success or sign of life
};

}  // namespace bus
