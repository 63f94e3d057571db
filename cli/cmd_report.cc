// SPDX-License-Identifier: Apache-2.0
// corral report: what jobs used, summed up from accounting files, as a table,
// as JSON or as CSV.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "accounting/append.h"
#include "accounting/csa_file.h"
#include "accounting/use_fold.h"
#include "cli/handlers.h"
#include "cli/job_text.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table_view.h"
#include "cli/value_types.h"
#include "core/number_text.h"
#include "sys/places.h"
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

/// The file that the instance of this user writes, and those that were switched
/// from it, by their numbers.
std::vector<std::string> usual_files() {
  namespace fs = std::filesystem;
  const bool is_root = ::geteuid() == 0;
  const fs::path path =
      sys::find_places(
          is_root ? sys::InstanceKind::kSystem : sys::InstanceKind::kPrivate,
          core::Uid(::geteuid()), sys::process_environment())
          .pacct;
  const std::string name = path.filename().string();
  std::vector<std::pair<std::uint64_t, std::string>> numbered;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), error)) {
    const std::string other = entry.path().filename().string();
    if (!other.starts_with(name)) continue;
    const auto number =
        core::parse_number(other.substr(name.size()), UINT32_MAX);
    if (number) numbered.emplace_back(*number, entry.path().string());
  }
  std::ranges::sort(numbered);
  std::vector<std::string> files;
  for (auto& [number, file] : numbered)
    files.push_back(std::move(file));
  files.push_back(path.string());
  return files;
}

std::string group_name(core::Gid gid, const std::string& otherwise) {
  const auto names = sys::group_names({gid});
  return names && !names->empty() ? names->front() : otherwise;
}

/// The name of what a key's number stands for; the number where it has none.
std::string shown_key(UseKey by, const UseRow& row) {
  const auto number = core::parse_number(row.key, UINT32_MAX);
  if (by == UseKey::kUser && number)
    return user_name(core::Uid(static_cast<std::uint32_t>(*number)));
  if (by == UseKey::kGroup && number)
    return group_name(core::Gid(static_cast<std::uint32_t>(*number)), row.key);
  return row.key;
}

std::string table_of(UseKey by, const std::vector<UseRow>& rows,
                     std::string_view title, TableView::Header header) {
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
  TableView table(std::move(columns));
  for (const UseRow& row : rows) {
    std::vector<Cell> cells = {{.text = shown_key(by, row)}};
    if (by == UseKey::kJob) cells.push_back({.text = row.name});
    for (const std::uint64_t number : {row.jobs, row.open, row.processes})
      cells.push_back({.text = std::to_string(number)});
    for (const SumColumn& sum : kSums) {
      const UseSum& value = row.*sum.member;
      // A sum of which a part is unknown is at least so much.
      const std::string_view mark =
          value.known > 0 && value.unknown > 0 ? "+" : "";
      cells.push_back({.text = value.get()
                                   ? sum.text(*value.get()) + std::string(mark)
                                   : std::string()});
    }
    table.add(std::move(cells));
  }
  return table.render(screen_of(STDOUT_FILENO), header);
}

std::string json_of(UseKey by, const std::vector<UseRow>& rows,
                    std::string_view title) {
  Json list = Json::array();
  for (const UseRow& row : rows) {
    Json object;
    object[std::string(title)] = text_or_null(row.key);
    if (by == UseKey::kUser || by == UseKey::kGroup)
      object["name"] = shown_key(by, row);
    if (by == UseKey::kJob) object["name"] = text_or_null(row.name);
    object["jobs"] = row.jobs;
    object["open_jobs"] = row.open;
    object["processes"] = row.processes;
    for (const SumColumn& sum : kSums) {
      const UseSum& value = row.*sum.member;
      object[std::string(sum.key)] = maybe(value.get());
      if (value.known > 0 && value.unknown > 0)
        object[std::string(sum.key) + "_unknown"] = value.unknown;
    }
    list.push_back(std::move(object));
  }
  return Json{{"by", title}, {"rows", list}}.dump(
             2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

/// By RFC 4180. A text that a spreadsheet would take for a formula is one
/// behind an apostrophe.
std::string csv_text(std::string_view text) {
  std::string cell(text);
  if (!cell.empty() && std::string_view("=+-@\t\r").contains(cell[0]))
    cell.insert(0, "'");
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_of(UseKey by, const std::vector<UseRow>& rows,
                   std::string_view title, TableView::Header header) {
  std::string text;
  if (header == TableView::Header::kShown) {
    text = std::string(title) + ",name,jobs,open_jobs,processes";
    for (const SumColumn& sum : kSums)
      text.append(",").append(sum.key);
    text += "\r\n";
  }
  for (const UseRow& row : rows) {
    const bool is_number = by == UseKey::kUser || by == UseKey::kGroup;
    text += csv_text(row.key) + "," +
            csv_text(is_number ? shown_key(by, row) : row.name) + "," +
            std::to_string(row.jobs) + "," + std::to_string(row.open) + "," +
            std::to_string(row.processes);
    for (const SumColumn& sum : kSums) {
      const auto value = (row.*sum.member).get();
      text += "," + (value ? std::to_string(*value) : std::string());
    }
    text += "\r\n";
  }
  return text;
}

/// False: parts of it could not be read; that was said.
bool read_file(const std::string& path, accounting::UseFold& fold,
               bool must_exist) {
  auto file = accounting::open_for_reading(path.c_str());
  if (!file) {
    if (!must_exist && file.error().code == ENOENT) return true;
    complain("cannot read '" + path +
             "': " + accounting::words_of(file.error().code));
    return false;
  }
  accounting::CsaReader reader(std::move(*file));
  for (;;) {
    const auto group = reader.next();
    if (!group) {
      complain(group.error());
      return false;
    }
    if (!*group) break;
    fold.add(**group);
  }
  for (const accounting::Damage& damage : reader.damages())
    complain("'" + path + "': " + std::to_string(damage.size) +
             " bytes at offset " + std::to_string(damage.offset) +
             " are no record and were passed over");
  return reader.damages().empty();
}

}  // namespace

int report_use(const Arguments& arguments) {
  const std::string_view title = arguments.value("by").value_or("user");
  const UseKey by = accounting::parse_use_key(title).value_or(UseKey::kUser);
  accounting::UseFilter filter;
  if (const auto user = arguments.value("user")) {
    const auto found = sys::find_user(std::string(*user));
    if (!found)
      return complain("there is no user '" + std::string(*user) + "'");
    filter.uid = found->uid.raw();
  }
  if (const auto day = arguments.value("since"))
    filter.since_us = parse_day(*day);
  if (const auto day = arguments.value("until"))
    filter.until_us = parse_day(*day);
  const bool is_named = !arguments.operands().empty();
  const auto files = is_named ? arguments.operands() : usual_files();
  accounting::UseFold fold(by, filter);
  int code = kSuccess;
  for (const std::string& file : files)
    if (!read_file(file, fold, is_named)) code = kFailure;
  const auto rows = std::move(fold).finish();
  const auto header = arguments.has("no-header") ? TableView::Header::kHidden
                                                 : TableView::Header::kShown;
  if (arguments.has("json"))
    print(json_of(by, rows, title));
  else if (arguments.has("csv"))
    print(csv_of(by, rows, title, header));
  else
    print(table_of(by, rows, title, header));
  return code;
}

}  // namespace cli
