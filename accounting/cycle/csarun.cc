// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/csarun.h"

#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <optional>
#include <utility>

#include "accounting/billing/holidays.h"
#include "accounting/billing/sbu.h"
#include "accounting/billing/unknown_labels.h"
#include "accounting/cycle/day_run.h"
#include "accounting/cycle/diary.h"
#include "accounting/cycle/run_lock.h"
#include "accounting/cycle/run_state.h"
#include "accounting/cycle/switched_file.h"
#include "accounting/records/output_file.h"
#include "core/number_text.h"
#include "sys/directory.h"

namespace accounting {

namespace {

/// What the command line asks for. A restart names the minute of its run.
struct Request {
  bool takes_all = false;
  std::optional<int> verify_level;
  bool is_restart = false;
  std::string date;
  std::string time;  ///< "": that of the last run
  std::optional<RunState> state;
};

Outcome<Request> read_request(const CommandLine& line) {
  Request request;
  request.takes_all = line.has('A');
  if (const auto* const level = line.value('V')) {
    const auto number = core::parse_number(*level, 2);
    if (!number)
      return stop("'" + *level + "': expected a verify level of 0, 1 or 2");
    request.verify_level = static_cast<int>(*number);
  }
  const auto& words = line.operands;
  if (words.empty()) return request;
  if (words.size() > 3)
    return stop("called with invalid arguments: expected MMDD hhmm STATE");
  request.is_restart = true;
  request.date = words[0];
  if (words.size() > 1) request.time = words[1];
  if (!parse_stamp(request.date, words.size() > 1 ? request.time : "0000"))
    return stop("'" + request.date + (words.size() > 1 ? " " : "") +
                request.time + "': expected MMDD hhmm");
  if (words.size() < 3) return request;
  request.state = state_of(words[2]);
  if (request.state && *request.state != RunState::kComplete) return request;
  std::string names;
  for (int i = 0; i < static_cast<int>(RunState::kComplete); ++i)
    names += " " + std::string(name_of(static_cast<RunState>(i)));
  return stop("'" + words[2] + "' is no state: expected one of" + names);
}

bool is_there(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0;
}

/// The folder of a run that was killed before its first state.
void remove_none(const std::string& folder) {
  (void)::unlink((folder + "/setup.begun").c_str());
  (void)::rmdir(folder.c_str());
}

class Csarun {
 public:
  Csarun(const Places& places, CsaConf& conf, Console& console,
         const SwitchPacct& switch_pacct)
      : places_(places),
        conf_(conf),
        switch_pacct_(switch_pacct),
        diary_(places, console, "csarun", "active") {}

  int run(const Request& request);

 private:
  Outcome<void> make_folders() const;
  Outcome<void> must_have_room() const;
  Outcome<void> begin(const Request& request);
  Outcome<void> begin_again(const Request& request);
  Outcome<void> choose_state(const Request& request);
  Outcome<void> must_be_complete(const LastRuns& runs) const;
  Outcome<void> make_work() const;
  Outcome<void> do_states();
  void forget(const Stamp& stamp) const;
  [[nodiscard]] std::string folder_of(const Stamp& stamp) const {
    return places_.work() + "/" + stamp.date + "/" + stamp.time;
  }
  [[nodiscard]] std::string advice() const;

  const Places& places_;
  CsaConf& conf_;
  const SwitchPacct& switch_pacct_;
  Diary diary_;
  Stamp started_ = stamp_of(std::time(nullptr));  ///< names its errors
  Stamp now_;
  Stamp before_;
  RunWishes wishes_;
  bool has_begun_ = false;  ///< statefile is this run's
};

int Csarun::run(const Request& request) {
  if (const auto made = make_folders(); !made) {
    diary_.alarm(made.error().text);
    return made.error().code;
  }
  auto lock = RunLock::take(places_.nite() + "/lock", "csarun");
  if (!lock) {
    diary_.alarm(lock.error().text);
    return lock.error().code;
  }
  const std::string kept = places_.nite() + "/active" + started_.text();
  remove_leftovers(places_.nite());
  remove_leftovers(places_.sum());
  auto done = diary_.begin();
  if (done && !lock->leftover().empty())
    diary_.note("the run that began " + lock->leftover() +
                " did not end by itself; its lock is taken over");
  if (done) done = must_have_room();
  if (done) done = request.is_restart ? begin_again(request) : begin(request);
  if (done) done = do_states();
  if (!done) return diary_.fail(done.error(), kept, advice());
  diary_.note("system accounting completed");
  diary_.announce("*** CSA JOB ACCOUNTING COMPLETE " +
                  date_text(std::time(nullptr)) + " ***");
  return 0;
}

Outcome<void> Csarun::make_folders() const {
  for (const std::string& folder :
       {places_.root, places_.day(), places_.nite(), places_.sum(),
        places_.fiscal(), places_.work()})
    TRY(make_folder(places_, folder));
  return {};
}

std::string Csarun::advice() const {
  if (!has_begun_) return "Nothing was changed.\n";
  const auto state = read_state(places_);
  return "When that is mended, go on with: csarun " + now_.date + " " +
         now_.time +
         (state ? "   (state " + std::string(name_of(*state)) + ")"
                : std::string()) +
         "\n";
}

Outcome<void> Csarun::must_have_room() const {
  const std::uint64_t free = TRY(free_blocks(places_.file_system));
  const std::uint64_t wanted = places_.least_free + used_blocks(places_.day());
  if (free > wanted) return {};
  return stop("Insufficient space in " + places_.file_system + "\n\t" +
              std::to_string(wanted) + " blocks needed, " +
              std::to_string(free) + " blocks exist");
}

Outcome<void> Csarun::must_be_complete(const LastRuns& runs) const {
  const RunState state = TRY(read_state(places_));
  if (state == RunState::kComplete) return {};
  return stop(
      "previous accounting errors MUST be corrected\n\tbefore new "
      "accounting data can be processed: the last run is in state " +
      std::string(name_of(state)) + ".\n\tIt goes on with: csarun " +
      runs.last.date + " " + runs.last.time);
}

/// Files of an earlier run that tell of its errors.
void Csarun::forget(const Stamp& stamp) const {
  (void)sys::for_each_entry(
      AT_FDCWD, places_.nite().c_str(), [&](const sys::DirectoryEntry& entry) {
        const std::string name = entry.name;
        const bool is_told =
            (name.starts_with('E') && name.ends_with(stamp.text())) ||
            name == "active" + stamp.text();
        if (is_told) (void)::unlink((places_.nite() + "/" + name).c_str());
      });
}

Outcome<void> Csarun::make_work() const {
  TRY(make_folder(places_, places_.work() + "/" + now_.date));
  return make_folder(places_, folder_of(now_));
}

Outcome<void> Csarun::begin(const Request& request) {
  const LastRuns runs = TRY(read_last_runs(places_));
  TRY(must_be_complete(runs));
  now_ = started_;
  // Killed before its first state it has done nothing: it was no run.
  const bool was_none = is_there(folder_of(runs.last));
  before_ = was_none ? runs.before : runs.last;
  if (before_ == now_)
    return stop("acct already run for " + now_.text() + "\n\tSee " +
                places_.nite() + "/clastdate");
  wishes_ = {.takes_all = request.takes_all,
             .verify_level = request.verify_level.value_or(0)};
  if (was_none && !(runs.last == now_)) remove_none(folder_of(runs.last));
  forget(before_);
  TRY(make_work());
  TRY(note_begin(places_, folder_of(now_), wishes_));
  TRY(write_last_runs(places_, {.last = now_, .before = before_}));
  TRY(write_state(places_, RunState::kSetup));
  has_begun_ = true;
  diary_.note("starting accounting");
  diary_.announce("*** CSA JOB ACCOUNTING STARTED " +
                  date_text(std::time(nullptr)) + " ***");
  return {};
}

Outcome<void> Csarun::begin_again(const Request& request) {
  const LastRuns runs = TRY(read_last_runs(places_));
  now_ = {.date = request.date,
          .time = request.time.empty() ? runs.last.time : request.time};
  if (!(now_ == runs.last))
    return stop("specified date/time (" + now_.date + "/" + now_.time +
                ") do not match\n\tthose in " + places_.nite() +
                "/clastdate (" + runs.last.date + "/" + runs.last.time + ")");
  before_ = runs.before;
  TRY(choose_state(request));
  wishes_ = TRY(noted_wishes(folder_of(now_)));
  if (request.takes_all) wishes_.takes_all = true;
  if (request.verify_level) wishes_.verify_level = *request.verify_level;
  has_begun_ = true;
  (void)::unlink((places_.nite() + "/active" + now_.text()).c_str());
  const RunState state = TRY(read_state(places_));
  diary_.note("restarting accounting for " + now_.date + " at " + now_.time);
  diary_.more("with state " + std::string(name_of(state)));
  diary_.announce("*** CSA JOB ACCOUNTING RESTARTED for " + now_.date + "/" +
                  now_.time + " ***");
  return {};
}

/// The one that is asked for, or the one in statefile; BUILD where the sorted
/// file that it reads is not there.
Outcome<void> Csarun::choose_state(const Request& request) {
  const std::string folder = folder_of(now_);
  RunState state = TRY(read_state(places_));
  if (request.state) state = *request.state;
  if (state == RunState::kComplete)
    return stop("the run of " + now_.date + "/" + now_.time +
                " is complete: there is nothing to go on with");
  if (state != RunState::kCleanup && !is_there(folder))
    return stop("cannot restart for " + now_.date + "/" + now_.time + ",\n\t" +
                folder + " does not exist!");
  if (state > RunState::kBuild && state < RunState::kUserExit &&
      !is_there(folder + "/spacct")) {
    diary_.note("no " + folder + "/spacct for state " +
                std::string(name_of(state)) + ": going on with BUILD");
    state = RunState::kBuild;
  }
  return write_state(places_, state);
}

Outcome<void> Csarun::do_states() {
  DayRun day({.places = places_,
              .conf = conf_,
              .diary = diary_,
              .switch_pacct = switch_pacct_},
             wishes_, now_, before_);
  for (;;) {
    const RunState state = TRY(read_state(places_));
    if (state == RunState::kComplete) return {};
    TRY(day.step(state));
  }
}

/// Gives up on a configuration by which a day's files would not be taken, or
/// be billed with nothing, or at other hours than the site's.
Outcome<void> must_be_configured(CsaConf& conf, const Places& places,
                                 Console& console) {
  const std::string where = "'" + conf.path() + "'";
  if (!is_there(conf.path()))
    return stop("csarun: there is no configuration " + where +
                ": expected /etc/csa.conf or /etc/csa.toml, or another file in "
                "CSACONFIG (csa.toml(5))");
  const bool has_weights = conf.find("P_BASIC") || conf.find("NP_BASIC") ||
                           conf.find("P_TIME") || conf.find("NP_TIME");
  console.complain(conf.take_complaints());  // of a line that is wrong
  if (!has_weights)
    return stop("csarun: " + where +
                " has no weights ([prime] and [nonprime], P_ and NP_ in "
                "csa.conf): each bill would be 0");
  if (places.pacct != places.day() + "/pacct")
    return stop("csarun: " + where + ": PACCT_FILE: '" + places.pacct +
                "': expected '" + places.day() +
                "/pacct': the files of a day are taken from there");
  std::string faults;
  (void)read_holidays(holidays_file(conf), faults);
  if (!faults.empty())
    return stop(
        "csarun: nothing is billed by a holidays file that is wrong:\n" +
        faults);
  return {};
}

}  // namespace

int csarun(const CommandLine& line, Console& console,
           const SwitchPacct& switch_pacct) {
  const auto request = read_request(line);
  if (!request) {
    console.complain("csarun: " + request.error().text);
    return kWrongUse;
  }
  CsaConf conf;
  const auto places = read_places(conf, console);
  if (!places) return console.give_up(places.error());
  console.complain(told_unknown_labels(conf));
  if (const auto complete = must_be_configured(conf, *places, console);
      !complete)
    return console.give_up(complete.error());
  (void)::umask(places->mask);
  return Csarun(*places, conf, console, switch_pacct).run(*request);
}

}  // namespace accounting
