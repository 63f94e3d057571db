// SPDX-License-Identifier: Apache-2.0
#include "bus/attach_methods.h"

#include "bus/utf8.h"
#include "bus/words.h"
#include "core/try.h"

namespace bus {

namespace {

core::Answer<core::ProcessRef> read_pid(const Call& call) {
  std::uint32_t pid = 0;
  (void)::sd_bus_message_read(call.message.get(), "u", &pid);
  if (pid == 0 || pid > INT32_MAX)
    return std::unexpected(
        core::invalid("process id " + std::to_string(pid) + " does not exist"));
  return core::ProcessRef{.pid = core::Pid(static_cast<std::int32_t>(pid)),
                          .pidfd = {}};
}

core::Answer<core::ProcessRef> read_pidfd(const Call& call) {
  return core::ProcessRef{.pid = {}, .pidfd = TRY(call.read_descriptor())};
}

/// The empty word is the usual mode.
core::Answer<core::AttachMode> read_mode(const Call& call) {
  const char* word = "";
  (void)::sd_bus_message_read(call.message.get(), "s", &word);
  if (*word == '\0') return core::AttachMode::kMove;
  if (const auto mode = core::parse_attach_mode(word)) return *mode;
  return std::unexpected(
      core::invalid("mode '" + to_utf8(word) +
                    "' is not known, expected 'move', 'nested', "
                    "'logical' or 'transfer'"));
}

using ReadProcess = core::Answer<core::ProcessRef> (*)(const Call&);

void attach(const Call& call, ReadProcess read) {
  const core::JobId jid = call.read_jid();
  auto process = read(call);
  const auto mode = read_mode(call);
  if (!process) return call.reply().refuse(process.error());
  if (!mode) return call.reply().refuse(mode.error());
  call.port().attach(call.caller(), jid, *std::move(process), *mode,
                     [reply = call.reply()](const core::Answer<void>& done) {
                       if (done)
                         reply.answer();
                       else
                         reply.refuse(done.error());
                     });
}

void detach(const Call& call, ReadProcess read) {
  auto process = read(call);
  if (!process) return call.reply().refuse(process.error());
  call.port().detach(
      call.caller(), *std::move(process),
      [reply = call.reply()](const core::Answer<core::JobId>& jid) {
        if (!jid) return reply.refuse(jid.error());
        reply.answer([&jid](sd_bus_message* message) {
          return ::sd_bus_message_append(message, "t", jid->raw());
        });
      });
}

}  // namespace

void attach_pid(const Call& call) {
  attach(call, read_pid);
}

void attach_pidfd(const Call& call) {
  attach(call, read_pidfd);
}

void detach_pid(const Call& call) {
  detach(call, read_pid);
}

void detach_pidfd(const Call& call) {
  detach(call, read_pidfd);
}

void detach_job(const Call& call) {
  call.port().detach_all(
      call.caller(), call.read_jid(),
      [reply = call.reply()](const core::Answer<std::uint32_t>& count) {
        if (!count) return reply.refuse(count.error());
        reply.answer([&count](sd_bus_message* message) {
          return ::sd_bus_message_append(message, "u", *count);
        });
      });
}

}  // namespace bus
