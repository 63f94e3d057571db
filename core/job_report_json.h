// SPDX-License-Identifier: Apache-2.0
// The end-of-job report for programs (`--report-json`): one JSON object on one
// line. Allocation free, as core/job_report.h. What was not collected is null.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/ids.h"
#include "core/job_report.h"
#include "core/job_result.h"
#include "core/quantity.h"
#include "core/text.h"
#include "core/utf8.h"

namespace core {

using ReportJson = Text<4096>;

namespace detail {

/// A JSON string (RFC 8259), which is UTF-8: names of processes and arguments
/// are bytes, and one that is none stands as U+FFFD.
inline void json_string(ReportJson& json, std::string_view text) {
  json.append_char('"');
  while (!text.empty()) {
    const char c = text[0];
    const std::size_t length = utf8_length(text);
    if (c == '"' || c == '\\') json.append_char('\\');
    if (static_cast<unsigned char>(c) < 0x20)
      json.append("\\u").append_hex(static_cast<unsigned char>(c), 4);
    else if (length == 0)
      json.append("\xEF\xBF\xBD");
    else
      json.append({text.begin(), text.begin() + length});
    text.remove_prefix(length == 0 ? 1 : length);
  }
  json.append_char('"');
}

inline void json_key(ReportJson& json, const char* key) {
  if (json.view().back() != '{') json.append_char(',');
  json.append_char('"').append(key).append("\":");
}

inline void json_text(ReportJson& json, const char* key,
                      std::string_view text) {
  json_key(json, key);
  json_string(json, text);
}

inline void json_text_or_null(ReportJson& json, const char* key,
                              std::string_view text) {
  if (!text.empty()) return json_text(json, key, text);
  json_key(json, key);
  json.append("null");
}

template <class T>
void json_maybe(ReportJson& json, const char* key, const Maybe<T>& value) {
  json_key(json, key);
  if (!value)
    json.append("null");
  else if constexpr (requires { value->raw(); })
    json.append_unsigned(value->raw());
  else
    json.append_unsigned(*value);
}

inline void json_result(ReportJson& json, const JobResult& result) {
  json_text(json, "result", word_of(result.reason));
  json_text(json, "sentence", sentence_of(result).view());
  json_key(json, "exit_code");
  const bool exited = result.has_status && status_is_exit(result.wait_status);
  if (exited)
    json.append_number(exit_code_of(result.wait_status));
  else
    json.append("null");
  json_key(json, "signal");
  if (result.has_status && !exited)
    json_string(json, signal_name(signal_of(result.wait_status)).view());
  else
    json.append("null");
  json_key(json, "limit");
  if (result.reason != Reason::kOverLimit) {
    json.append("null");
    return;
  }
  // In microseconds, bytes or a count, as the limit is.
  json.append(R"({"kind":")").append(name_of(result.limit.kind));
  json.append(R"(","word":")").append(row_of(result.limit.kind).word);
  json.append(R"(","value":)").append_unsigned(result.limit.value);
  json.append(",\"bound\":").append_unsigned(result.limit.bound);
  json.append_char('}');
}

}  // namespace detail

/// One line, ended by a newline. Times are microseconds.
inline ReportJson render_json(const JobReport& report) {
  ReportJson json("{");
  detail::json_text(json, "jid", display(report.jid).view());
  detail::json_text_or_null(json, "name", report.name.view());
  detail::json_result(json, report.result);
  detail::json_maybe(json, "wall_us", report.wall_time);
  const JobTotals& totals = report.totals;
  detail::json_maybe(json, "user_us", totals.user_time);
  detail::json_maybe(json, "system_us", totals.system_time);
  detail::json_maybe(json, "memory_peak_bytes", totals.memory_peak);
  detail::json_maybe(json, "storage_read_bytes", totals.read_bytes);
  detail::json_maybe(json, "storage_written_bytes", totals.write_bytes);
  detail::json_maybe(json, "oom_kills", totals.oom_kills);
  using Count = Maybe<std::uint64_t>;
  Count user;
  Count system;
  Count resident;
  if (report.main && report.main->has(Counters::kUsage)) {
    user = report.main->utime_us;
    system = report.main->stime_us;
    resident = report.main->maxrss_kib * 1024;
  }
  Count read;
  Count written;
  if (report.main && report.main->has(Counters::kIo)) {
    read = report.main->rchar;
    written = report.main->wchar;
  }
  // Of the main process and the children that it waited for.
  detail::json_maybe(json, "main_user_us", user);
  detail::json_maybe(json, "main_system_us", system);
  detail::json_maybe(json, "main_peak_resident_bytes", resident);
  detail::json_maybe(json, "main_read_bytes", read);
  detail::json_maybe(json, "main_written_bytes", written);
  detail::json_maybe(json, "processes_seen", Count(report.processes_seen));
  detail::json_maybe(json, "processes_not_seen", totals.processes_not_seen);
  detail::json_maybe(json, "forks_refused", report.forks_refused);
  detail::json_maybe(json, "stragglers", Count(report.stragglers));
  detail::json_text_or_null(json, "straggler_names",
                            report.straggler_names.view());
  return json.append("}\n");
}

}  // namespace core
