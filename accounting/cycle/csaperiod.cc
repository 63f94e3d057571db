// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/csaperiod.h"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <vector>

#include "accounting/cycle/diary.h"
#include "accounting/cycle/fee_file.h"
#include "accounting/cycle/parts.h"
#include "accounting/cycle/places.h"
#include "accounting/cycle/run_lock.h"
#include "accounting/cycle/run_state.h"
#include "accounting/cycle/stamp.h"
#include "accounting/cycle/user_exit.h"
#include "accounting/next_file.h"
#include "accounting/records/output_file.h"
#include "accounting/text/local_clock.h"
#include "accounting/text/report_pages.h"
#include "sys/directory.h"

namespace accounting {

namespace {

struct Period {
  Stamp begin = {.date = "0101", .time = "0000"};
  Stamp end = {.date = "1231", .time = "2359"};
  bool removes = false;

  /// Also one over the new year, as from 1201 to 0131.
  [[nodiscard]] bool has(const Stamp& stamp) const {
    const std::string text = stamp.text();
    const bool is_behind = text >= begin.text();
    const bool is_before = text <= end.text();
    return begin.text() <= end.text() ? is_behind && is_before
                                      : is_behind || is_before;
  }
};

/// MMDDhhmm, or MMDD with `time`.
Outcome<Stamp> read_end(char letter, const std::string& text,
                        const std::string& time) {
  const bool is_short = text.size() == 4;
  const auto stamp =
      text.size() < 4
          ? std::nullopt
          : parse_stamp(text.substr(0, 4), is_short ? time : text.substr(4));
  if (stamp) return *stamp;
  return stop(std::string("-") + letter + " '" + text +
              "': expected MMDDhhmm, as 11302359");
}

Outcome<Period> read_period(const CommandLine& line) {
  Period period;
  if (!line.operands.empty())
    return stop("'" + line.operands.front() + "': expected options only");
  if (const auto* const text = line.value('s'))
    period.begin = TRY(read_end('s', *text, "0000"));
  if (const auto* const text = line.value('e'))
    period.end = TRY(read_end('e', *text, "2359"));
  period.removes = line.has('r');
  return period;
}

class Csaperiod {
 public:
  Csaperiod(const Places& places, CsaConf& conf, Console& console,
            const Period& period)
      : places_(places),
        conf_(conf),
        diary_(places, console, "csaperiod", "pdact"),
        period_(period) {}

  int run();

 private:
  Outcome<void> work();
  Outcome<void> finish_removal();
  Outcome<void> remove_unfinished();
  Outcome<void> must_be_complete() const;
  Outcome<void> must_have_room() const;
  void find_files();
  Outcome<void> add_up(const FeeFile& fees);
  Outcome<void> write_report();
  Outcome<void> run_exit();
  Outcome<void> remove_daily(FeeFile& fees);

  struct Call {
    std::string_view part;
    std::vector<std::string> words;
    std::string output;
    std::string_view errors;
    std::string input = {};
  };
  Outcome<void> must(const Call& call);
  [[nodiscard]] std::string fiscal_file(std::string_view name) const {
    return places_.fiscal() + "/" + std::string(name) + "." + now_.text();
  }
  [[nodiscard]] std::string errors_file(std::string_view name) const {
    return places_.nite() + "/" + std::string(name) + "." + now_.text();
  }
  [[nodiscard]] std::string removal_path() const {
    return places_.nite() + "/pdremove";
  }
  /// The stamp of the run that is at work, or was killed.
  [[nodiscard]] std::string begun_path() const {
    return places_.nite() + "/pdbegun";
  }
  [[nodiscard]] std::string between() const;

  const Places& places_;
  CsaConf& conf_;
  Diary diary_;
  Period period_;
  std::time_t moment_ = std::time(nullptr);
  Stamp now_ = stamp_of(moment_);
  std::vector<std::string> daily_;     ///< cacct and dacct files
  std::vector<std::string> commands_;  ///< cms files
};

std::string node_name() {
  utsname system = {};
  return ::uname(&system) < 0 ? "?" : system.nodename;
}

int Csaperiod::run() {
  for (const std::string& folder : {places_.nite(), places_.fiscal()})
    if (const auto made = make_folder(places_, folder); !made) {
      diary_.alarm(made.error().text);
      return made.error().code;
    }
  auto lock = RunLock::take(places_.nite() + "/pdlock", "csaperiod");
  if (!lock) {
    diary_.alarm(lock.error().text);
    return lock.error().code;
  }
  remove_leftovers(places_.nite());
  remove_leftovers(places_.fiscal());
  auto done = diary_.begin();
  if (done) done = work();
  if (done) return 0;
  return diary_.fail(done.error(), places_.nite() + "/pdact." + now_.text(),
                     "When that is mended, run csaperiod again.\n");
}

Outcome<void> Csaperiod::work() {
  TRY(finish_removal());
  TRY(remove_unfinished());
  TRY(must_be_complete());
  TRY(must_have_room());
  find_files();
  const std::string span = period_.begin.text() + " to " + period_.end.text();
  if (daily_.empty()) {
    diary_.note("No data for period " + span);
    diary_.complain("no data for period " + span + " in " + places_.sum() +
                    "\n");
    return {};
  }
  diary_.note("start periodic data reporting for " + span);
  FeeFile fees = TRY(FeeFile::hold(places_));
  TRY(put_file(places_, begun_path(), now_.text() + "\n"));
  TRY(add_up(fees));
  TRY(write_report());
  TRY(run_exit());
  if (period_.removes) TRY(remove_daily(fees));
  (void)::unlink(begun_path().c_str());
  if (const auto files = error_files(places_, now_); !files.empty())
    diary_.warn(files);
  diary_.note("periodic accounting done");
  return {};
}

/// Data of a run that is not complete cannot be used yet.
Outcome<void> Csaperiod::must_be_complete() const {
  const LastRuns runs = TRY(read_last_runs(places_));
  if (!period_.has(runs.last)) return {};
  const RunState state = TRY(read_state(places_));
  if (state == RunState::kComplete) return {};
  return stop("Data from the csarun invocation on " + runs.last.shown() +
              "\n\tcan't be used until csarun errors are fixed: its state is " +
              std::string(name_of(state)) + ".\n\tIt goes on with: csarun " +
              runs.last.date + " " + runs.last.time);
}

Outcome<void> Csaperiod::must_have_room() const {
  const std::uint64_t free = TRY(free_blocks(places_.file_system));
  if (free > places_.least_free) return {};
  return stop("Insufficient space in " + places_.file_system + "\n\t" +
              std::to_string(places_.least_free) + " blocks needed, " +
              std::to_string(free) + " blocks available");
}

/// KIND.MMDDhhmm of the period, with something in it.
void Csaperiod::find_files() {
  (void)sys::for_each_entry(
      AT_FDCWD, places_.sum().c_str(), [&](const sys::DirectoryEntry& entry) {
        const std::string name = entry.name;
        const std::string path = places_.sum() + "/" + name;
        const std::size_t dot = name.find('.');
        const std::string kind = name.substr(0, dot);
        if (dot == std::string::npos || name.size() != dot + 9) return;
        const auto stamp =
            parse_stamp(name.substr(dot + 1, 4), name.substr(dot + 5));
        if (!stamp || !period_.has(*stamp) || !has_size(path)) return;
        if (kind == "cacct" || kind == "dacct") daily_.push_back(path);
        if (kind == "cms") commands_.push_back(path);
      });
  std::ranges::sort(daily_);
  std::ranges::sort(commands_);
}

Outcome<void> Csaperiod::must(const Call& call) {
  const std::string errors = errors_file(call.errors);
  const int code = TRY(call_part(places_, {.name = call.part,
                                           .words = call.words,
                                           .input = call.input,
                                           .output = call.output,
                                           .errors = errors}));
  if (code == 0) return {};
  return stop(std::string(call.part) + " errors. See " + errors);
}

Outcome<void> Csaperiod::add_up(const FeeFile& fees) {
  std::vector<std::string> words = daily_;
  if (!fees.path().empty()) words.push_back(fees.path());
  TRY(must({.part = "csaaddc",
            .words = words,
            .output = fiscal_file("pdacct"),
            .errors = "Eaddc"}));
  diary_.note("periodic condensed data file complete");
  words = {"-s"};
  words.insert(words.end(), commands_.begin(), commands_.end());
  TRY(must({.part = "csacms",
            .words = words,
            .output = fiscal_file("cms"),
            .errors = "Ecms"}));
  diary_.note("command summary data file complete");
  return {};
}

std::string Csaperiod::between() const {
  const auto text = [](const Stamp& stamp) {
    return stamp.shown().substr(0, 5) + " at " + stamp.shown().substr(6);
  };
  return node_name() + " FROM " + text(period_.begin) + " TO " +
         text(period_.end);
}

Outcome<void> Csaperiod::write_report() {
  const std::string table = fiscal_file("cmsrpt");
  const std::string records = fiscal_file("Trprt");
  TRY(must({.part = "csacms",
            .words = {"-a", "-s", fiscal_file("cms")},
            .output = table,
            .errors = "Ecmd"}));
  diary_.note("command summary report complete");
  const auto wanted = conf_.find("CSACREP");
  (void)conf_.take_complaints();
  auto words = split_words(wanted && !wanted->empty() ? *wanted : "-hucw");
  words.emplace_back("-db");
  TRY(must({.part = "csacrep",
            .words = words,
            .output = records,
            .errors = "Ecrep",
            .input = fiscal_file("pdacct")}));
  diary_.note("periodic report complete");
  const std::string date = LocalClock::text(moment_, "%Y-%m-%d %H:%M");
  const std::string head = between() + "\n\n";
  std::string text = on_pages(head + TRY(get_file(records)).value_or(""),
                              "PERIODIC USAGE REPORT", date);
  text += on_pages(head + TRY(get_file(table)).value_or(""), "COMMAND SUMMARY",
                   date);
  TRY(put_file(places_, fiscal_file("rprt"), text));
  (void)::unlink(table.c_str());
  (void)::unlink(records.c_str());
  return {};
}

Outcome<void> Csaperiod::run_exit() {
  UserExit exit = {
      .name = "csa.puser",
      .folder = places_.fiscal(),
      .errors = errors_file("Epuser"),
      .variables = {{"ACCT_DIR", places_.root},
                    {"DAY_DIR", places_.day()},
                    {"NITE_DIR", places_.nite()},
                    {"SUM_DIR", places_.sum()},
                    {"FISCAL_DIR", places_.fiscal()},
                    {"ACTIVE", places_.nite() + "/pdact"},
                    {"PDDATA", "pdacct"},
                    {"PDRPT", "rprt"},
                    {"DTIME", now_.text()},
                    {"SYSNAME", node_name()},
                    {"SITEHDR", "SITE SUMMARY REPORT"},
                    {"BTWMSG", between().substr(node_name().size() + 1)}}};
  const bool is_done = TRY(run_user_exit(places_, exit));
  if (is_done) diary_.note(places_.exits + "/csa.puser complete");
  return {};
}

Outcome<void> Csaperiod::remove_daily(FeeFile& fees) {
  const std::string charged = fiscal_file("fee");
  std::string list = "fee " + std::to_string(fees.size()) + " " + charged +
                     " " + std::to_string(fees.number()) + "\n";
  for (const auto* const files : {&daily_, &commands_})
    for (const std::string& path : *files)
      list += path + "\n";
  if (fees.size() > 0) {
    const auto text = TRY(get_file(fees.path()));
    TRY(put_file(places_, charged, text.value_or("")));
  }
  fees = FeeFile();  // finish_removal() holds it itself
  TRY(put_file(places_, removal_path(), list));
  TRY(finish_removal());
  diary_.note("daily condensed data files removed");
  return {};
}

/// What a run left that was killed before its period was made: the same days
/// would stand in two files, and be charged twice.
Outcome<void> Csaperiod::remove_unfinished() {
  const auto begun = TRY(get_file(begun_path()));
  const auto lines = lines_of(begun.value_or(""));
  if (lines.empty()) return {};
  const std::string end = "." + std::string(lines[0]);
  std::vector<std::string> left;
  (void)sys::for_each_entry(
      AT_FDCWD, places_.fiscal().c_str(),
      [&](const sys::DirectoryEntry& entry) {
        if (std::string_view(entry.name).ends_with(end))
          left.push_back(places_.fiscal() + "/" + entry.name);
      });
  for (const std::string& path : left)
    (void)::unlink(path.c_str());
  sync_folder(places_.fiscal());
  (void)::unlink(begun_path().c_str());
  diary_.note("files of a run that did not finish removed: *" + end);
  return {};
}

/// Of this run, or of one that was killed while it removed.
Outcome<void> Csaperiod::finish_removal() {
  const auto list = TRY(get_file(removal_path()));
  if (!list) return {};
  const auto lines = lines_of(*list);
  for (std::size_t i = 1; i < lines.size(); ++i)
    (void)::unlink(std::string(lines[i]).c_str());
  sync_folder(places_.sum());
  const auto fee = split_words(lines.empty() ? "" : lines[0]);
  if (fee.size() >= 3 && fee[0] == "fee" && fee[1] != "0") {
    FeeFile fees = TRY(FeeFile::hold(places_));
    // Another file: they were taken away, and these came later.
    const bool is_same =
        fee.size() == 3 || fee[3] == std::to_string(fees.number());
    const auto charged = TRY(get_file(std::string(fee[2])));
    if (is_same) TRY(fees.remove(places_, charged.value_or("")));
  }
  (void)::unlink(begun_path().c_str());  // first: the period is made
  sync_folder(places_.nite());
  (void)::unlink(removal_path().c_str());
  sync_folder(places_.nite());
  return {};
}

}  // namespace

int csaperiod_command(const CommandLine& line, Console& console) {
  const auto period = read_period(line);
  if (!period) {
    console.complain("csaperiod: " + period.error().text);
    return kWrongUse;
  }
  CsaConf conf;
  const auto places = read_places(conf, console);
  if (!places) return console.give_up(places.error());
  (void)::umask(places->mask);
  return Csaperiod(*places, conf, console, *period).run();
}

}  // namespace accounting
