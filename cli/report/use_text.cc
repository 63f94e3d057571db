// SPDX-License-Identifier: Apache-2.0
#include "cli/report/use_text.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "cli/job_text.h"
#include "cli/json_text.h"
#include "cli/terminal_text.h"
#include "core/number_text.h"
#include "sys/users.h"

namespace cli {

namespace {

using accounting::UseKey;
using accounting::UseRow;
using accounting::UseSum;

/// A sum of a row, in JSON and CSV, and how a table shows it.
struct SumColumn {
  std::string_view key;
  std::string_view title;
  UseSum UseRow::* member;
  std::string (*text)(std::uint64_t value);
};

std::string time_text(std::uint64_t us) {
  return short_time(core::Microseconds(us));
}
std::string size_text(std::uint64_t bytes) {
  return short_size(core::Bytes(bytes));
}

constexpr SumColumn kSums[] = {
    {.key = "wall_us",
     .title = "WALL",
     .member = &UseRow::wall_us,
     .text = time_text},
    {.key = "user_us",
     .title = "USER-CPU",
     .member = &UseRow::user_us,
     .text = time_text},
    {.key = "system_us",
     .title = "SYS-CPU",
     .member = &UseRow::system_us,
     .text = time_text},
    {.key = "memory_peak_bytes",
     .title = "MEM-PEAK",
     .member = &UseRow::memory_bytes,
     .text = size_text},
    {.key = "read_bytes",
     .title = "READ",
     .member = &UseRow::read_bytes,
     .text = size_text},
    {.key = "written_bytes",
     .title = "WRITTEN",
     .member = &UseRow::written_bytes,
     .text = size_text},
    {.key = "storage_read_bytes",
     .title = "DISK-READ",
     .member = &UseRow::storage_read_bytes,
     .text = size_text},
    {.key = "storage_written_bytes",
     .title = "DISK-WRITTEN",
     .member = &UseRow::storage_written_bytes,
     .text = size_text},
};

std::string group_name(core::Gid gid, const std::string& otherwise) {
  const auto names = sys::group_names({gid});
  return names && !names->empty() ? names->front() : otherwise;
}

std::string csv_text(std::string_view text) {
  std::string cell = printable(text);
  if (!cell.empty() && std::string_view("=+-@\t\r").contains(cell[0]))
    cell.insert(0, "'");
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string sum_text(const accounting::UnitSum& units) {
  if (!units.get()) return {};
  return shown_units(units.sum.value()) + (units.unknown > 0 ? "+" : "");
}

}  // namespace

/// The shortest that is the same number. std::to_chars would need libm, which
/// costs every start of the command.
std::string units_text(double units) {
  char text[64];
  for (int digits = 15; digits <= 17; ++digits) {
    (void)std::snprintf(text, sizeof text, "%.*g", digits, units);
    if (std::strtod(text, nullptr) == units) break;
  }
  return text;
}

std::string shown_units(double units) {
  char text[400];  // the largest number with two digits
  (void)std::snprintf(text, sizeof text, "%.2f", units);
  return text;
}

bool has_name(UseKey by) {
  return by == UseKey::kUser || by == UseKey::kGroup || by == UseKey::kJob;
}

std::string shown_name(UseKey by, const UseRow& row) {
  const auto number = core::parse_number(row.key, UINT32_MAX);
  if (by == UseKey::kUser && number)
    return user_name(core::Uid(static_cast<std::uint32_t>(*number)));
  if (by == UseKey::kGroup && number)
    return group_name(core::Gid(static_cast<std::uint32_t>(*number)), row.key);
  return by == UseKey::kJob ? row.name : row.key;
}

std::string use_table(const UseReport& report, TableView::Header header) {
  const auto& [by, title, rows, has_units, is_complete] = report;
  std::string first(title);
  std::ranges::transform(first, first.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  std::vector<Column> columns = {{.title = first}};
  if (by == UseKey::kJob) columns.push_back({.title = "NAME"});
  for (const std::string_view name : {"JOBS", "OPEN", "PROCS"})
    columns.push_back({.title = std::string(name), .align = Align::kRight});
  for (const SumColumn& sum : kSums)
    columns.push_back(
        {.title = std::string(sum.title), .align = Align::kRight});
  if (has_units) columns.push_back({.title = "UNITS", .align = Align::kRight});
  TableView table(std::move(columns));
  for (const UseRow row : rows) {
    std::vector<Cell> cells;
    if (by == UseKey::kJob) cells.push_back({.text = row.key});
    cells.push_back({.text = shown_name(by, row)});
    for (const std::uint64_t number : {row.jobs, row.open, row.processes})
      cells.push_back({.text = std::to_string(number)});
    for (const SumColumn& sum : kSums) {
      const UseSum& value = row.*sum.member;
      // A sum of which a part is unknown is at least so much.
      const std::string_view mark = value.is_least() ? "+" : "";
      cells.push_back({.text = value.get()
                                   ? sum.text(*value.get()) + std::string(mark)
                                   : std::string()});
    }
    if (has_units) cells.push_back({.text = sum_text(row.units)});
    table.add(std::move(cells));
  }
  return table.render(screen_of(STDOUT_FILENO), header);
}

namespace {

/// A member of an object, on a line of its own.
void add_member(std::string& text, std::string_view key,
                std::string_view value) {
  text += text.empty() ? "    {\n" : ",\n";
  text.append("      \"").append(key).append("\": ").append(value);
}

std::string json_of(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Of numbers there are many: a Json for each would cost more than all else.
std::string json_of(std::uint64_t number) {
  return std::to_string(number);
}
std::string json_of(const std::optional<std::uint64_t>& number) {
  return number ? json_of(*number) : "null";
}

std::string object_of(const UseReport& report, const UseRow& row) {
  std::string text;
  add_member(text, report.title, json_of(text_or_null(row.key)));
  if (has_name(report.by))
    add_member(text, "name", json_of(text_or_null(shown_name(report.by, row))));
  add_member(text, "jobs", json_of(row.jobs));
  add_member(text, "open_jobs", json_of(row.open));
  add_member(text, "processes", json_of(row.processes));
  for (const SumColumn& sum : kSums) {
    const UseSum& value = row.*sum.member;
    add_member(text, sum.key, json_of(value.get()));
    if (value.is_least())
      add_member(text, std::string(sum.key) + "_unknown",
                 json_of(value.unknown));
  }
  if (report.has_units)
    add_member(text, "units", json_of(maybe(row.units.get())));
  if (report.has_units && row.units.known > 0 && row.units.unknown > 0)
    add_member(text, "units_unknown", json_of(row.units.unknown));
  return text + "\n    }";
}

}  // namespace

/// As Json would indent it by two.
void write_json(const UseReport& report, const TextSink& sink) {
  sink("{\n  \"by\": \"" + std::string(report.title) + "\",\n  \"rows\": [");
  std::string_view before = "\n";
  for (const UseRow row : report.rows) {
    sink(std::string(before) + object_of(report, row));
    before = ",\n";
  }
  sink(report.rows.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

void write_csv(const UseReport& report, TableView::Header header,
               const TextSink& sink) {
  const auto& [by, title, rows, has_units, is_complete] = report;
  if (header == TableView::Header::kShown) {
    std::string text = std::string(title) + ",name,jobs,open_jobs,processes";
    for (const SumColumn& sum : kSums)
      text.append(",").append(sum.key);
    sink(text + (has_units ? ",units" : "") + "\r\n");
  }
  for (const UseRow row : rows) {
    const std::string name = has_name(by) ? shown_name(by, row) : "";
    std::string text = csv_text(row.key) + "," + csv_text(name) + "," +
                       std::to_string(row.jobs) + "," +
                       std::to_string(row.open) + "," +
                       std::to_string(row.processes);
    for (const SumColumn& sum : kSums) {
      const auto value = (row.*sum.member).get();
      text += "," + (value ? std::to_string(*value) : std::string());
    }
    if (has_units)
      text += "," + (row.units.get() ? units_text(*row.units.get()) : "");
    sink(text + "\r\n");
  }
}

}  // namespace cli
