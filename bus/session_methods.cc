// SPDX-License-Identifier: Apache-2.0
#include "bus/session_methods.h"

#include "bus/dict_codec.h"
#include "bus/names.h"
#include "bus/session_keys.h"

namespace bus {

void create_session_job(const Call& call) {
  const core::Answer<Dict> dict =
      read_dict(linked_sd_bus(), call.message.get());
  if (!dict) return call.reply().refuse(dict.error());
  auto request = session_of(*dict);
  if (!request) return call.reply().refuse(request.error());
  call.port().open_session(
      call.caller(), *std::move(request),
      [reply = call.reply()](const core::Answer<core::OpenedSession>& opened) {
        if (!opened) return reply.refuse(opened.error());
        reply.answer([&opened](sd_bus_message* message) {
          const int is_existing = opened->is_existing ? 1 : 0;
          return ::sd_bus_message_append(message, "tob", opened->jid.raw(),
                                         job_path(opened->jid).c_str(),
                                         is_existing);
        });
      });
}

void close_session(const Call& call) {
  call.port().close_session(
      call.caller(), call.read_jid(),
      [reply = call.reply()](const core::Answer<void>& done) {
        if (done)
          reply.answer();
        else
          reply.refuse(done.error());
      });
}

}  // namespace bus
