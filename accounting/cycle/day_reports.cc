// SPDX-License-Identifier: Apache-2.0
// The states REPORT, DREP and CLEANUP. A report is on pages of pr(1); its parts
// stay in sum/ until CLEANUP, for the user exits.
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "accounting/cycle/day_run.h"
#include "accounting/cycle/login_log.h"
#include "accounting/next_file.h"
#include "accounting/text/local_clock.h"
#include "accounting/text/report_pages.h"

namespace accounting {

namespace {

constexpr std::size_t kCommandLines = 51;  // of the daily table

std::string first_lines(const std::string& text, std::size_t count) {
  std::string result;
  for (const std::string_view line : lines_of(text)) {
    if (count-- == 0) break;
    result.append(line).append("\n");
  }
  return result;
}

Outcome<std::string> text_in(const std::string& path) {
  return TRY(get_file(path)).value_or("");
}

}  // namespace

std::string DayRun::system_line() const {
  utsname system = {};
  if (::uname(&system) < 0) return "?";
  return std::string(system.nodename) + " (Rel " + system.release + ", " +
         system.sysname + ")";
}

/// `begin`: what stands between the system's line and the subject's.
std::string DayRun::on_day_pages(const std::string& begin,
                                 std::string_view subject,
                                 const std::string& text,
                                 std::string_view title) const {
  std::string whole = system_line() + "\n" + begin + "\n";
  whole.append(subject).append(" BETWEEN ").append(before_.shown());
  whole.append("   AND   ").append(now_.shown()).append("\n\n").append(text);
  return on_pages(whole, title, LocalClock::text(moment_, "%Y-%m-%d %H:%M"));
}

Outcome<void> DayRun::report() {
  const std::string sorted = work_file("spacct");
  const std::string consolidated = sum_file("cacct");
  TRY(must("REPORT", {.part = "csacon",
                      .words = all() + "-s " + sorted,
                      .output = consolidated,
                      .errors = "Econ"}));
  TRY(recycle());
  TRY(must("REPORT", {.part = "csacrep",
                      .words = words_of("CSACREP", "-hucw"),
                      .output = sum_file("conrpt"),
                      .errors = "Ecrpt",
                      .input = consolidated}));
  const std::string table = work_file("cmsrpt");
  TRY(must("REPORT",
           {.part = "csacms",
            .words = all() + words_of("CSACMS", "-Sacj") + " " + sorted,
            .output = table,
            .errors = "Ecmd"}));
  const std::string rows = TRY(text_in(table));
  TRY(put_file(places_, sum_file("cmsrpt"), first_lines(rows, kCommandLines)));
  TRY(update_login_log(places_, consolidated, moment_));
  const std::string text = TRY(report_text());
  // DREP adds to what is here, however often it is done.
  TRY(put_file(places_, work_file("rprt"), text));
  TRY(put_file(places_, sum_file("rprt"), text));
  diary_.note("REPORT: report processing complete");
  return {};
}

/// Jobs that go on are in day/pacct0 for the next run, unless all were taken.
Outcome<void> DayRun::recycle() {
  const std::string recycled = work_file("Rpacct0");
  if (!wishes_.takes_all)
    TRY(must("REPORT",
             {.part = "csarecy",
              .words = words_of("CSARECY", "-r") + " -s " +
                       work_file("spacct") + " -P " + work_file("Rpacct"),
              .output = sum_file("recyrpt"),
              .errors = "Erec"}));
  else
    (void)::unlink(sum_file("recyrpt").c_str());
  return put_back(wishes_.takes_all ? std::string() : recycled);
}

/// What an earlier try of this run put there goes, also if there is nothing.
Outcome<void> DayRun::put_back(const std::string& path) {
  const std::string place = places_.day() + "/pacct0";
  const std::string mark = work_file("setup.recycled");
  struct stat status = {};
  if (path.empty() || !has_size(path)) {
    if (::stat(mark.c_str(), &status) == 0) (void)::unlink(place.c_str());
    sync_folder(places_.day());
    return {};
  }
  TRY(put_file(places_, mark, place + "\n"));
  mode_t mode =
      0664;  // csacom reads it; others if they may read what is written
  if (::stat(places_.pacct.c_str(), &status) == 0)
    mode &= status.st_mode | 0660;
  if (::chmod(path.c_str(), mode) < 0 ||
      (places_.group && ::chown(path.c_str(), -1U, *places_.group) < 0 &&
       errno != EPERM) ||
      ::rename(path.c_str(), place.c_str()) < 0)
    return stop("REPORT - '" + path + "' cannot be moved to '" + place + "'",
                errno);
  sync_folder(places_.day());
  return {};
}

Outcome<std::string> DayRun::report_text() {
  const std::string whose = wishes_.takes_all
                                ? "INCLUDES ALL JOBS INFORMATION\n"
                                : "INCLUDES ONLY JOBS COMPLETED\n";
  std::string text =
      on_day_pages(whose, "CONSOLIDATED INFORMATION REPORT",
                   TRY(text_in(sum_file("conrpt"))), "DAILY REPORT");
  const std::string unfinished = TRY(text_in(sum_file("recyrpt")));
  const std::string_view none =
      wishes_.takes_all
          ? "Terminated and unterminated job data was reported.\n \tNo jobs "
            "were recycled as a result.\n "
          : "\tNo unfinished jobs found.\n ";
  if (!unfinished.empty())
    text += on_day_pages("\n", "UNFINISHED JOBS RECYCLED", unfinished,
                         "UNFINISHED JOBS");
  else
    text += on_pages("\n\n" + std::string(none) + system_line() + "\n",
                     "UNFINISHED JOBS",
                     LocalClock::text(moment_, "%Y-%m-%d %H:%M"));
  const std::string disk = TRY(text_in(work_file("Wdtmp")));
  if (!disk.empty())
    text += on_day_pages("\n", "DISK USAGE REPORT", disk, "DISK USAGE REPORT");
  text +=
      on_day_pages(whose, "COMMAND INFORMATION REPORT",
                   TRY(text_in(sum_file("cmsrpt"))), "DAILY COMMAND SUMMARY");
  const std::string logins = TRY(text_in(places_.sum() + "/loginlog"));
  constexpr std::size_t kColumns = 3;
  constexpr std::size_t kWidth = 72;
  if (!logins.empty())
    text += on_day_pages("\n", "LAST LOGIN INFORMATION",
                         in_columns(logins, kColumns, kWidth),
                         "LAST LOGIN INFORMATION");
  return text;
}

Outcome<void> DayRun::report_daemons() {
  TRY(must("DREP", {.part = "csadrep",
                    .words = all() + words_of("CSADREP", "-a") + " -s " +
                             work_file("spacct"),
                    .output = sum_file("drpt"),
                    .errors = "Edrpt"}));
  const auto begin = TRY(get_file(work_file("rprt")));
  if (!begin)
    return stop("DREP - '" + work_file("rprt") +
                "' is not there: go on with REPORT");
  std::string text = *begin;
  const std::string use = TRY(text_in(sum_file("drpt")));
  if (!use.empty())
    text += on_day_pages(wishes_.takes_all ? "INCLUDES ALL JOBS INFORMATION\n"
                                           : "INCLUDES ONLY JOBS COMPLETED\n",
                         "DAEMON USAGE REPORT", use, "DAEMON USAGE REPORT");
  TRY(put_file(places_, sum_file("rprt"), text));
  diary_.note("DREP: daemon report processing complete");
  return {};
}

void DayRun::remove_work() const {
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
  (void)::rmdir((places_.work() + "/" + now_.date).c_str());  // if it is empty
  sync_folder(places_.work());
}

Outcome<void> DayRun::clean_up() {
  const std::string disk = work_file("Wdiskcacct");
  if (::rename(disk.c_str(), sum_file("dacct").c_str()) < 0 && errno != ENOENT)
    return stop("CLEANUP - '" + disk + "' cannot be moved to '" +
                    sum_file("dacct") + "'",
                errno);
  sync_folder(places_.sum());
  remove_work();
  for (const std::string_view name : {"recyrpt", "conrpt", "cmsrpt", "drpt"})
    (void)::unlink(sum_file(name).c_str());
  if (const auto files = error_files(places_, now_); !files.empty())
    diary_.warn(files);
  diary_.note("CLEANUP: cleanup complete");
  return {};
}

}  // namespace accounting
