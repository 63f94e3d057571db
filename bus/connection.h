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
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus/loop_hooks.h"
#include "bus/sd_bus_handles.h"
#include "core/job_control.h"
#include "sys/inbox.h"
#include "sys/pid_fd.h"

namespace bus {

class Connection;
class EventStream;
class Polkit;

/// What methods act on.
struct Backing {
  core::JobControl& port;
  EventStream& events;
};

/// Who sent a message, as the kernel or the bus tells it: of user and groups as
/// they were when the connection was made, whatever has become of who made it.
struct Identity {
  core::Caller caller;
  std::optional<core::Gid> gid = std::nullopt;  ///< absent: not told
  std::vector<core::Gid> groups = {};
  /// Who made the connection; null: there is none to hold (Linux before 5.3).
  std::shared_ptr<const sys::PidFd> process = nullptr;

  /// Whoever speaks on a connection that he inherited is not the process that
  /// made it: once that has ended its number may be anybody's, and
  /// `caller.pid` is 0, a process that does not exist.
  void forget_if_ended() {
    if (!process || !process->has_exited()) return;
    caller.pid = core::Pid();
    process.reset();
  }
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
  /// Open Wait calls; and of one user, but root and the instance's own.
  std::size_t waits_most = 4096;
  std::size_t waits_of_user = 256;
  /// Bytes of a message; and of all unfinished ones of the user together, which
  /// `unfinished` counts. Without it nothing is bounded: a bus is trusted.
  std::size_t message_most = SIZE_MAX;
  std::size_t unfinished_most = SIZE_MAX;
  std::shared_ptr<std::size_t> unfinished;
};

/// Facts read once for the properties of one message.
struct ViewCache {
  std::optional<core::JobView> job;
  std::optional<core::InstanceView> instance;
};

/// What ends with who asked for it: by its destructor.
class Lease {
 public:
  Lease() = default;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  virtual ~Lease() = default;
  /// It ended otherwise.
  [[nodiscard]] virtual bool is_over() const = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(LoopHooks& hooks, const Backing& backing, BusPtr bus,
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
  [[nodiscard]] core::JobControl& port() const { return backing_.port; }
  [[nodiscard]] EventStream& events() const { return backing_.events; }
  [[nodiscard]] Senders& senders() const { return *senders_; }
  [[nodiscard]] ViewCache& views() { return views_; }
  [[nodiscard]] const ConnectionBounds& bounds() const { return bounds_; }

  /// Open waits, so that they are forgotten with whoever asked.
  void remember_wait(std::uint64_t key, core::JobControl::WaitId wait,
                     std::string sender, core::Uid uid);
  /// False: it was forgotten.
  bool end_wait(std::uint64_t key);
  /// Keeps this until it is over, or the sender or the connection is gone.
  void hold(const std::string& sender, std::unique_ptr<Lease> lease);
  /// The newest that the sender holds of which it is true; null: none.
  [[nodiscard]] Lease* find_lease(
      const std::string& sender,
      const std::function<bool(const Lease&)>& is_it) const;
  /// The sender has left.
  void forget_sender(const std::string& sender);
  /// Whether this user may wait for another job.
  [[nodiscard]] bool has_room_to_wait(core::Uid uid) const;
  [[nodiscard]] std::uint64_t next_wait_key() { return ++last_wait_key_; }

  /// Who is asked about what was denied; null: nobody.
  [[nodiscard]] Polkit* polkit() const { return polkit_.get(); }
  void use_polkit();

  /// A listing of all objects, which takes several rounds. False: one is under
  /// way.
  [[nodiscard]] bool begin_listing() {
    return !std::exchange(is_listing_, true);
  }
  void end_listing() { is_listing_ = false; }
  /// For what goes on over several rounds of the loop.
  [[nodiscard]] LoopHooks& hooks() const { return hooks_; }

 private:
  struct OpenWait {
    std::uint64_t key;
    core::JobControl::WaitId wait;
    std::string sender;
    core::Uid uid;
  };

  void on_ready();
  void take_turn();
  [[nodiscard]] bool is_readable() const;
  enum class Next : char { kRead, kWait, kTooLarge };
  /// Looks at the message that is to be read next, before it is.
  [[nodiscard]] Next look_ahead();
  [[nodiscard]] Next charge(std::string_view header);
  void has_finished_message();
  static int on_message(sd_bus_message* message, void* self,
                        sd_bus_error* error) noexcept;
  [[nodiscard]] bool may_write() const;
  [[nodiscard]] std::uint64_t queued() const;
  void set_timer();
  void finish();

  LoopHooks& hooks_;
  Backing backing_;
  BusPtr bus_;
  std::unique_ptr<Senders> senders_;
  std::function<void()> on_closed_;
  ConnectionBounds bounds_;
  std::unique_ptr<LoopWatch> watch_;
  std::unique_ptr<LoopTimer> timer_;
  short wanted_ = 0;
  std::optional<core::BootTime> incomplete_since_;
  bool has_more_ = false;
  std::size_t unfinished_ = 0;         ///< bytes of the message that has begun
  std::unique_ptr<sys::Inbox> inbox_;  ///< null: nothing is bounded
  bool has_shaken_ = false;            ///< some of the handshake was read
  bool is_cut_ = false;  ///< what can be read is less than a header
  bool is_finished_ = false;
  bool is_listing_ = false;
  ViewCache views_;
  std::vector<OpenWait> waits_;
  std::multimap<std::string, std::unique_ptr<Lease>> leases_;
  std::uint64_t last_wait_key_ = 0;
  std::unique_ptr<Polkit> polkit_;  ///< goes before the bus: it has slots of it
};

}  // namespace bus
