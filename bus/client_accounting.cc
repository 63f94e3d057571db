// SPDX-License-Identifier: Apache-2.0
// The client's part of org.corral.Accounting1.
#include <algorithm>

#include "bus/accounting_fields.h"
#include "bus/client_state.h"
#include "bus/names.h"

namespace bus {

namespace {

constexpr Method accounting(const char* member,
                            Repeat repeat = Repeat::kUntilAnswered) {
  return {
      .interface = kAccountingInterface, .member = member, .repeat = repeat};
}

}  // namespace

core::Answer<core::AccountingView> Client::accounting_status() {
  const HeldMessage reply =
      TRY(state_->call(accounting("Status"), no_arguments));
  const Dict dict = TRY(read_dict(state_->sd(), reply.get()));
  return accounting_view_of(dict);
}

core::Answer<std::string> Client::switch_accounting() {
  const HeldMessage reply =
      TRY(state_->call(accounting("Switch"), no_arguments));
  const char* name = "";
  if (state_->sd().read(reply.get(), "s", &name) <= 0) return malformed();
  return std::string(name);
}

core::Answer<void> Client::turn_accounting(bool is_on) {
  TRY(state_->call(accounting(is_on ? "On" : "Off"), no_arguments));
  return {};
}

core::Answer<void> Client::turn_kinds(bool is_on,
                                      const core::RecordSwitches& named) {
  Dict thresholds;
  if (named.has(core::AccountKind::kMemoryThreshold))
    thresholds.push_back({kMemoryThresholdKey, named.memory_kib});
  if (named.has(core::AccountKind::kTimeThreshold))
    thresholds.push_back({kTimeThresholdKey, named.time_us});
  TRY(state_->call(accounting(is_on ? "Enable" : "Disable"),
                   [&](const SdBusTable& sd, sd_bus_message* message) {
                     int r = sd.open_container(message, 'a', "s");
                     for (const std::string& name : names_of(named.kinds))
                       if (r >= 0) r = sd.append(message, "s", name.c_str());
                     if (r >= 0) r = sd.close_container(message);
                     return r < 0 || !is_on
                                ? r
                                : append_dict(sd, message, thresholds);
                   }));
  return {};
}

core::Answer<bool> Client::write_record(const core::DaemonRecord& record) {
  const auto* const row = std::ranges::find(core::kAccountKinds, record.kind,
                                            &core::AccountKindRow::kind);
  const HeldMessage reply = TRY(state_->call(
      accounting("WriteRecord", Repeat::kNever),
      [&](const SdBusTable& sd, sd_bus_message* message) {
        int r = sd.append(message, "st", std::string(row->name).c_str(),
                          record.jid.raw());
        if (r >= 0) r = sd.open_container(message, 'a', "y");
        for (const std::byte byte : record.bytes)
          if (r >= 0) r = sd.append(message, "y", static_cast<int>(byte));
        return r < 0 ? r : sd.close_container(message);
      }));
  int recorded = 0;
  if (state_->sd().read(reply.get(), "b", &recorded) <= 0) return malformed();
  return recorded != 0;
}

core::Answer<void> Client::job_file(core::JobFileVerb verb, int file) {
  if (verb == core::JobFileVerb::kStart)
    TRY(state_->call(accounting("StartJobFile"),
                     [file](const SdBusTable& sd, sd_bus_message* message) {
                       return sd.append(message, "h", file);
                     }));
  else
    TRY(state_->call(
        accounting(verb == core::JobFileVerb::kSync ? "SyncJobFile"
                                                    : "StopJobFile"),
        no_arguments));
  return {};
}

}  // namespace bus
