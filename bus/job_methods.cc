// SPDX-License-Identifier: Apache-2.0
#include "bus/job_methods.h"

#include <cerrno>

#include "bus/dict_codec.h"
#include "bus/job_fields.h"
#include "bus/limit_keys.h"
#include "bus/spec_keys.h"
#include "bus/usage_fields.h"
#include "bus/utf8.h"
#include "bus/words.h"

namespace bus {

namespace {

void answer_view(const ReplyTo& reply,
                 const core::Answer<core::JobView>& view) {
  if (!view) return reply.refuse(view.error());
  reply.answer([&](sd_bus_message* message) {
    return append_dict(linked_sd_bus(), message, dict_of(*view));
  });
}

void answer_nothing(const Call& call, const core::Answer<void>& answer) {
  if (answer)
    call.reply().answer();
  else
    call.reply().refuse(answer.error());
}

int append_processes(sd_bus_message* message,
                     const std::vector<core::ProcessView>& processes) {
  int r =
      ::sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "(uusst)");
  for (const core::ProcessView& process : processes) {
    if (r < 0) return r;
    const char state[2] = {process.state, '\0'};
    r = ::sd_bus_message_append(
        message, "(uusst)", static_cast<std::uint32_t>(process.pid.raw()),
        static_cast<std::uint32_t>(process.ppid.raw()),
        to_utf8(process.command).c_str(), state, process.cpu_us);
  }
  return r < 0 ? r : ::sd_bus_message_close_container(message);
}

void set_frozen(const Call& call, bool freezes) {
  call.port().freeze(call.caller(), call.read_jid(), freezes,
                     [reply = call.reply()](const core::Answer<void>& done) {
                       if (done)
                         reply.answer();
                       else
                         reply.refuse(done.error());
                     });
}

}  // namespace

void signal_job(const Call& call) {
  const core::JobId jid = call.read_jid();
  std::int32_t signal = 0;
  const char* whom = nullptr;
  if (::sd_bus_message_read(call.message.get(), "is", &signal, &whom) < 0)
    return call.reply().refuse(core::invalid("malformed arguments"));
  const auto target = parse_target(whom);
  if (!target)
    return call.reply().refuse(
        core::invalid("target '" + std::string(whom) +
                      "' is not known, expected 'all' or "
                      "'main'"));
  answer_nothing(call, call.port().signal(call.caller(), jid,
                                          core::SignalNumber(signal), *target));
}

void signal_group(const Call& call) {
  const core::JobId jid = call.read_jid();
  std::uint32_t group = 0;
  std::int32_t signal = 0;
  if (::sd_bus_message_read(call.message.get(), "ui", &group, &signal) < 0)
    return call.reply().refuse(core::invalid("malformed arguments"));
  if (group == 0 || group > INT32_MAX)
    return call.reply().refuse(
        core::invalid("process group " + std::to_string(group) +
                      " does not exist, expected 1 to 2147483647"));
  answer_nothing(
      call, call.port().signal_group(
                call.caller(), jid, core::Pid(static_cast<std::int32_t>(group)),
                core::SignalNumber(signal)));
}

void end_job(const Call& call) {
  const core::JobId jid = call.read_jid();
  const core::Answer<Dict> dict =
      read_dict(linked_sd_bus(), call.message.get());
  if (!dict) return call.reply().refuse(dict.error());
  const auto change = plan_change_of(*dict);
  if (!change) return call.reply().refuse(change.error());
  answer_nothing(call, call.port().end(call.caller(), jid, *change));
}

void end_member(const Call& call) {
  const core::JobId jid = call.read_jid();
  std::uint32_t index = 0;
  if (::sd_bus_message_read(call.message.get(), "u", &index) < 0)
    return call.reply().refuse(core::invalid("malformed arguments"));
  const core::Answer<Dict> dict =
      read_dict(linked_sd_bus(), call.message.get());
  if (!dict) return call.reply().refuse(dict.error());
  const auto change = plan_change_of(*dict);
  if (!change) return call.reply().refuse(change.error());
  answer_nothing(call,
                 call.port().end_member(call.caller(), jid, index, *change));
}

void set_limits(const Call& call) {
  const core::JobId jid = call.read_jid();
  const core::Answer<Dict> dict =
      read_dict(linked_sd_bus(), call.message.get());
  if (!dict) return call.reply().refuse(dict.error());
  const auto request = limit_request_of(*dict);
  if (!request) return call.reply().refuse(request.error());
  answer_nothing(call,
                 call.port().set_limits(call.caller(), jid, request->changes,
                                        request->accepts_less));
}

void freeze_job(const Call& call) {
  set_frozen(call, true);
}

void thaw_job(const Call& call) {
  set_frozen(call, false);
}

void wait_for_job(const Call& call) {
  const core::JobId jid = call.read_jid();
  Connection& connection = call.connection;
  if (!connection.has_room_to_wait(call.caller().uid))
    return call.reply().refuse(
        {.why = core::Refusal::kTooMany,
         .text = "uid " + std::to_string(call.caller().uid.raw()) +
                 " waits for too many jobs on one connection; Subscribe tells "
                 "of all ends on one descriptor"});
  const std::uint64_t key = connection.next_wait_key();
  const auto done = [reply = call.reply(),
                     key](const core::Answer<core::JobView>& view) {
    if (const auto to = reply.connection()) (void)to->end_wait(key);
    answer_view(reply, view);
  };
  const core::JobControl::WaitId wait =
      call.port().wait(call.caller(), jid, done);
  if (wait == 0) return;
  const char* const sender = ::sd_bus_message_get_sender(call.message.get());
  connection.remember_wait(key, wait, sender != nullptr ? sender : "",
                           call.caller().uid);
}

void show_job(const Call& call) {
  answer_view(call.reply(), call.port().show(call.caller(), call.read_jid()));
}

void get_usage(const Call& call) {
  const auto usage = call.port().usage(call.caller(), call.read_jid());
  if (!usage) return call.reply().refuse(usage.error());
  call.reply().answer([&](sd_bus_message* message) {
    return append_dict(linked_sd_bus(), message, dict_of(*usage));
  });
}

void get_processes(const Call& call) {
  const auto processes = call.port().processes(call.caller(), call.read_jid());
  if (!processes) return call.reply().refuse(processes.error());
  call.reply().answer([&](sd_bus_message* message) {
    return append_processes(message, *processes);
  });
}

void open_log(const Call& call) {
  const auto log = call.port().open_log(call.caller(), call.read_jid());
  if (!log) return call.reply().refuse(log.error());
  call.reply().answer([&](sd_bus_message* message) {
    return ::sd_bus_message_append(message, "h", log->number());
  });
}

}  // namespace bus
