// SPDX-License-Identifier: Apache-2.0
#include "bus/bus_senders.h"

#include <cerrno>
#include <exception>

#include "bus/call.h"
#include "bus/dict_codec.h"
#include "bus/private_peer.h"

namespace bus {

namespace {

constexpr const char* kDriverName = "org.freedesktop.DBus";
constexpr const char* kDriverPath = "/org/freedesktop/DBus";
/// More than a bus lets connect; and calls of one sender that is not known yet.
constexpr std::size_t kMostSenders = 4096;
constexpr std::size_t kMostParked = 64;

void refuse(Connection& connection, const MessageRef& message,
            core::Refusal why, const char* text) {
  ReplyTo(connection.weak_from_this(), message)
      .refuse({.why = why, .text = text});
}

/// GetConnectionCredentials (D-Bus specification): absent keys are not known.
bool read_identity(sd_bus_message* message, Identity& identity) {
  const core::Answer<Dict> dict = read_dict(linked_sd_bus(), message);
  if (!dict) return false;
  const Value* const uid = find(*dict, "UnixUserID");
  const Value* const pid = find(*dict, "ProcessID");
  if (uid == nullptr || !std::holds_alternative<std::uint32_t>(*uid))
    return false;
  identity.caller.uid = core::Uid(std::get<std::uint32_t>(*uid));
  const Value* const groups = find(*dict, "UnixGroupIDs");
  if (groups != nullptr && std::holds_alternative<NumberList>(*groups))
    for (const std::uint32_t group : std::get<NumberList>(*groups))
      identity.caller.groups.emplace_back(group);
  if (pid != nullptr && std::holds_alternative<std::uint32_t>(*pid))
    identity.caller.pid =
        core::Pid(static_cast<std::int32_t>(std::get<std::uint32_t>(*pid)));
  return hold_process(identity).has_value();
}

}  // namespace

const Identity* BusSenders::find(sd_bus_message* message) {
  const char* const name = ::sd_bus_message_get_sender(message);
  if (name == nullptr) return nullptr;
  const auto found = senders_.find(std::string_view(name));
  if (found == senders_.end() || !found->second.is_known) return nullptr;
  found->second.identity.forget_if_ended();
  return &found->second.identity;
}

void BusSenders::learn(Connection& connection, MessageRef message,
                       Handler handler) {
  const char* const name = ::sd_bus_message_get_sender(message.get());
  if (name == nullptr) return;  // no bus sends that
  const auto [place, is_new] = senders_.try_emplace(name);
  Sender& sender = place->second;
  if (is_new) {
    sender.senders = this;
    sender.connection = &connection;
    sender.name = name;
    if (senders_.size() > kMostSenders || ask(sender) < 0) {
      senders_.erase(place);
      return refuse(connection, message, core::Refusal::kTooMany,
                    "too many callers to know them all");
    }
  }
  if (sender.parked.size() >= kMostParked)
    return refuse(connection, message, core::Refusal::kTooMany,
                  "too many calls before the bus said who you are");
  sender.parked.push_back({std::move(message), handler});
}

int BusSenders::ask(Sender& sender) {
  // The match first: a departure after the answer is then not missed.
  const std::string rule =
      "type='signal',sender='org.freedesktop.DBus',"
      "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" +
      sender.name + "'";
  sd_bus* const bus = sender.connection->bus();
  sd_bus_slot* slot = nullptr;
  int r = ::sd_bus_add_match_async(bus, &slot, rule.c_str(), on_owner_changed,
                                   on_match_installed, &sender);
  if (r < 0) return r;
  sender.match.reset(slot);
  slot = nullptr;
  r = ::sd_bus_call_method_async(bus, &slot, kDriverName, kDriverPath,
                                 kDriverName, "GetConnectionCredentials",
                                 on_credentials, &sender, "s",
                                 sender.name.c_str());
  if (r >= 0) sender.query.reset(slot);
  return r;
}

int BusSenders::on_credentials(sd_bus_message* message, void* userdata,
                               sd_bus_error* /*error*/) noexcept {
  auto& sender = *static_cast<Sender*>(userdata);
  try {
    sender.is_known = ::sd_bus_message_get_error(message) == nullptr &&
                      read_identity(message, sender.identity);
    settle(sender);
    return 1;
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

/// Runs what was parked. The sender may be gone after it.
void BusSenders::settle(Sender& sender) {
  Connection& connection = *sender.connection;
  const std::vector<Parked> parked = std::exchange(sender.parked, {});
  const bool is_known = sender.is_known;
  const Identity identity = sender.identity;
  // One that could not be told is asked about again at its next call.
  if (!is_known) {
    BusSenders& senders = *sender.senders;
    const std::string name = sender.name;
    senders.senders_.erase(name);
  }
  for (const Parked& call : parked) {
    if (is_known)
      call.handler(connection, call.message, identity);
    else
      refuse(connection, call.message, core::Refusal::kAccessDenied,
             "the bus did not say who you are");
  }
}

int BusSenders::on_owner_changed(sd_bus_message* message, void* userdata,
                                 sd_bus_error* /*error*/) noexcept {
  auto& sender = *static_cast<Sender*>(userdata);
  const char* name = nullptr;
  const char* before = nullptr;
  const char* now = nullptr;
  try {
    if (::sd_bus_message_read(message, "sss", &name, &before, &now) < 0 ||
        sender.name != name || now[0] != '\0')
      return 0;
    BusSenders& senders = *sender.senders;
    const std::string gone = sender.name;
    sender.connection->forget_sender(gone);
    senders.senders_.erase(gone);
    return 0;
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

/// Without one, sd-bus ends the connection when the bus refuses a match.
int BusSenders::on_match_installed(sd_bus_message* /*message*/,
                                   void* /*sender*/,
                                   sd_bus_error* /*error*/) noexcept {
  return 0;
}

}  // namespace bus
