// SPDX-License-Identifier: Apache-2.0
#include "bus/provider_methods.h"

#include <memory>
#include <string>
#include <utility>

#include "bus/dict_codec.h"
#include "bus/utf8.h"
#include "core/provider_control.h"
#include "sys/foreign_fds.h"
#include "sys/unique_fd.h"

namespace bus {

namespace {

using core::AggregateMember;

class Registration final : public Lease {
 public:
  Registration(core::ProviderControl& port, core::ProviderId id,
               std::string name)
      : port_(port), id_(id), name_(std::move(name)) {}
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() override { port_.end_registration(id_); }
  [[nodiscard]] bool is_over() const override {
    return !port_.is_registered(id_);
  }
  [[nodiscard]] core::ProviderId id() const { return id_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  core::ProviderControl& port_;
  core::ProviderId id_;
  std::string name_;
};

/// All kinds if none is named.
core::Answer<core::ProviderEvents> read_events(sd_bus_message* message) {
  core::ProviderEvents events;
  if (::sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "s") < 0)
    return std::unexpected(core::invalid("malformed arguments"));
  const char* word = nullptr;
  while (::sd_bus_message_read(message, "s", &word) > 0) {
    const auto kind = core::parse_provider_event(word);
    if (!kind)
      return std::unexpected(
          core::invalid("event '" + to_utf8(word) +
                        "' is not known, expected 'attach', 'fork', 'exec', "
                        "'exit', 'detach' or 'job'"));
    events.add(*kind);
  }
  return events == core::ProviderEvents() ? core::ProviderEvents::all()
                                          : events;
}

struct MemberKey {
  const char* key;
  const char* expected;
  bool (*set)(AggregateMember& member, const Value& value);
};

constexpr MemberKey kKeys[] = {
    {.key = "Job",
     .expected = "a jid (t)",
     .set =
         [](AggregateMember& member, const Value& value) {
           const auto* const jid = std::get_if<std::uint64_t>(&value);
           if (jid == nullptr || *jid == 0) return false;
           member.job = core::JobId(*jid);
           return true;
         }},
    {.key = "Pid",
     .expected = "a process id (u)",
     .set =
         [](AggregateMember& member, const Value& value) {
           const auto* const pid = std::get_if<std::uint32_t>(&value);
           if (pid == nullptr || *pid == 0 || *pid > INT32_MAX) return false;
           member.process.pid = core::Pid(static_cast<std::int32_t>(*pid));
           return true;
         }},
    {.key = "PidFd",
     .expected = "a pidfd (h)",
     .set =
         [](AggregateMember& member, const Value& value) {
           const auto* const number = std::get_if<FdNumber>(&value);
           if (number == nullptr) return false;
           auto copy = sys::duplicate_foreign(number->fd);
           if (!copy) return false;
           member.process.pidfd = (*std::move(copy)).to_handle();
           return true;
         }},
};

core::Answer<AggregateMember> member_of(const Dict& dict) {
  if (dict.size() != 1)
    return std::unexpected(
        core::invalid("there are " + std::to_string(dict.size()) +
                      " keys, expected one of 'Job', 'Pid' and 'PidFd'"));
  const DictEntry& entry = dict.front();
  AggregateMember member;
  for (const MemberKey& key : kKeys) {
    if (entry.key != key.key) continue;
    if (key.set(member, entry.value)) return member;
    return std::unexpected(
        core::invalid("key '" + entry.key + "' (" + signature_of(entry.value) +
                      ") is wrong, expected " + key.expected));
  }
  return std::unexpected(
      core::invalid("key '" + to_utf8(entry.key) +
                    "' is not known, expected 'Job', 'Pid' or 'PidFd'"));
}

void answer_nothing(const Call& call, const core::Answer<void>& answer) {
  if (answer)
    call.reply().answer();
  else
    call.reply().refuse(answer.error());
}

using Change = core::Answer<void> (core::ProviderControl::*)(
    const core::Caller&, std::string_view, std::uint64_t, AggregateMember);

void change(const Call& call, Change change) {
  const char* name = "";
  std::uint64_t aggregate = 0;
  (void)::sd_bus_message_read(call.message.get(), "st", &name, &aggregate);
  const auto dict = read_dict(linked_sd_bus(), call.message.get());
  if (!dict) return call.reply().refuse(dict.error());
  auto member = member_of(*dict);
  if (!member) return call.reply().refuse(member.error());
  answer_nothing(
      call, (call.port().providers().*change)(call.caller(), to_utf8(name),
                                              aggregate, *std::move(member)));
}

Dict dict_of(const core::ProviderView& view) {
  TextList events;
  for (unsigned i = 0;
       i <= static_cast<unsigned>(core::ProviderEventKind::kLast); ++i)
    if (const auto kind = static_cast<core::ProviderEventKind>(i);
        view.events.has(kind))
      events.emplace_back(core::name_of(kind));
  return {
      {.key = "Name", .value = view.name},
      {.key = "Uid", .value = view.owner.raw()},
      {.key = "Pid", .value = static_cast<std::uint32_t>(view.pid.raw())},
      {.key = "Events", .value = std::move(events)},
      {.key = "Source", .value = std::string(core::name_of(view.source))},
      {.key = "Told", .value = view.told},
      {.key = "Waiting", .value = view.waiting},
      {.key = "Lost", .value = view.lost},
  };
}

std::string sender_of(const Call& call) {
  const char* const sender = ::sd_bus_message_get_sender(call.message.get());
  return sender != nullptr ? sender : "";
}

/// That the sender made on this connection; null: none of that name.
const Registration* own_registration(const Call& call,
                                     const std::string& name) {
  const auto connection = call.reply().connection();
  if (!connection) return nullptr;
  return dynamic_cast<const Registration*>(
      connection->find_lease(sender_of(call), [&name](const Lease& lease) {
        const auto* const one = dynamic_cast<const Registration*>(&lease);
        return one != nullptr && one->name() == name;
      }));
}

/// The registration is the sender's, as long as it is connected.
void answer_registered(const ReplyTo& reply, core::ProviderControl& port,
                       const std::string& sender, const std::string& name,
                       core::Answer<core::ProviderControl::Registered> made) {
  if (!made) return reply.refuse(made.error());
  auto lease = std::make_unique<Registration>(port, made->id, name);
  const auto connection = reply.connection();
  if (!connection || !connection->is_open()) return;  // it left meanwhile
  connection->hold(sender, std::move(lease));
  reply.answer([&made](sd_bus_message* message) {
    return ::sd_bus_message_append(message, "h", made->events.number());
  });
}

}  // namespace

void register_provider(const Call& call) {
  const char* name = "";
  (void)::sd_bus_message_read(call.message.get(), "s", &name);
  core::ProviderRequest request{.name = to_utf8(name), .events = {}};
  const auto events = read_events(call.message.get());
  if (!events) return call.reply().refuse(events.error());
  request.events = *events;
  core::ProviderControl& port = call.port().providers();
  port.register_provider(
      call.caller(), std::move(request),
      [reply = call.reply(), &port, sender = sender_of(call),
       name = to_utf8(name)](
          core::Answer<core::ProviderControl::Registered> made) {
        answer_registered(reply, port, sender, name, std::move(made));
      });
}

void unregister_provider(const Call& call) {
  const char* name = "";
  (void)::sd_bus_message_read(call.message.get(), "s", &name);
  core::ProviderControl& port = call.port().providers();
  const Registration* const own = own_registration(call, to_utf8(name));
  if (own == nullptr)
    return answer_nothing(call, port.unregister(call.caller(), to_utf8(name)));
  port.end_registration(own->id());
  call.reply().answer();
}

void list_providers(const Call& call) {
  const auto views = call.port().providers().list(call.caller());
  call.reply().answer([&views](sd_bus_message* message) {
    int r =
        ::sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "a{sv}");
    for (const core::ProviderView& view : views) {
      if (r < 0) return r;
      r = append_dict(linked_sd_bus(), message, dict_of(view));
    }
    return r < 0 ? r : ::sd_bus_message_close_container(message);
  });
}

void attach_to_aggregate(const Call& call) {
  change(call, &core::ProviderControl::attach);
}

void detach_from_aggregate(const Call& call) {
  change(call, &core::ProviderControl::detach);
}

}  // namespace bus
