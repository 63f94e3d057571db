// SPDX-License-Identifier: Apache-2.0
// Call: one method call on its way from the message to its answer, now or
// later. Every method of bus/ is a function of a Call in four steps: read,
// check, one call of the port (which authorises by the caller), answer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bus/connection.h"
#include "bus/sd_bus_handles.h"
#include "core/job_control.h"

namespace bus {

/// Where an answer goes. Copies answer the same call; one of them may.
class ReplyTo {
 public:
  ReplyTo(std::weak_ptr<Connection> connection, MessageRef call)
      : connection_(std::move(connection)), call_(std::move(call)) {}
  /// `handler` runs the call again if polkit grants what was denied.
  ReplyTo(std::weak_ptr<Connection> connection, MessageRef call,
          Handler handler, core::VerbSet granted)
      : connection_(std::move(connection)),
        call_(std::move(call)),
        handler_(handler),
        granted_(granted) {}

  /// Sends an answer, whose arguments `fill(sd_bus_message*)` appends (a
  /// negative errno: they cannot be sent, and the answer is that error).
  template <class Fill>
  void answer(const Fill& fill) const {
    sd_bus_message* reply = begin();
    if (reply == nullptr) return;
    const MessageRef held = MessageRef::take(reply);
    const int r = fill(reply);
    if (r < 0) return refuse_errno(-r);
    send(reply);
  }
  void answer() const {
    answer([](sd_bus_message* /*reply*/) { return 0; });
  }
  void refuse(const core::Refused& refused) const;

  [[nodiscard]] std::shared_ptr<Connection> connection() const {
    return connection_.lock();
  }

 private:
  /// Null: nobody waits for it.
  [[nodiscard]] sd_bus_message* begin() const;
  [[nodiscard]] bool is_wanted() const;
  /// Whether polkit is asked, and answers in our stead.
  [[nodiscard]] bool has_second_chance(const core::Refused& refused) const;
  void refuse_errno(int code) const;
  void send(sd_bus_message* reply) const;

  std::weak_ptr<Connection> connection_;
  MessageRef call_;
  Handler handler_ = nullptr;
  core::VerbSet granted_;
};

struct Call {
  Connection& connection;
  const MessageRef& message;
  const Identity& sender;
  Handler handler = nullptr;  ///< that runs this call

  [[nodiscard]] core::JobControl& port() const { return connection.port(); }
  [[nodiscard]] const core::Caller& caller() const { return sender.caller; }
  [[nodiscard]] ReplyTo reply() const;
  /// The job: of the object's path, or the first argument on the manager.
  [[nodiscard]] core::JobId read_jid() const;
  /// The next argument, "h": a copy that is kept beyond the call.
  [[nodiscard]] core::Answer<core::Handle> read_descriptor() const;
};

using MethodFunction = void (*)(const Call& call);

/// Runs a method, now or when its sender is known. What the standard library
/// throws ends here, as the answer "out of memory".
int enter_method(Connection& connection, sd_bus_message* message,
                 Handler handler) noexcept;

/// The method `kMethod` as a handler.
template <MethodFunction kMethod>
void run_method(Connection& connection, const MessageRef& message,
                const Identity& sender) {
  kMethod(Call{.connection = connection,
               .message = message,
               .sender = sender,
               .handler = run_method<kMethod>});
}

/// The callback of sd-bus for the method `kMethod`; the userdata of its vtable
/// is the Connection.
template <MethodFunction kMethod>
int method_entry(sd_bus_message* message, void* connection,
                 sd_bus_error* /*error*/) noexcept {
  return enter_method(*static_cast<Connection*>(connection), message,
                      run_method<kMethod>);
}

}  // namespace bus
