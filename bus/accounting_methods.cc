// SPDX-License-Identifier: Apache-2.0
#include "bus/accounting_methods.h"

#include "bus/accounting_fields.h"
#include "bus/dict_codec.h"

namespace bus {

namespace {

void turn(const Call& call, bool is_on) {
  call.port().accounting().turn_accounting(
      call.caller(), is_on,
      [reply = call.reply()](const core::Answer<void>& done) {
        if (done)
          reply.answer();
        else
          reply.refuse(done.error());
      });
}

}  // namespace

void get_accounting_status(const Call& call) {
  const core::AccountingView view =
      call.port().accounting().accounting_status();
  call.reply().answer([&](sd_bus_message* message) {
    return append_dict(linked_sd_bus(), message, dict_of(view));
  });
}

void switch_accounting(const Call& call) {
  call.port().accounting().switch_accounting(
      call.caller(),
      [reply = call.reply()](const core::Answer<std::string>& name) {
        if (!name) return reply.refuse(name.error());
        reply.answer([&](sd_bus_message* message) {
          return ::sd_bus_message_append(message, "s", name->c_str());
        });
      });
}

void turn_accounting_on(const Call& call) {
  turn(call, true);
}

void turn_accounting_off(const Call& call) {
  turn(call, false);
}

}  // namespace bus
