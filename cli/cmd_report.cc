// SPDX-License-Identifier: Apache-2.0
// corral report: what jobs used, summed up from accounting files, as a table,
// as JSON, CSV or OpenMetrics; and what the files say of one job.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/append.h"
#include "accounting/billing/request_weights.h"
#include "accounting/billing/sbu.h"
#include "accounting/csa_file.h"
#include "accounting/csa_layout.h"
#include "accounting/job_facts.h"
#include "accounting/packed_file.h"
#include "accounting/records/entry.h"
#include "accounting/records/output_file.h"
#include "accounting/use_fold.h"
#include "cli/csa/toml_forms.h"
#include "cli/handlers.h"
#include "cli/output.h"
#include "cli/report/copies.h"
#include "cli/report/http_answer.h"
#include "cli/report/job_report_text.h"
#include "cli/report/openmetrics.h"
#include "cli/report/page.h"
#include "cli/report/page_report.h"
#include "cli/report/report_files.h"
#include "cli/report/use_text.h"
#include "cli/report/usual_files.h"
#include "cli/terminal_text.h"
#include "cli/value_types.h"
#include "core/array_range.h"
#include "core/ids.h"
#include "core/job_name.h"
#include "sys/users.h"
#include "sys/whole_file.h"

namespace cli {
namespace {

void write_table(const UseReport& report, TableView::Header header,
                 const TextSink& sink) {
  sink(use_table(report, header));
}
void write_objects(const UseReport& report, TableView::Header /*header*/,
                   const TextSink& sink) {
  write_json(report, sink);
}
void write_metrics(const UseReport& report, TableView::Header /*header*/,
                   const TextSink& sink) {
  sink(openmetrics(report));
}

struct Format {
  std::string_view option;  ///< empty: without any
  void (*write)(const UseReport& report, TableView::Header header,
                const TextSink& sink);
};

constexpr Format kFormats[] = {
    {.option = "json", .write = write_objects},
    {.option = "csv", .write = write_csv},
    {.option = "openmetrics", .write = write_metrics},
    {.option = "", .write = write_table},
};

/// What the operands name: a job first, if any, and files.
struct Subjects {
  std::optional<accounting::JobWanted> job;
  ReportFiles files;
};

/// Projects and their jobs share names: a directory is no accounting file. Nor
/// has one to be there itself that was packed.
bool is_file(const std::string& word) {
  struct stat status = {};
  const auto is_regular = [&status](const std::string& path) {
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  };
  return is_regular(word) ||
         is_regular(word + std::string(accounting::kPackedEnding));
}

/// A jid is a job; else a regular file that is there, or what has a slash, is a
/// file; else a job's name, or an array's member.
std::optional<accounting::JobWanted> job_named(const std::string& word) {
  if (word.starts_with("0x"))
    if (const auto jid = core::parse_job_id(word))
      return accounting::JobWanted{.jid = jid->raw(), .name = {}};
  if (word.contains('/') || is_file(word)) return std::nullopt;
  if (!core::is_job_name(word) && !core::parse_member_word(word))
    return std::nullopt;
  return accounting::JobWanted{.jid = {}, .name = word};
}

Subjects subjects_of(const Arguments& arguments) {
  Subjects subjects;
  auto& paths = subjects.files.paths;
  paths = arguments.operands();
  if (!paths.empty()) subjects.job = job_named(paths.front());
  if (subjects.job) paths.erase(paths.begin());
  if (!paths.empty()) {
    for (const std::string& text : pass_over_copies(paths))
      complain("report: " + text);
    return subjects;
  }
  auto usual = usual_files(which_instance(arguments));
  paths = std::move(usual.paths);
  subjects.files.absence = Absence::kIsEmpty;
  subjects.files.none = std::move(usual.absence);
  return subjects;
}

/// The first two as one, with a blank between words: what follows follows of
/// them.
std::string first_lines(std::string_view text) {
  text = text.substr(0, text.find('\n', text.find('\n') + 1));
  std::string line;
  for (const char c : text) {
    const bool is_blank = c == ' ' || c == '\n';
    if (!is_blank)
      line += c;
    else if (!line.empty() && !line.ends_with(' '))
      line += ' ';
  }
  if (line.ends_with(' ')) line.pop_back();
  return line;
}

/// What processes are billed by. Nothing: csa.conf says what cannot be, which
/// was told.
std::optional<accounting::UseBilling> read_billing() {
  read_toml_forms();
  accounting::CsaConf conf;
  std::string faults;
  const auto rules = accounting::read_billing_rules(
      conf, faults, accounting::MissingWeights::kNotTold);
  const auto weights = accounting::read_request_weights(conf);
  faults = conf.take_complaints() + faults +
           accounting::fault_of_integral(rules.memory_integral) +
           (weights ? "" : weights.error().text);
  if (!faults.empty()) {
    (void)complain(
        "report: '--units' needs a csa.conf or csa.toml that says what units "
        "are: " +
        first_lines(faults));
    return std::nullopt;
  }
  const auto biller = std::make_shared<accounting::Biller>(rules);
  return accounting::UseBilling{
      .units =
          [biller](const accounting::Group& group) {
            accounting::Entry entry;
            const auto at = [](const auto& record) {
              return record ? &*record : nullptr;
            };
            entry.prime = &group.head;
            entry.process = at(group.process);
            entry.memory = at(group.memory);
            entry.io = at(group.io);
            entry.delay = at(group.delay);
            return std::optional(biller->units(entry));
          },
      .weight =
          [weights = *weights](const accounting::csa::Workload& record) {
            return weights.weight_of(record);
          }};
}

UseReport make_report(const Arguments& arguments, const Subjects& subjects,
                      const accounting::UseFilter& filter,
                      const std::optional<accounting::UseBilling>& billing) {
  UseReport report;
  report.title = arguments.value("by").value_or("user");
  report.by = accounting::parse_use_key(report.title)
                  .value_or(accounting::UseKey::kUser);
  accounting::UseFold fold(report.by, filter);
  report.has_units = billing.has_value();
  if (billing) fold.bill_by(*billing);
  report.is_complete = read_into(fold, subjects.files);
  report.rows = std::move(fold).finish();
  return report;
}

void write_report(const Arguments& arguments, const UseReport& report,
                  const TextSink& sink) {
  const auto header = arguments.has("no-header") ? TableView::Header::kHidden
                                                 : TableView::Header::kShown;
  for (const Format& format : kFormats)
    if (format.option.empty() || arguments.has(format.option))
      return format.write(report, header, sink);
}

/// Whether there is a file with accounting records, packed or not: what is
/// read, what is written now, or another.
bool is_accounting(const std::string& path) {
  const auto file = accounting::open_for_reading(path.c_str());
  if (!file) return false;
  if (accounting::is_packed(file->get()).value_or(false)) return true;
  std::uint16_t magic = 0;
  return ::pread(file->get(), &magic, sizeof magic, 0) == sizeof magic &&
         (magic == accounting::csa::kMagic ||
          magic == accounting::csa::kForeignMagic);
}

enum class Readers : bool { kAsUmaskSays, kAll };

/// Gives all of a text.
using TextSource = std::function<void(const TextSink& sink)>;

/// Whole, or not at all. "-" is standard output.
int write_file(const std::string& path, const TextSource& source,
               Readers readers = Readers::kAsUmaskSays) {
  if (path == "-") {
    source(print);
    return kSuccess;
  }
  if (is_accounting(path))
    return complain("'" + path +
                    "' has accounting records, and a report would take their "
                    "place; name another file");
  const bool is_new = !sys::is_there(path);
  auto file = accounting::OutputFile::create(path);
  if (file) source([&file](std::string_view piece) { file->write(piece); });
  constexpr mode_t kForAll = 0644;
  if (file && is_new && readers == Readers::kAll)
    (void)::fchmod(file->fd(), kForAll);
  const int code = file ? file->commit() : errno;
  if (code == 0) return kSuccess;
  return complain("cannot write '" + path + "': " + accounting::words_of(code));
}

/// To the file that was asked for, or standard output.
int deliver(const Arguments& arguments, const TextSource& source) {
  if (const auto path = arguments.value("output"))
    return write_file(
        std::string(*path), source,
        // node_exporter is another user
        arguments.has("openmetrics") ? Readers::kAll : Readers::kAsUmaskSays);
  source(print);
  return kSuccess;
}

TextSource all_of(const std::string& text) {
  return [&text](const TextSink& sink) { sink(text); };
}

int write_page(const std::string& path, const Page& page) {
  const int code = write_file(path, all_of(html_page(page)));
  return code != kSuccess || page.is_complete ? code : kFailure;
}

int write_job_page(const std::string& path, const accounting::JobFacts& job,
                   bool is_complete) {
  Page page;
  page.title = "Report of a job";
  page.subtitle = "What its accounting records say";
  page.job = job;
  page.is_complete = is_complete;
  return write_page(path, page);
}

/// The last of them, which is written now where nothing was named, and how many
/// more.
std::string names_of(const std::vector<std::string>& paths) {
  std::string text = "'" + printable(paths.back()) + "'";
  if (paths.size() > 1)
    text += " and " + std::to_string(paths.size() - 1) + " more";
  return text;
}

/// `member`: one that the files have of the array that `word` names; empty:
/// there is none.
core::Refused not_recorded(const std::string& word, const std::string& member,
                           const std::vector<std::string>& paths) {
  if (member.empty())
    return {.why = core::Refusal::kNoSuchJob,
            .text = "the accounting files have no job '" + word + "', and " +
                    (sys::is_there(word) ? "what is called so here is no file"
                                         : "no file is called so") +
                    "; looked in " + names_of(paths)};
  return {.why = core::Refusal::kNoSuchJob,
          .text = "'" + word +
                  "' is an array, which has no record of its own; its members "
                  "have, such as '" +
                  member + "'"};
}

int report_job(const Arguments& arguments, const Subjects& subjects) {
  constexpr std::string_view kOfSums[] = {"by",    "user",     "since",
                                          "until", "csv",      "openmetrics",
                                          "http",  "no-header"};
  const std::string& word = arguments.operands().front();
  for (const std::string_view option : kOfSums)
    if (arguments.has(option))
      return complain("report: '--" + std::string(option) +
                          "' is for sums, and '" + word +
                          "' is one job; leave one of them out",
                      kMisused);
  accounting::JobFinder finder(*subjects.job);
  if (arguments.has("units")) {
    auto billing = read_billing();
    if (!billing) return kFailure;
    finder.bill_by(std::move(*billing));
  }
  const bool is_complete = read_into(finder, subjects.files);
  const std::string member = finder.member();
  const auto jobs = std::move(finder).finish();
  if (jobs.empty())
    return complain(not_recorded(word, member, subjects.files.paths));
  if (const auto path = arguments.value("html"))
    return write_job_page(std::string(*path), jobs.back(), is_complete);
  std::string text;
  const Screen screen = arguments.has("output") ? Screen() : screen_of(1);
  for (const accounting::JobFacts& job : jobs) {
    if (arguments.has("json"))
      text += job_report_json(job).dump(2, ' ', false,
                                        Json::error_handler_t::replace) +
              "\n";
    else
      text += (text.empty() ? "" : "\n") + job_report_text(job, screen);
  }
  const int code = deliver(arguments, all_of(text));
  if (code != kSuccess) return code;
  return is_complete ? kSuccess : kFailure;
}

int report_sums(const Arguments& arguments, const Subjects& subjects) {
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
  if (filter.since_us && filter.until_us &&
      *filter.since_us >= *filter.until_us)
    return complain(
        "report: '--since' has to be before '--until', which is the first day "
        "that is left out; found " +
            std::string(*arguments.value("since")) + " and " +
            std::string(*arguments.value("until")),
        kMisused);
  std::optional<accounting::UseBilling> billing;
  if (arguments.has("units")) {
    billing = read_billing();
    if (!billing) return kFailure;
  }
  if (arguments.has("http")) {
    const bool is_answered = answer_scrape({}, [&] {
      std::string text;
      write_report(arguments, make_report(arguments, subjects, filter, billing),
                   [&text](std::string_view piece) { text += piece; });
      return text;
    });
    return is_answered ? kSuccess : kFailure;
  }
  if (const auto path = arguments.value("html")) {
    return write_page(std::string(*path), make_page(subjects.files, filter));
  }
  const UseReport report = make_report(arguments, subjects, filter, billing);
  const int code = deliver(arguments, [&](const TextSink& sink) {
    write_report(arguments, report, sink);
  });
  if (code != kSuccess) return code;
  return report.is_complete ? kSuccess : kFailure;
}

}  // namespace

int report_use(const Arguments& arguments) {
  const Subjects subjects = subjects_of(arguments);
  // A report of nothing is none; but a scrape has an answer.
  const std::string& none = subjects.files.none;
  if (!none.empty() && subjects.job) {
    auto refused =
        not_recorded(arguments.operands().front(), {}, subjects.files.paths);
    refused.text += ": " + none;
    return complain(refused);
  }
  if (!none.empty() && !arguments.has("openmetrics"))
    return complain("report: " + none);
  const bool has_files = subjects.files.absence == Absence::kIsError;
  if (has_files && which_instance(arguments) != Which::kAny)
    return complain(
        "report: '--system' and '--private' choose an instance's files, and "
        "files are named; leave one of them out",
        kMisused);
  return subjects.job ? report_job(arguments, subjects)
                      : report_sums(arguments, subjects);
}

}  // namespace cli
