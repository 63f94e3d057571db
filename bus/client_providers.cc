// SPDX-License-Identifier: Apache-2.0
// The client's part for aggregate providers.
#include "bus/client_state.h"
#include "bus/names.h"
#include "bus/value.h"

namespace bus {

namespace {

constexpr Method manager(const char* member) {
  return {.interface = kManagerInterface, .member = member};
}

template <class T>
void take(T& to, const Dict& dict, std::string_view key) {
  const Value* const value = find(dict, key);
  const T* const given = value != nullptr ? std::get_if<T>(value) : nullptr;
  if (given != nullptr) to = *given;
}

core::ProviderView view_of(const Dict& dict) {
  core::ProviderView view;
  std::uint32_t uid = 0;
  std::uint32_t pid = 0;
  TextList events;
  std::string source;
  take(view.name, dict, "Name");
  take(uid, dict, "Uid");
  take(pid, dict, "Pid");
  take(events, dict, "Events");
  take(source, dict, "Source");
  take(view.told, dict, "Told");
  take(view.waiting, dict, "Waiting");
  take(view.lost, dict, "Lost");
  view.owner = core::Uid(uid);
  view.pid = core::Pid(static_cast<std::int32_t>(pid));
  for (const std::string& word : events)
    if (const auto kind = core::parse_provider_event(word))
      view.events.add(*kind);
  view.source =
      core::parse_event_source(source).value_or(core::EventSource::kNone);
  return view;
}

}  // namespace

core::Answer<core::Handle> Client::register_provider(
    std::string_view name, const std::vector<std::string>& events) {
  const HeldMessage reply =
      TRY(state_->call(manager("RegisterProvider"),
                       [&](const SdBusTable& sd, sd_bus_message* message) {
                         const int r =
                             sd.append(message, "s", std::string(name).c_str());
                         return r < 0 ? r : append_texts(sd, message, events);
                       }));
  return state_->read_descriptor(reply);
}

core::Answer<void> Client::unregister_provider(std::string_view name) {
  TRY(state_->call(manager("UnregisterProvider"),
                   [&](const SdBusTable& sd, sd_bus_message* message) {
                     return sd.append(message, "s", std::string(name).c_str());
                   }));
  return {};
}

core::Answer<std::vector<core::ProviderView>> Client::list_providers() {
  const HeldMessage reply =
      TRY(state_->call(manager("ListProviders"), no_arguments));
  std::vector<core::ProviderView> views;
  if (state_->sd().enter_container(reply.get(), SD_BUS_TYPE_ARRAY, "a{sv}") < 0)
    return malformed();
  while (state_->sd().at_end(reply.get(), 0) == 0)
    views.push_back(view_of(TRY(read_dict(state_->sd(), reply.get()))));
  return views;
}

core::Answer<void> Client::change_aggregate(const char* member,
                                            std::string_view provider,
                                            std::uint64_t aggregate,
                                            const AggregatePart& part) {
  const Dict what = part.job != core::kNoJob
                        ? Dict{{.key = "Job", .value = part.job.raw()}}
                        : Dict{{.key = "PidFd", .value = FdNumber{part.pidfd}}};
  TRY(state_->call(
      manager(member), [&](const SdBusTable& sd, sd_bus_message* message) {
        const int r =
            sd.append(message, "st", std::string(provider).c_str(), aggregate);
        return r < 0 ? r : append_dict(sd, message, what);
      }));
  return {};
}

core::Answer<void> Client::attach_to_aggregate(std::string_view provider,
                                               std::uint64_t aggregate,
                                               const AggregatePart& part) {
  return change_aggregate("AttachToAggregate", provider, aggregate, part);
}

core::Answer<void> Client::detach_from_aggregate(std::string_view provider,
                                                 std::uint64_t aggregate,
                                                 const AggregatePart& part) {
  return change_aggregate("DetachFromAggregate", provider, aggregate, part);
}

}  // namespace bus
