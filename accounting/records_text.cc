// SPDX-License-Identifier: Apache-2.0
#include "accounting/records_text.h"

#include <time.h>

#include <array>
#include <cstdio>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "accounting/csa_file.h"
#include "core/ids.h"
#include "core/job_report.h"
#include "core/printable.h"

namespace accounting {

namespace {

using Count = RecordView::Count;

std::string jid_text(std::uint64_t jid) {
  return std::string(core::display(core::JobId(jid)).view());
}

/// "2026-11-21 23:25:33", in the local time zone.
std::string time_text(std::uint64_t microseconds) {
  const auto seconds = static_cast<time_t>(microseconds / 1000000U);
  tm broken = {};
  char text[32] = {};
  if (::localtime_r(&seconds, &broken) == nullptr) return "-";
  if (std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &broken) == 0)
    return "-";
  return text;
}

/// "3.000": the column's heading says seconds.
std::string seconds_of(const Count& microseconds) {
  if (!microseconds) return "-";
  const std::string text(core::seconds_text(*microseconds).view());
  return text.substr(0, text.find(' '));
}

std::string amount_of(const Count& bytes) {
  if (!bytes) return "-";
  return std::string(core::detail::bytes_text(*bytes).view());
}

std::string number_of(const Count& number) {
  return number ? std::to_string(*number) : "-";
}

/// Names come from programs: they are not to move a terminal's cursor.
std::string printable(const std::string& text) {
  return text.empty() ? "-" : core::printable(text);
}

std::string process_outcome(const RecordView& view) {
  if (view.wait_status && view.was_signalled)
    return std::string(
        core::signal_name(core::signal_of(*view.wait_status)).view());
  if (view.was_signalled) return "a signal";
  return view.exit_code ? "exit " + std::to_string(*view.exit_code) : "-";
}

std::string end_outcome(const RecordView& view) {
  if (!view.result) return "-";
  std::string text(core::word_of(view.result->reason));
  text.append(": ").append(core::sentence_of(*view.result).view());
  text.append("; ").append(number_of(view.processes_seen));
  text.append(" processes seen, ");
  text.append(view.processes_not_seen ? number_of(view.processes_not_seen)
                                      : "unknown");
  return text.append(" not seen");
}

/// What is on now: "csa job mem io delay", "csa job memt=1000".
std::string kinds_of(const core::RecordSwitches& switches) {
  std::string text;
  for (const core::AccountKindRow& row : core::kAccountKinds) {
    if (!switches.has(row.kind)) continue;
    text.append(text.empty() ? "" : " ").append(row.name);
    if (row.kind == core::AccountKind::kMemoryThreshold)
      text.append("=").append(amount_of(switches.memory_kib * 1024));
    if (row.kind == core::AccountKind::kTimeThreshold)
      text.append("=").append(core::seconds_text(switches.time_us).view());
  }
  return text.empty() ? "nothing" : text;
}

/// "cpu=3600000000 memory=1048576": in the units of the limits.
std::string bounds_of(const RecordView& view) {
  std::string text = "limits:";
  for (const auto& [kind, bound] : view.asked)
    text.append(" ")
        .append(core::row_of(kind).word)
        .append("=")
        .append(std::to_string(bound));
  return view.asked.empty() ? "limits: none" : text;
}

std::string outcome_of(const RecordView& view) {
  if (view.switches) return kinds_of(*view.switches);
  if (view.kind == "limits") return bounds_of(view);
  if (!view.payload.empty())
    return std::to_string(view.payload.size()) + " bytes";
  if (view.lost) return number_of(view.lost) + " records were lost before this";
  if (view.kind == "end") return end_outcome(view);
  if (view.kind == "process") return process_outcome(view);
  return "-";
}

/// Times that include waited-for children bear a '+': they must not be summed.
std::string with_mark(const RecordView& view, std::string text) {
  if (text != "-" && view.is_inclusive.value_or(false)) text += '+';
  return text;
}

struct Column {
  const char* heading;
  int width;  ///< negative: to the left; 0: the rest of the line
  std::string (*text)(const RecordView&);
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Column kColumns[] = {
    {"KIND", -8, [](const RecordView& v) { return std::string(v.kind); }},
    {"TIME", -19,
     [](const RecordView& v) {
       const Count time = v.ended_us ? v.ended_us : v.started_us;
       return time ? time_text(*time) : "-";
     }},
    {"JID", 18,
     [](const RecordView& v) { return v.jid ? jid_text(*v.jid) : "-"; }},
    {"UID", 6,
     [](const RecordView& v) { return v.uid ? std::to_string(*v.uid) : "-"; }},
    {"PID", 7, [](const RecordView& v) { return number_of(v.pid); }},
    {"WALL s", 10, [](const RecordView& v) { return seconds_of(v.wall_us); }},
    {"USER s", 10,
     [](const RecordView& v) { return with_mark(v, seconds_of(v.user_us)); }},
    {"SYSTEM s", 10,
     [](const RecordView& v) { return with_mark(v, seconds_of(v.system_us)); }},
    {"MEMORY", 11,
     [](const RecordView& v) { return amount_of(v.memory_bytes); }},
    {"READ", 11, [](const RecordView& v) { return amount_of(v.read_bytes); }},
    {"WRITTEN", 11,
     [](const RecordView& v) { return amount_of(v.written_bytes); }},
    {"NAME", -16, [](const RecordView& v) { return printable(v.name); }},
    {"OUTCOME", 0,
     [](const RecordView& v) { return printable(outcome_of(v)); }},
};
// NOLINTEND(modernize-use-designated-initializers)

void pad_to(std::string& line, const std::string& cell, int width) {
  const auto wide = static_cast<std::size_t>(width < 0 ? -width : width);
  const std::size_t fill = wide > cell.size() ? wide - cell.size() : 0;
  if (!line.empty()) line += ' ';
  if (width > 0) line.append(fill, ' ');
  line += cell;
  if (width < 0) line.append(fill, ' ');
}

// Ordered: keys are printed as they are documented.
using Json = nlohmann::ordered_json;

template <class T>
void put(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

void put_text(Json& json, const char* key, std::string_view text) {
  if (!text.empty()) json[key] = text;
}

void put_status(Json& json, const RecordView& view) {
  put(json, "exit_code", view.exit_code);
  if (view.wait_status && view.was_signalled)
    json["signal"] =
        core::signal_name(core::signal_of(*view.wait_status)).view();
  if (view.was_signalled) {
    json["was_signalled"] = true;
    json["dumped_core"] = view.dumped_core;
  }
}

void put_result(Json& json, const core::JobResult& result) {
  json["result"] = core::word_of(result.reason);
  json["sentence"] = core::sentence_of(result).view();
  if (result.reason == core::Reason::kOverLimit)
    json["limit"] = {{"kind", core::name_of(result.limit.kind)},
                     {"word", core::row_of(result.limit.kind).word},
                     {"value", result.limit.value},
                     {"bound", result.limit.bound}};
  if (result.reason == core::Reason::kCancelled)
    json["cancelled_by_uid"] = result.by.raw();
  if (result.reason == core::Reason::kLaunchFailed) {
    json["launch_stage"] = core::name_of(result.launch.stage);
    json["launch_errno"] = result.launch.code;
  }
}

struct CountKey {
  const char* key;
  Count RecordView::* count;
};
// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr CountKey kCounts[] = {
    {"pid", &RecordView::pid},
    {"ppid", &RecordView::ppid},
    {"began_us", &RecordView::began_us},
    {"started_us", &RecordView::started_us},
    {"ended_us", &RecordView::ended_us},
    {"wall_us", &RecordView::wall_us},
    {"user_us", &RecordView::user_us},
    {"system_us", &RecordView::system_us},
    {"minor_faults", &RecordView::minor_faults},
    {"major_faults", &RecordView::major_faults},
    {"read_bytes", &RecordView::read_bytes},
    {"written_bytes", &RecordView::written_bytes},
    {"read_calls", &RecordView::read_calls},
    {"write_calls", &RecordView::write_calls},
    {"storage_read_bytes", &RecordView::storage_read_bytes},
    {"storage_written_bytes", &RecordView::storage_written_bytes},
    {"voluntary_switches", &RecordView::voluntary_switches},
    {"involuntary_switches", &RecordView::involuntary_switches},
    {"peak_virtual_bytes", &RecordView::virtual_bytes},
    {"resident_mbyte_us", &RecordView::resident_integral},
    {"virtual_mbyte_us", &RecordView::virtual_integral},
    {"processor_waits", &RecordView::processor_waits},
    {"processor_delay_us", &RecordView::processor_delay_us},
    {"block_waits", &RecordView::block_waits},
    {"block_delay_us", &RecordView::block_delay_us},
    {"swap_waits", &RecordView::swap_waits},
    {"swap_delay_us", &RecordView::swap_delay_us},
    {"cpu_some_stall_us", &RecordView::cpu_some_us},
    {"cpu_full_stall_us", &RecordView::cpu_full_us},
    {"memory_some_stall_us", &RecordView::memory_some_us},
    {"memory_full_stall_us", &RecordView::memory_full_us},
    {"io_some_stall_us", &RecordView::io_some_us},
    {"io_full_stall_us", &RecordView::io_full_us},
    {"processes_peak", &RecordView::processes_peak},
    {"swap_peak_bytes", &RecordView::swap_peak_bytes},
    {"gpid", &RecordView::gpid},
    {"oom_kills", &RecordView::oom_kills},
    {"processes_seen", &RecordView::processes_seen},
    {"processes_not_seen", &RecordView::processes_not_seen},
    {"stragglers", &RecordView::stragglers},
    {"booted_us", &RecordView::booted_us},
    {"before_key", &RecordView::before_key},
    {"torn_bytes", &RecordView::torn_bytes},
    {"lost", &RecordView::lost},
    {"first_lost_key", &RecordView::first_lost_key},
};
// NOLINTEND(modernize-use-designated-initializers)

std::string hex_of(std::string_view bytes) {
  constexpr const char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

void put_switches(Json& json, const core::RecordSwitches& switches) {
  json["kinds"] = Json::array();
  for (const core::AccountKindRow& row : core::kAccountKinds)
    if (switches.has(row.kind)) json["kinds"].push_back(row.name);
  if (switches.has(core::AccountKind::kMemoryThreshold))
    json["memory_threshold_bytes"] = switches.memory_kib * 1024;
  if (switches.has(core::AccountKind::kTimeThreshold))
    json["cpu_threshold_us"] = switches.time_us;
}

void report(const std::string& name, const Damage& damage,
            std::ostream& errors) {
  errors << "corral: '" << name << "': bytes " << damage.offset << " to "
         << damage.offset + damage.size - 1 << " skipped: " << damage.what
         << '\n';
}

void report_new(const CsaReader& reader, std::size_t& reported,
                const std::string& name, std::ostream& errors) {
  for (; reported < reader.damages().size(); ++reported)
    report(name, reader.damages()[reported], errors);
}

}  // namespace

std::string records_heading() {
  std::string line;
  for (const Column& column : kColumns)
    pad_to(line, column.heading, column.width);
  return line;
}

std::string to_text(const RecordView& view) {
  std::string line;
  for (const Column& column : kColumns)
    pad_to(line, column.text(view), column.width);
  return line;
}

std::string to_json(const RecordView& view) {
  Json json;
  json["kind"] = view.kind;
  json["offset"] = view.offset;
  if (view.instance) json["instance"] = jid_text(*view.instance);
  put(json, "key", view.key);
  if (view.before_instance)
    json["before_instance"] = jid_text(*view.before_instance);
  if (view.jid) json["jid"] = jid_text(*view.jid);
  put(json, "uid", view.uid);
  put(json, "gid", view.gid);
  put_text(json, "name", view.name);
  put_text(json, "project", view.project);
  put_text(json, "account", view.account);
  put(json, "project_id", view.project_id);
  for (const CountKey& entry : kCounts)
    put(json, entry.key, view.*entry.count);
  put(json, view.kind == "end" ? "memory_peak_bytes" : "peak_resident_bytes",
      view.memory_bytes);
  for (const auto& [kind, bound] : view.asked)
    json["asked"][core::row_of(kind).word] = bound;
  put_status(json, view);
  put(json, "includes_children", view.is_inclusive);
  put(json, "superuser", view.is_superuser);
  put(json, "fork_only", view.is_fork_only);
  if (view.result) put_result(json, *view.result);
  if (view.switches) put_switches(json, *view.switches);
  put_text(json, "daemon", view.daemon);
  if (!view.payload.empty()) json["bytes"] = hex_of(view.payload);
  put_text(json, "engine", view.engine);
  put_text(json, "collector", view.collector);
  put_text(json, "totals_from", view.totals_from);
  put(json, "errno", view.code);
  // Names are bytes: what is no UTF-8 is shown as U+FFFD.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int print_records(sys::UniqueFd file, const std::string& name,
                  RecordsFormat format, std::ostream& out,
                  std::ostream& errors) {
  CsaReader reader(std::move(file));
  std::size_t reported = 0;
  if (format == RecordsFormat::kText) out << records_heading() << '\n';
  for (;;) {
    const auto group = reader.next();
    report_new(reader, reported, name, errors);
    if (!group) {
      const core::Error& error = group.error();
      errors << "corral: '" << name << "': "
             << (error.code == kDamagedPack ? words_of_reading(error.code)
                                            : error.message().c_str())
             << '\n';
      return 1;
    }
    if (!*group) break;
    const RecordView view = view_of(**group);
    out << (format == RecordsFormat::kJson ? to_json(view) : to_text(view))
        << '\n';
  }
  out.flush();
  return reported == 0 ? 0 : 1;
}

}  // namespace accounting
