// SPDX-License-Identifier: Apache-2.0
// ClientConnection: one private socket spoken to through sd-bus, connected
// again when the supervisor restarts. It knows messages, not jobs.
//
// Invariant: a number that is not its socket any more, because the program
// closed it (closefrom(3), as daemons do), is neither written nor closed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "bus/sd_bus_table.h"
#include "core/job_control.h"
#include "sys/unique_fd.h"

namespace bus {

/// A message that is held.
class HeldMessage {
 public:
  HeldMessage() = default;
  /// Takes the reference over.
  HeldMessage(const SdBusTable& sd, sd_bus_message* message)
      : unref_(sd.message_unref), message_(message) {}
  HeldMessage(HeldMessage&& other) noexcept
      : unref_(other.unref_),
        message_(std::exchange(other.message_, nullptr)) {}
  HeldMessage& operator=(HeldMessage&& other) noexcept {
    if (this != &other) {
      reset();
      unref_ = other.unref_;
      message_ = std::exchange(other.message_, nullptr);
    }
    return *this;
  }
  HeldMessage(const HeldMessage&) = delete;
  HeldMessage& operator=(const HeldMessage&) = delete;
  ~HeldMessage() { reset(); }

  [[nodiscard]] sd_bus_message* get() const { return message_; }

 private:
  void reset() {
    // NOLINTNEXTLINE(clang-analyzer-core.*): it loses sight of values in TRY
    if (message_ != nullptr) (void)unref_(message_);
    message_ = nullptr;
  }

  decltype(&::sd_bus_message_unref) unref_ = nullptr;
  sd_bus_message* message_ = nullptr;
};

/// May a request be sent again when the connection broke before its answer?
enum class Repeat : char { kNever, kUntilAnswered };

struct Method {
  const char* interface;
  const char* member;
  Repeat repeat = Repeat::kUntilAnswered;
};

/// Appends a request's arguments; negative errno as sd-bus gives it.
using Arguments = std::function<int(const SdBusTable&, sd_bus_message*)>;

/// How long a connection waits for an instance.
struct ConnectionPatience {
  core::Microseconds reconnect_within;  ///< until it is there again
  core::Microseconds answer_within;     ///< until it has answered
};

class ClientConnection {
 public:
  ClientConnection(SdBusTable sd, std::string path,
                   ConnectionPatience patience);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection();

  /// Begins to speak on a connected socket. Returns when the other side has
  /// said who it is; a supervisor that has not `within` this is given up.
  [[nodiscard]] core::Answer<void> start(sys::UniqueFd socket,
                                         core::Microseconds within);

  /// Sends and waits for the answer.
  [[nodiscard]] core::Answer<HeldMessage> call(const Method& method,
                                               const Arguments& arguments);

  /// Opens a call whose answer is waited for with finish(); replaces one that
  /// is open.
  [[nodiscard]] core::Answer<void> begin(const Method& method,
                                         Arguments arguments);
  /// Waits for the answer until `deadline`, for ever if absent, sending the
  /// call again on a new connection when one breaks. Nothing: not yet.
  [[nodiscard]] core::Answer<std::optional<HeldMessage>> finish(
      std::optional<core::BootTime> deadline);
  [[nodiscard]] bool has_begun() const { return open_.has_value(); }
  void abandon();

  [[nodiscard]] const SdBusTable& sd() const { return sd_; }
  /// The last call() got no answer in time.
  [[nodiscard]] bool is_silent() const { return is_silent_; }
  /// The program closed its socket. The next call would make another.
  [[nodiscard]] bool has_lost_socket() const;

 private:
  struct OpenCall {
    Method method;
    Arguments arguments;
    sd_bus_slot* slot = nullptr;
    HeldMessage reply;
  };

  [[nodiscard]] bool is_open() const;
  void close();
  /// A time without a connection that holds.
  struct Outage {
    core::BootTime deadline;
    unsigned attempts = 0;
  };

  [[nodiscard]] core::Answer<void> await_ready(core::Microseconds within);
  [[nodiscard]] Outage new_outage() const;
  [[nodiscard]] core::Answer<void> restore(Outage& outage);
  [[nodiscard]] core::Answer<void> reconnect();
  [[nodiscard]] core::Answer<HeldMessage> make_call(const Method& method,
                                                    const Arguments& arguments);
  [[nodiscard]] core::Answer<void> send_open_call();
  [[nodiscard]] core::Answer<void> reopen_call(Outage& outage);
  [[nodiscard]] core::Answer<HeldMessage> take_reply();
  static int on_reply(sd_bus_message* message, void* self, sd_bus_error* error);

  SdBusTable sd_;
  std::string path_;
  ConnectionPatience patience_;
  sd_bus* bus_ = nullptr;
  std::uint64_t socket_ = 0;  ///< its cookie: the number may become another's
  core::BootTime opened_;
  core::Pid listener_;  ///< who listened when we came
  std::optional<OpenCall> open_;
  bool is_silent_ = false;
};

}  // namespace bus
