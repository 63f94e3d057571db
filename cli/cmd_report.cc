// SPDX-License-Identifier: Apache-2.0
// corral report: what jobs used, summed up from accounting files, as a table,
// as JSON, CSV or OpenMetrics.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/append.h"
#include "accounting/records/output_file.h"
#include "accounting/use_fold.h"
#include "cli/handlers.h"
#include "cli/output.h"
#include "cli/report/http_answer.h"
#include "cli/report/openmetrics.h"
#include "cli/report/report_files.h"
#include "cli/report/use_text.h"
#include "cli/value_types.h"
#include "sys/users.h"

namespace cli {
namespace {

std::string table_of(const UseReport& report, TableView::Header header) {
  return use_table(report, header);
}
std::string json_of(const UseReport& report, TableView::Header /*header*/) {
  return use_json(report);
}
std::string csv_of(const UseReport& report, TableView::Header header) {
  return use_csv(report, header);
}
std::string metrics_of(const UseReport& report, TableView::Header /*header*/) {
  return openmetrics(report);
}

struct Format {
  std::string_view option;  ///< empty: without any
  std::string (*text)(const UseReport& report, TableView::Header header);
};

constexpr Format kFormats[] = {
    {.option = "json", .text = json_of},
    {.option = "csv", .text = csv_of},
    {.option = "openmetrics", .text = metrics_of},
    {.option = "", .text = table_of},
};

UseReport make_report(const Arguments& arguments,
                      const accounting::UseFilter& filter) {
  UseReport report;
  report.title = arguments.value("by").value_or("user");
  report.by = accounting::parse_use_key(report.title)
                  .value_or(accounting::UseKey::kUser);
  const bool is_named = !arguments.operands().empty();
  const auto files = is_named ? arguments.operands() : usual_files();
  const Absence absence = is_named ? Absence::kIsError : Absence::kIsEmpty;
  accounting::UseFold fold(report.by, filter);
  for (const std::string& file : files) {
    fold.begin_file();
    const bool is_read = read_groups(
        file, absence,
        [&fold](const accounting::Group& group) { fold.add(group); });
    report.is_complete = report.is_complete && is_read;
  }
  report.rows = std::move(fold).finish();
  return report;
}

std::string text_of(const Arguments& arguments, const UseReport& report) {
  const auto header = arguments.has("no-header") ? TableView::Header::kHidden
                                                 : TableView::Header::kShown;
  for (const Format& format : kFormats)
    if (format.option.empty() || arguments.has(format.option))
      return format.text(report, header);
  return {};
}

/// Whole, or not at all.
int write_file(const std::string& path, std::string_view text) {
  auto file = accounting::OutputFile::create(path);
  if (file) file->write(text);
  const int code = file ? file->commit() : errno;
  if (code == 0) return kSuccess;
  return complain("cannot write '" + path + "': " + accounting::words_of(code));
}

}  // namespace

int report_use(const Arguments& arguments) {
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
  if (arguments.has("http"))
    return answer_scrape({},
                         [&] {
                           return text_of(arguments,
                                          make_report(arguments, filter));
                         })
               ? kSuccess
               : kFailure;
  const UseReport report = make_report(arguments, filter);
  const std::string text = text_of(arguments, report);
  if (const auto path = arguments.value("output")) {
    const int code = write_file(std::string(*path), text);
    if (code != kSuccess) return code;
  } else {
    print(text);
  }
  return report.is_complete ? kSuccess : kFailure;
}

}  // namespace cli
