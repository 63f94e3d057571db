// SPDX-License-Identifier: Apache-2.0
#include "bus/polkit.h"

#include <cerrno>
#include <exception>
#include <string>

#include "bus/call.h"

namespace bus {

namespace {

constexpr const char* kName = "org.freedesktop.PolicyKit1";
constexpr const char* kPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kInterface = "org.freedesktop.PolicyKit1.Authority";
/// More are denied as if it were not there.
constexpr std::size_t kMostQuestions = 256;
/// A person may be typing a password.
constexpr std::uint64_t kPatienceUs = 300ULL * 1000 * 1000;
constexpr std::uint32_t kMayInteract = 1;

/// CheckAuthorization (polkit's D-Bus API): who, what, details, flags, and a
/// name to cancel by.
int make_question(Connection& connection, const Polkit::Denied& denied,
                  sd_bus_message** question) {
  const char* const sender = ::sd_bus_message_get_sender(denied.call.get());
  if (sender == nullptr) return -EINVAL;
  const std::string action(core::polkit_action(denied.refused.verb));
  const bool may_interact =
      ::sd_bus_message_get_allow_interactive_authorization(denied.call.get()) >
      0;
  const int r =
      ::sd_bus_message_new_method_call(connection.bus(), question, kName, kPath,
                                       kInterface, "CheckAuthorization");
  if (r < 0) return r;
  return ::sd_bus_message_append(
      *question, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", sender,
      action.c_str(), 0, may_interact ? kMayInteract : 0U, "");
}

/// (bba{ss}): whether it is granted, could be by asking a person, details.
bool is_yes(sd_bus_message* answer) {
  int is_authorized = 0;
  return ::sd_bus_message_get_error(answer) == nullptr &&
         ::sd_bus_message_enter_container(answer, SD_BUS_TYPE_STRUCT,
                                          "bba{ss}") > 0 &&
         ::sd_bus_message_read(answer, "b", &is_authorized) > 0 &&
         is_authorized != 0;
}

/// The method, again, for a caller who may now.
void run_again(const Polkit::Denied& denied) {
  const auto connection = denied.connection.lock();
  if (!connection || !connection->is_open()) return;
  const Identity* const sender = connection->senders().find(denied.call.get());
  // It has left the bus: nobody waits.
  if (sender == nullptr || ::sd_bus_message_rewind(denied.call.get(), 1) < 0)
    return;
  Identity granted = *sender;
  granted.caller.granted = denied.granted;
  granted.caller.granted.add(denied.refused.verb);
  denied.handler(*connection, denied.call, granted);
}

}  // namespace

bool Polkit::ask(Connection& connection, Denied denied) {
  if (core::polkit_action(denied.refused.verb).empty() ||
      questions_.size() >= kMostQuestions)
    return false;
  sd_bus_message* made = nullptr;
  int r = make_question(connection, denied, &made);
  const MessageRef held = MessageRef::take(made);
  if (r < 0) return false;
  questions_.push_front({.polkit = this,
                         .denied = std::move(denied),
                         .slot = {},
                         .self = questions_.begin()});
  Question& question = questions_.front();
  question.self = questions_.begin();
  sd_bus_slot* slot = nullptr;
  r = ::sd_bus_call_async(connection.bus(), &slot, made, on_answer, &question,
                          kPatienceUs);
  question.slot.reset(slot);
  if (r < 0) questions_.pop_front();
  return r >= 0;
}

int Polkit::on_answer(sd_bus_message* message, void* userdata,
                      sd_bus_error* /*error*/) noexcept {
  try {
    auto& question = *static_cast<Question*>(userdata);
    const Denied denied = std::move(question.denied);
    Polkit& polkit = *question.polkit;
    polkit.questions_.erase(question.self);
    if (is_yes(message))
      run_again(denied);
    else
      ReplyTo(denied.connection, denied.call).refuse(denied.refused);
    return 1;
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

}  // namespace bus
