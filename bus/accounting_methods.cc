// SPDX-License-Identifier: Apache-2.0
#include "bus/accounting_methods.h"

#include "bus/accounting_fields.h"
#include "bus/dict_codec.h"
#include "bus/utf8.h"

namespace bus {

namespace {

core::AccountingControl::Done answer_to(const Call& call) {
  return [reply = call.reply()](const core::Answer<void>& done) {
    if (done)
      reply.answer();
    else
      reply.refuse(done.error());
  };
}

void turn(const Call& call, bool is_on) {
  call.port().accounting().turn_accounting(call.caller(), is_on,
                                           answer_to(call));
}

/// The array of names at the message's position.
core::Answer<core::RecordSwitches> read_kinds(const Call& call) {
  sd_bus_message* const message = call.message.get();
  TextList names;
  const char* name = nullptr;
  if (::sd_bus_message_enter_container(message, 'a', "s") < 0)
    return std::unexpected(core::invalid("the kinds are no list of names"));
  while (::sd_bus_message_read(message, "s", &name) > 0)
    names.emplace_back(name);
  (void)::sd_bus_message_exit_container(message);
  const KindList list = kinds_of(names);
  if (!list.unknown.empty())
    return std::unexpected(
        core::invalid("kind '" + to_utf8(list.unknown) +
                      "' is not known, expected one of csa, job, wkmg, site1, "
                      "site2, tape, mem, io, delay, memt, time"));
  if (list.kinds == 0)
    return std::unexpected(core::invalid("no kind was named"));
  return core::RecordSwitches{.kinds = list.kinds};
}

/// A threshold that is turned on needs its value, and no other has one.
core::Answer<void> read_threshold(const Dict& dict, const char* key, bool is_on,
                                  std::uint64_t& to) {
  const Value* const value = find(dict, key);
  if (value == nullptr && !is_on) return {};
  const auto* const number =
      value == nullptr ? nullptr : std::get_if<std::uint64_t>(value);
  if (!is_on)
    return std::unexpected(
        core::invalid("'" + std::string(key) + "' is given, but not its kind"));
  if (number == nullptr)
    return std::unexpected(core::invalid("'" + std::string(key) +
                                         "' is missing, expected a number"));
  to = *number;
  return {};
}

core::Answer<core::RecordSwitches> read_switches(const Call& call) {
  core::RecordSwitches named = TRY(read_kinds(call));
  const Dict dict = TRY(read_dict(linked_sd_bus(), call.message.get()));
  TRY(read_threshold(dict, kMemoryThresholdKey,
                     named.has(core::AccountKind::kMemoryThreshold),
                     named.memory_kib));
  TRY(read_threshold(dict, kTimeThresholdKey,
                     named.has(core::AccountKind::kTimeThreshold),
                     named.time_us));
  return named;
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

void enable_accounting(const Call& call) {
  const auto named = read_switches(call);
  if (!named) return call.reply().refuse(named.error());
  call.port().accounting().turn_kinds(call.caller(), true, *named,
                                      answer_to(call));
}

void disable_accounting(const Call& call) {
  const auto named = read_kinds(call);
  if (!named) return call.reply().refuse(named.error());
  call.port().accounting().turn_kinds(call.caller(), false, *named,
                                      answer_to(call));
}

void write_daemon_record(const Call& call) {
  sd_bus_message* const message = call.message.get();
  const char* name = "";
  std::uint64_t jid = 0;
  const void* bytes = nullptr;
  std::size_t size = 0;
  (void)::sd_bus_message_read(message, "st", &name, &jid);
  (void)::sd_bus_message_read_array(message, 'y', &bytes, &size);
  const auto* const row = core::find_account_kind(name);
  constexpr std::uint32_t kTold =
      core::kStandingKinds & ~core::bit_of(core::AccountKind::kCsa);
  if (row == nullptr || (core::bit_of(row->kind) & kTold) == 0)
    return call.reply().refuse(
        core::invalid("kind '" + to_utf8(name) +
                      "' is none that daemons write, expected wkmg, tape, "
                      "site1 or site2"));
  core::DaemonRecord record = {
      .kind = row->kind, .jid = core::JobId(jid), .bytes = {}};
  const auto* const begin = static_cast<const std::byte*>(bytes);
  if (size > 0) record.bytes.assign(begin, begin + size);
  call.port().accounting().write_record(
      call.caller(), std::move(record),
      [reply = call.reply()](const core::Answer<bool>& done) {
        if (!done) return reply.refuse(done.error());
        reply.answer([&done](sd_bus_message* answer) {
          return ::sd_bus_message_append(answer, "b", *done ? 1 : 0);
        });
      });
}

void start_job_file(const Call& call) {
  auto file = call.read_descriptor();
  if (!file) return call.reply().refuse(file.error());
  call.port().accounting().job_file(call.caller(), core::JobFileVerb::kStart,
                                    *std::move(file), answer_to(call));
}

void sync_job_file(const Call& call) {
  call.port().accounting().job_file(call.caller(), core::JobFileVerb::kSync, {},
                                    answer_to(call));
}

void stop_job_file(const Call& call) {
  call.port().accounting().job_file(call.caller(), core::JobFileVerb::kStop, {},
                                    answer_to(call));
}

}  // namespace bus
