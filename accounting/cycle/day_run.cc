// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/day_run.h"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "accounting/cycle/parts.h"
#include "accounting/cycle/user_exit.h"
#include "sys/directory.h"

namespace accounting {

const DayRun::Row DayRun::kRows[] = {
    {RunState::kSetup, &DayRun::set_up},
    {RunState::kVerify, &DayRun::verify},
    {RunState::kArchive1, &DayRun::archive1},
    {RunState::kBuild, &DayRun::build},
    {RunState::kArchive2, &DayRun::archive2},
    {RunState::kCms, &DayRun::summarise},
    {RunState::kReport, &DayRun::report},
    {RunState::kDrep, &DayRun::report_daemons},
    {RunState::kFef, &DayRun::format},
    {RunState::kUserExit, &DayRun::user_exit},
    {RunState::kCleanup, &DayRun::clean_up},
};

DayRun::DayRun(const Setting& setting, const RunWishes& wishes, Stamp now,
               Stamp before)
    : places_(setting.places),
      conf_(setting.conf),
      diary_(setting.diary),
      switch_pacct_(setting.switch_pacct),
      wishes_(wishes),
      now_(std::move(now)),
      before_(std::move(before)),
      moment_(now_.moment(std::time(nullptr)).value_or(std::time(nullptr))),
      folder_(places_.work() + "/" + now_.date + "/" + now_.time) {}

Outcome<void> DayRun::step(RunState state) {
  const auto* const row = std::ranges::find(kRows, state, &DayRun::Row::state);
  if (row == std::end(kRows)) return {};
  TRY((this->*row->step)());
  const auto next = static_cast<RunState>(static_cast<int>(state) + 1);
  return write_state(places_, next);
}

std::string DayRun::words_of(std::string_view label,
                             std::string_view fallback) {
  const auto value = conf_.find(label);
  (void)conf_.take_complaints();
  return value && !value->empty() ? *value : std::string(fallback);
}

Outcome<void> DayRun::must(std::string_view state, const Call& call) {
  const std::string errors = errors_file(call.errors);
  const int code = TRY(call_part(places_, {.name = call.part,
                                           .words = split_words(call.words),
                                           .input = call.input,
                                           .output = call.output,
                                           .errors = errors}));
  if (code == 0) return {};
  return stop(std::string(state) + " - " + std::string(call.part) +
              " errors\n\tSee " + errors);
}

Outcome<void> DayRun::exit_at(std::string_view state, const char* name,
                              std::string_view errors) {
  UserExit exit = {.name = name,
                   .folder = folder_,
                   .errors = errors_file(errors),
                   .variables = {}};
  struct stat status = {};
  if (::stat(folder_.c_str(), &status) < 0) exit.folder = "/";
  exit.variables = {{"ACCT_DIR", places_.root},
                    {"DAY_DIR", places_.day()},
                    {"NITE_DIR", places_.nite()},
                    {"WORK_DIR", places_.work()},
                    {"SUM_DIR", places_.sum()},
                    {"WDAY_DIR", places_.work() + "/" + now_.date},
                    {"WTIME_DIR", folder_},
                    {"SPACCT", work_file("spacct")},
                    {"PACCT", "Wpacct"},
                    {"ACTIVE", places_.nite() + "/active"},
                    {"STATEFILE", places_.nite() + "/statefile"},
                    {"LASTDATE", places_.nite() + "/clastdate"},
                    {"DATE", now_.date},
                    {"TIME", now_.time},
                    {"DTIME", now_.text()},
                    {"ALLJOBS", wishes_.takes_all ? "-A" : ""}};
  auto done = run_user_exit(places_, exit);
  if (!done)
    return stop(std::string(state) + " - " +
                done.error().text.substr(0, done.error().text.size() - 1));
  if (*done)
    diary_.note(std::string(state) + ": " + places_.exits + "/" + name +
                " complete");
  return {};
}

Outcome<void> DayRun::set_up() {
  TRY(gather_files(places_, folder_, switch_pacct_));
  diary_.note("SETUP: setup complete");
  return {};
}

Outcome<void> DayRun::verify() {
  constexpr int kNotAtAll = 2;
  if (wishes_.verify_level >= kNotAtAll) return {};
  (void)::unlink(errors_file("Ever").c_str());  // of a run that was killed
  std::vector<std::string> names;
  (void)sys::for_each_entry(AT_FDCWD, folder_.c_str(),
                            [&](const sys::DirectoryEntry& entry) {
                              const std::string name = entry.name;
                              if (name.starts_with("Wpacct"))
                                names.push_back(name);
                            });
  std::ranges::sort(names);
  for (const std::string& name : names)
    TRY(verify_file(name));
  diary_.note("VERIFY: verification complete");
  return {};
}

/// Until nothing is damaged any longer: what was cut out may have hidden more.
Outcome<void> DayRun::verify_file(const std::string& name) {
  const std::string path = work_file(name);
  constexpr int kMostRounds = 100;
  for (int round = 0; round < kMostRounds; ++round) {
    struct stat status = {};
    if (::stat(path.c_str(), &status) < 0 || status.st_size == 0) return {};
    const std::string offsets = work_file("Ever.tmp1");
    const int code =
        TRY(call_part(places_, {.name = "csaverify",
                                .words = {"-v", "-P", path, "-o", offsets},
                                .input = {},
                                .output = {},
                                .errors = errors_file("Ever"),
                                .keeps_errors = true}));
    if (code == 0) return {};
    const bool has_ranges =
        ::stat(offsets.c_str(), &status) == 0 && status.st_size > 0;
    if (wishes_.verify_level > 0 || !has_ranges)
      return stop("VERIFY - csaverify errors\n\tSee " + errors_file("Ever"));
    TRY(cut_damage(path));
  }
  return stop("VERIFY - '" + path + "' is damaged beyond repair\n\tSee " +
              errors_file("Ever"));
}

/// The first damaged state of a file is kept beside it.
Outcome<void> DayRun::cut_damage(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1;
  const std::string edited = path.substr(0, name) + "E" + path.substr(name);
  const std::string bad = path.substr(0, name) + "BAD." + path.substr(name);
  const int code = TRY(call_part(
      places_,
      {.name = "csaedit",
       .words = {"-v", "-P", path, "-o", edited, "-b", work_file("Ever.tmp1")},
       .input = {},
       .output = {},
       .errors = errors_file("Ever"),
       .keeps_errors = true}));
  if (code != 0)
    return stop("VERIFY - csaedit errors\n\tSee " + errors_file("Ever"));
  if (::link(path.c_str(), bad.c_str()) < 0 && errno != EEXIST)
    return stop("VERIFY - '" + path + "' cannot be kept as '" + bad + "'",
                errno);
  if (::rename(edited.c_str(), path.c_str()) < 0)
    return stop("VERIFY - '" + edited + "' cannot replace '" + path + "'",
                errno);
  return {};
}

Outcome<void> DayRun::archive1() {
  return exit_at("ARCHIVE1", "csa.archive1", "Earc1");
}
Outcome<void> DayRun::archive2() {
  return exit_at("ARCHIVE2", "csa.archive2", "Earc2");
}
Outcome<void> DayRun::format() {
  return exit_at("FEF", "csa.fef", "Efef");
}
Outcome<void> DayRun::user_exit() {
  return exit_at("USEREXIT", "csa.user", "Euser");
}

/// csabuild ends with 1 when it passed over something, too: then there is a
/// sorted file, and what it says is told at the end of the run.
Outcome<void> DayRun::build() {
  const std::string sorted = work_file("spacct");
  (void)::unlink(sorted.c_str());
  const int code =
      TRY(call_part(places_, {.name = "csabuild",
                              .words = split_words("-s " + sorted + " -P " +
                                                   work_file("Wpacct") + " " +
                                                   words_of("CSABUILD", "-i")),
                              .input = {},
                              .output = {},
                              .errors = errors_file("Ebld")}));
  struct stat status = {};
  if (code != 0 && ::stat(sorted.c_str(), &status) < 0)
    return stop("BUILD - csabuild errors\n\tSee " + errors_file("Ebld"));
  diary_.note("BUILD: sorted pacct accounting file complete");
  return {};
}

Outcome<void> DayRun::summarise() {
  TRY(must("CMS", {.part = "csacms",
                   .words = all() + "-S " + work_file("spacct"),
                   .output = sum_file("cms"),
                   .errors = "Ecms"}));
  diary_.note("CMS: command summaries complete");
  return {};
}

}  // namespace accounting
