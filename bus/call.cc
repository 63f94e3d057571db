// SPDX-License-Identifier: Apache-2.0
#include "bus/call.h"

#include <cerrno>
#include <cstring>
#include <exception>

#include "bus/names.h"
#include "bus/polkit.h"
#include "bus/refusal_names.h"
#include "bus/utf8.h"
#include "sys/foreign_fds.h"

namespace bus {

bool ReplyTo::is_wanted() const {
  return ::sd_bus_message_get_expect_reply(call_.get()) > 0;
}

sd_bus_message* ReplyTo::begin() const {
  sd_bus_message* reply = nullptr;
  if (!is_wanted() || connection_.expired()) return nullptr;
  // Fails when the connection has ended: nobody waits then.
  if (::sd_bus_message_new_method_return(call_.get(), &reply) < 0)
    return nullptr;
  return reply;
}

bool ReplyTo::has_second_chance(const core::Refused& refused) const {
  const auto connection = connection_.lock();
  if (refused.why != core::Refusal::kAccessDenied || handler_ == nullptr ||
      !connection || connection->polkit() == nullptr || !is_wanted() ||
      granted_.has(refused.verb))
    return false;
  return connection->polkit()->ask(*connection, {.connection = connection_,
                                                 .call = call_,
                                                 .handler = handler_,
                                                 .refused = refused,
                                                 .granted = granted_});
}

void ReplyTo::refuse(const core::Refused& refused) const {
  if (has_second_chance(refused)) return;
  const std::string text = to_utf8(refused.text);
  // As SD_BUS_ERROR_MAKE_CONST, which is a literal of C alone.
  const sd_bus_error error{.name = name_of(refused.why).error,
                           .message = text.c_str(),
                           ._need_free = 0};
  sd_bus_message* reply = nullptr;
  if (!is_wanted() ||
      ::sd_bus_message_new_method_error(call_.get(), &reply, &error) < 0)
    return;
  const MessageRef held = MessageRef::take(reply);
  send(reply);
}

void ReplyTo::refuse_errno(int code) const {
  refuse(
      {.why = core::Refusal::kUnavailable,
       .text = std::string("cannot write the answer: ") + std::strerror(code)});
}

void ReplyTo::send(sd_bus_message* reply) const {
  if (const auto to = connection_.lock()) to->send(reply);
}

ReplyTo Call::reply() const {
  return {connection.weak_from_this(), message, handler, sender.caller.granted};
}

core::JobId Call::read_jid() const {
  const char* const path = ::sd_bus_message_get_path(message.get());
  if (path != nullptr)
    if (const auto jid = job_of_path(path)) return *jid;
  std::uint64_t jid = 0;  // no job has it, if reading failed
  (void)::sd_bus_message_read(message.get(), "t", &jid);
  return core::JobId(jid);
}

core::Answer<core::Handle> Call::read_descriptor() const {
  int fd = -1;
  // EBADMSG: fewer descriptors came with the message than it speaks of.
  if (::sd_bus_message_read(message.get(), "h", &fd) < 0)
    return std::unexpected(core::invalid(
        "the descriptor did not come with the message, expected an open one"));
  auto copy = sys::duplicate_foreign(fd);
  if (!copy)
    return refuse(core::Refusal::kUnavailable,
                  std::string("cannot keep the descriptor: ") +
                      copy.error().message().c_str());
  return (*std::move(copy)).to_handle();
}

int enter_method(Connection& connection, sd_bus_message* message,
                 Handler handler) noexcept {
  try {
    MessageRef held = MessageRef::share(message);
    const Identity* const sender = connection.senders().find(message);
    if (sender != nullptr)
      handler(connection, held, *sender);
    else
      connection.senders().learn(connection, std::move(held), handler);
    return 1;
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

}  // namespace bus
