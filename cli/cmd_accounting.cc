// SPDX-License-Identifier: Apache-2.0
// corral accounting: what an instance records, kinds on and off, a new file.
#include <algorithm>
#include <string>
#include <vector>

#include "cli/connection.h"
#include "cli/daemon_record.h"
#include "cli/handlers.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "core/duration.h"
#include "core/job_report.h"
#include "core/limit_text.h"

namespace cli {
namespace {

using core::AccountKind;
using core::RecordSwitches;

constexpr std::uint64_t kKibibyte = 1024;

void add_rules(Json& json, const core::AccountingView& view) {
  const auto or_null = [](std::uint64_t number) {
    return number == 0 ? Json() : Json(number);
  };
  json["switch_size_bytes"] = or_null(view.rules.most_bytes);
  json["switch_every_us"] = or_null(view.rules.longest.raw());
  json["least_free_bytes"] = or_null(view.rules.least_free);
  json["switches_by_rule"] = view.switches_by_rule;
  json["switched"] = text_or_null(view.switched);
  json["switched_for"] = text_or_null(view.switched_for);
  json["lacks_room"] = view.lacks_room;
}

Json json_of(const core::AccountingView& view) {
  const RecordSwitches& on = view.switches;
  Json json;
  json["on"] = view.is_on;
  json["pacct"] = view.pacct;
  json["records_written"] = view.written;
  json["records_waiting"] = view.waiting;
  json["records_lost"] = view.lost;
  json["fault"] = text_or_null(view.fault);
  for (const core::AccountKindRow& row : core::kAccountKinds)
    json["kinds"][row.name] = on.has(row.kind);
  json["memory_threshold_bytes"] = nullptr;
  json["cpu_threshold_us"] = nullptr;
  if (on.has(AccountKind::kMemoryThreshold))
    json["memory_threshold_bytes"] = on.memory_kib * kKibibyte;
  if (on.has(AccountKind::kTimeThreshold))
    json["cpu_threshold_us"] = on.time_us;
  add_rules(json, view);
  return json;
}

void print_row(std::string_view name, std::string_view value) {
  constexpr std::size_t kWidth = 12;
  std::string line(name);
  line.resize(std::max(line.size() + 1, kWidth), ' ');
  print(line.append(value).append("\n"));
}

std::string names_of(const RecordSwitches& switches, bool wanted) {
  std::string names;
  for (const core::AccountKindRow& row : core::kAccountKinds)
    if (switches.has(row.kind) == wanted)
      names.append(names.empty() ? "" : " ").append(row.name);
  return names.empty() ? "-" : names;
}

/// "at 1.0M, after 3600.000 s": what switches a file by itself.
std::string switches_text(const core::FileRules& rules) {
  std::string text;
  if (rules.most_bytes != 0)
    text.append("at ").append(
        core::detail::bytes_text(rules.most_bytes).view());
  if (rules.longest.raw() != 0)
    text.append(text.empty() ? "after " : ", after ")
        .append(core::seconds_text(rules.longest.raw()).view());
  return text;
}

void print_rules(const core::AccountingView& view) {
  const core::FileRules& rules = view.rules;
  if (rules.may_switch()) {
    print_row("switched", switches_text(rules));
    if (view.switches_by_rule != 0)
      print_row("", std::to_string(view.switches_by_rule) +
                        " files, the last for its " + view.switched_for + ": " +
                        view.switched);
  }
  if (rules.least_free == 0) return;
  std::string room(core::detail::bytes_text(rules.least_free).view());
  print_row("least free",
            room.append(view.lacks_room ? ", less is: records are kept" : ""));
}

void print_status(const core::AccountingView& view) {
  const RecordSwitches& on = view.switches;
  print_row("file", view.pacct);
  print_row("fault", view.fault.empty() ? "-" : view.fault);
  print_row("records", std::to_string(view.written) + " written, " +
                           std::to_string(view.waiting) + " waiting, " +
                           std::to_string(view.lost) + " lost");
  print_row("on", names_of(on, true));
  print_row("off", names_of(on, false));
  if (on.has(AccountKind::kMemoryThreshold))
    print_row("memt",
              core::detail::bytes_text(on.memory_kib * kKibibyte).view());
  if (on.has(AccountKind::kTimeThreshold))
    print_row("time", core::seconds_text(on.time_us).view());
  print_rules(view);
}

int show_status(const Arguments& arguments, bus::Client& client) {
  const auto view = client.accounting_status();
  if (!view) return complain(view.error());
  if (arguments.has("json"))
    print(json_line(json_of(*view)));
  else
    print_status(*view);
  return kSuccess;
}

/// The kinds that the words behind the verb name.
core::Answer<RecordSwitches> read_kinds(const std::vector<std::string>& words) {
  RecordSwitches named = {.kinds = 0};
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto* const row = core::find_account_kind(words[i]);
    if (row == nullptr)
      return std::unexpected(core::invalid(
          "'" + words[i] +
          "' is no kind of accounting, expected some of csa, job, wkmg, site1, "
          "site2, tape, mem, io, delay, memt, time"));
    named.kinds |= core::bit_of(row->kind);
  }
  return named;
}

/// A threshold turns its kind on; a kind that is one needs it.
core::Answer<void> add_thresholds(const Arguments& arguments,
                                  RecordSwitches& named) {
  if (const auto size = arguments.value("memory-threshold")) {
    const auto bytes = core::parse_amount(core::LimitUnit::kBytes, *size);
    named.kinds |= core::bit_of(AccountKind::kMemoryThreshold);
    named.memory_kib = (bytes.value_or(0) + kKibibyte - 1) / kKibibyte;
  } else if (named.has(AccountKind::kMemoryThreshold)) {
    return std::unexpected(
        core::invalid("memt needs a threshold: --memory-threshold SIZE"));
  }
  if (const auto text = arguments.value("cpu-threshold")) {
    named.kinds |= core::bit_of(AccountKind::kTimeThreshold);
    named.time_us =
        core::parse_duration(*text).value_or(core::Microseconds()).raw();
  } else if (named.has(AccountKind::kTimeThreshold)) {
    return std::unexpected(
        core::invalid("time needs a threshold: --cpu-threshold DURATION"));
  }
  return {};
}

core::Answer<void> turn(const Arguments& arguments, bus::Client& client,
                        bool is_on) {
  RecordSwitches named = TRY(read_kinds(arguments.operands()));
  const bool has_threshold =
      arguments.has("memory-threshold") || arguments.has("cpu-threshold");
  if (is_on) TRY(add_thresholds(arguments, named));
  if (!is_on && has_threshold)
    return std::unexpected(
        core::invalid("a threshold is turned off by its "
                      "kind: memt, time"));
  if (named.kinds == 0) return client.turn_accounting(is_on);
  return client.turn_kinds(is_on, named);
}

int switch_file(const Arguments& arguments, bus::Client& client) {
  const auto name = client.switch_accounting();
  if (!name) return complain(name.error());
  if (arguments.has("json"))
    print(json_line(Json{{"switched", text_or_null(*name)}}));
  else if (!name->empty())
    print(*name + "\n");
  return kSuccess;
}

int write_record(const Arguments& arguments, bus::Client& client) {
  const auto record =
      read_daemon_record(std::span(arguments.operands()).subspan(1));
  if (!record) return complain(record.error());
  const auto recorded = client.write_record(*record);
  if (!recorded) return complain(recorded.error());
  if (arguments.has("json"))
    print(json_line(Json{{"recorded", *recorded}}));
  else if (!*recorded)
    return complain("nothing was recorded: its kind is off");
  return kSuccess;
}

}  // namespace

int control_accounting(const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.operands();
  const std::string verb = words.empty() ? "status" : words.front();
  const bool takes_kinds = verb == "on" || verb == "off";
  const bool is_record = verb == "record";
  if (!takes_kinds && !is_record && verb != "status" && verb != "switch")
    return complain("'" + verb +
                        "' is not known, expected 'status', 'on', 'off', "
                        "'switch' or 'record'",
                    kMisused);
  if (!takes_kinds && !is_record && words.size() > 1)
    return complain("'" + verb + "' takes no more words", kMisused);
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  if (verb == "status") return show_status(arguments, *client);
  if (verb == "switch") return switch_file(arguments, *client);
  if (is_record) return write_record(arguments, *client);
  const auto done = turn(arguments, *client, verb == "on");
  if (!done) return complain(done.error());
  return kSuccess;
}

}  // namespace cli
