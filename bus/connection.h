// SPDX-License-Identifier: Apache-2.0
// Connection: one sd-bus connection driven by a loop that is not its own.
//
// Invariants:
//  - Nothing here blocks: sd-bus reads and writes without waiting, and what the
//    other side does not read is queued up to a bound.
//  - Who does not read his answers is not read from either; who lets them grow
//    past the bound is disconnected. A message that is not completed in time
//    disconnects too.
//  - After anything was sent, rearm() has run: the loop knows what the
//    connection waits for.
//  - on_closed() is called once, never from within send().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/loop_hooks.h"
#include "bus/sd_bus_handles.h"
#include "core/job_control.h"

namespace bus {

class Connection;

/// Who sent a message, as the kernel or the bus tells it.
struct Identity {
  core::Caller caller;
  std::optional<core::Gid> gid;  ///< absent: not told
  std::vector<core::Gid> groups;
};

/// Takes a message whose sender is known.
using Handler = void (*)(Connection& connection, const MessageRef& message,
                         const Identity& sender);

/// Where the senders of a connection's messages are known from.
class Senders {
 public:
  Senders() = default;
  Senders(const Senders&) = delete;
  Senders& operator=(const Senders&) = delete;
  virtual ~Senders() = default;
  /// Null: not known yet. Valid until the next call.
  [[nodiscard]] virtual const Identity* find(sd_bus_message* message) = 0;
  /// Learns who sent it and then calls the handler; a sender that went away
  /// gets none.
  virtual void learn(Connection& connection, MessageRef message,
                     Handler handler) = 0;
};

/// What the bounds of a connection are.
struct ConnectionBounds {
  /// Answers that wait to be read: more are not made.
  std::uint64_t queued_pause = 64;
  /// Messages that wait to be read: the connection is closed.
  std::uint64_t queued_most = 4096;
  /// For a message, or the handshake, once it has begun.
  core::Microseconds message_within = core::seconds(20);
  /// Messages handled before others have their turn.
  unsigned turn = 32;
  /// Open Wait calls.
  std::size_t waits_most = 4096;
};

/// Facts read once for the properties of one message.
struct ViewCache {
  std::optional<core::JobView> job;
  std::optional<core::InstanceView> instance;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(LoopHooks& hooks, core::JobControl& port, BusPtr bus,
             std::unique_ptr<Senders> senders, std::function<void()> on_closed,
             const ConnectionBounds& bounds = {});
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// Begins to be driven. The bus was started.
  void drive();
  [[nodiscard]] bool is_open() const;
  void close();

  /// Sends, or queues; errors are the connection's end, which is told later.
  void send(sd_bus_message* message);
  /// After sd-bus has sent something by itself.
  void rearm();

  [[nodiscard]] sd_bus* bus() const { return bus_.get(); }
  [[nodiscard]] core::JobControl& port() const { return port_; }
  [[nodiscard]] Senders& senders() const { return *senders_; }
  [[nodiscard]] ViewCache& views() { return views_; }
  [[nodiscard]] const ConnectionBounds& bounds() const { return bounds_; }

  /// Open waits, so that they are forgotten with whoever asked.
  void remember_wait(std::uint64_t key, core::JobControl::WaitId wait,
                     std::string sender);
  /// False: it was forgotten.
  bool end_wait(std::uint64_t key);
  void forget_waits_of(const std::string& sender);
  [[nodiscard]] std::size_t wait_count() const { return waits_.size(); }
  [[nodiscard]] std::uint64_t next_wait_key() { return ++last_wait_key_; }

 private:
  struct OpenWait {
    std::uint64_t key;
    core::JobControl::WaitId wait;
    std::string sender;
  };

  void on_ready();
  void take_turn();
  [[nodiscard]] bool is_readable() const;
  [[nodiscard]] bool may_write() const;
  [[nodiscard]] std::uint64_t queued() const;
  void set_timer();
  void finish();

  LoopHooks& hooks_;
  core::JobControl& port_;
  BusPtr bus_;
  std::unique_ptr<Senders> senders_;
  std::function<void()> on_closed_;
  ConnectionBounds bounds_;
  std::unique_ptr<LoopWatch> watch_;
  std::unique_ptr<LoopTimer> timer_;
  short wanted_ = 0;
  std::optional<core::BootTime> incomplete_since_;
  bool has_more_ = false;
  bool is_finished_ = false;
  ViewCache views_;
  std::vector<OpenWait> waits_;
  std::uint64_t last_wait_key_ = 0;
};

}  // namespace bus
