// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/csarecy.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "accounting/build/segments.h"
#include "accounting/records/damage_text.h"
#include "accounting/records/entry_write.h"
#include "accounting/records/output_file.h"
#include "accounting/records/output_guard.h"
#include "accounting/records/sorted_file.h"
#include "accounting/request_runs.h"
#include "accounting/text/account_names.h"
#include "accounting/text/local_clock.h"
#include "accounting/text/shown_text.h"

namespace accounting {

namespace recycle {
namespace {

struct Options {
  std::string pacct = "/var/csa/work/Wpacct0";
  std::string sorted = "/var/csa/work/spacct";
  bool reports = false;       ///< -r
  bool only_reports = false;  ///< -R: nothing is written
  bool asks = false;          ///< -A
};

/// The published column shows a start only up to this moment of 2004.
constexpr std::int64_t kLatestShown = 1L << 30;

/// The report about one job: its first record that is kept.
class Lines {
 public:
  Lines(Console& console, AccountNames& names)
      : text_(console.out()), names_(names) {}

  void headings(std::int64_t boot, const csa::SystemName& system) {
    text_.add("\n\nSYSTEM BOOT TIME STARTING AT ");
    text_.add(boot != 0 ? LocalClock::text(boot) : "Unknown\n");
    text_.add("For ")
        .add(std::string_view(ShownText(system.sysname)).substr(0, 25))
        .add(' ');
    text_.add(std::string_view(ShownText(system.nodename)).substr(0, 25))
        .add(' ');
    text_.add(std::string_view(ShownText(system.release)).substr(0, 41))
        .add(' ');
    text_.add(std::string_view(ShownText(system.version)).substr(0, 41))
        .add(' ');
    text_.add(std::string_view(ShownText(system.machine)).substr(0, 25));
    text_.add(
        "\nPreserved Accounting Jobs (Jobs which are continued).\n"
        "====================================================\n\n"
        "      JOB ID          USERS      PROJECT ID            STARTED\n"
        "------------------    -----    -------------  "
        "------------------------\n");
  }

  void process(const csa::Csa& process) {
    ReportText begin;
    begin.hex(process.jid, 18).add(' ').add(user(process.uid));
    text_.left(begin.view().substr(0, 28), 28).right("?", 15).add("  ");
    if (process.btime < kLatestShown)
      text_.add(' ').right(LocalClock::text(process.btime), 24);
    else
      text_.add('\n');
  }

  void event(const Entry& entry) {
    if (const csa::StartOfJob* const start = entry.start) {
      const bool is_first = start->type == 1;
      line(start->jid, start->uid, is_first ? "SOJ" : "ROJ",
           is_first ? start->btime : start->rstime);
    } else if (const csa::EndOfJob* const end = entry.end) {
      line(end->jid, end->uid, "EOJ", end->btime);
    }
  }

  void workload(const csa::Workload& record) {
    const std::string provider(ShownText(record.serv_provider));
    if (record.jid != kNoJid) {
      line(record.jid, record.uid, provider, record.time);
      return;
    }
    text_.add("No job id          ").right(user(record.uid), 8).add("     ");
    text_.add(provider).add(" record   ").add(LocalClock::text(record.time));
  }

 private:
  std::string user(std::uint32_t uid) {
    const std::string& name = names_.user(uid);
    ReportText text;
    if (name[0] == '?')
      text.number(static_cast<std::int32_t>(uid), 8);
    else
      text.right(name, 8);
    return std::string(text.view()) + "  ";
  }
  void line(std::uint64_t jid, std::uint32_t uid, std::string_view what,
            std::int64_t time) {
    text_.hex(jid, 18).add(' ').right(user(uid), 8).add("    ").add(what);
    text_.add(" record   ").add(LocalClock::text(time));
  }

  ReportText& text_;
  AccountNames& names_;
};

/// The recycled file: before the records of each boot a boot record, whose
/// length is known when the next one comes.
class RecycledFile {
 public:
  explicit RecycledFile(OutputFile file) : file_(std::move(file)) {}

  void begin_boot(const csa::Configuration& boot,
                  const csa::SystemName& system) {
    finish_boot();
    header_ = {};
    header_.head =
        csa::make_head(csa::RecordType::kConfiguration, sizeof header_);
    header_.boottime = boot.boottime;
    header_.curtime = boot.curtime;
    header_.name = system;
    header_at_ = size_;
    add({reinterpret_cast<const char*>(&header_), sizeof header_});
  }

  void add(const Entry& entry) {
    text_.clear();
    append_entry(text_, entry);
    add(text_.view());
  }
  void count(std::uint64_t bytes) {
    header_.uptimelen += static_cast<std::int64_t>(bytes);
  }

  void finish_boot() {
    if (!header_at_) return;
    const ssize_t n = ::pwrite(file_.fd(), &header_, sizeof header_,
                               static_cast<off_t>(*header_at_));
    if (n == static_cast<ssize_t>(sizeof header_) || error_ != 0) return;
    error_ = n < 0 ? errno : ENOSPC;
  }
  /// The errno of what failed first; 0: all is in its place.
  [[nodiscard]] int commit() { return error_ != 0 ? error_ : file_.commit(); }

 private:
  void add(std::string_view bytes) {
    file_.write(bytes);
    size_ += bytes.size();
  }

  OutputFile file_;
  ReportText text_;
  csa::Configuration header_ = {};
  std::optional<std::uint64_t> header_at_;
  std::uint64_t size_ = 0;
  int error_ = 0;
};

class Recycler {
 public:
  Recycler(const Options& options, Console& console, SortedFile& sorted,
           std::optional<RecycledFile> file)
      : options_(options),
        console_(console),
        sorted_(sorted),
        file_(std::move(file)),
        lines_(console, names_) {}

  Outcome<void> run() {
    csa::Configuration boot = {};
    bool is_first = true;
    while (sorted_.next_boot(boot)) {
      if (is_first) system_ = system_of(boot.name);
      is_first = false;
      has_headings_ = false;
      csa::JobHeader job = {};
      while (sorted_.next_job(job))
        if (!has_ended(job)) TRY(preserve(boot, job));
      if (!sorted_.is_at_boots_end())
        console_.complain(gap_text(options_.sorted));
    }
    TRY(must_be_read(sorted_, "csarecy", options_.sorted));
    if (!file_) return {};
    file_->finish_boot();
    const int code = file_->commit();
    if (code == 0) return {};
    return stop("An error occurred during the writing of file '" +
                    options_.pacct + "'.",
                code);
  }

 private:
  static csa::SystemName system_of(const csa::SystemName& name) {
    csa::SystemName cut = {};
    const auto copy = [](auto& to, const auto& from, std::size_t most) {
      std::memcpy(to, from, ::strnlen(from, most));
    };
    copy(cut.sysname, name.sysname, 25);
    copy(cut.nodename, name.nodename, 25);
    copy(cut.release, name.release, 41);
    copy(cut.version, name.version, 41);
    copy(cut.machine, name.machine, 25);
    return cut;
  }

  Outcome<void> preserve(const csa::Configuration& boot,
                         const csa::JobHeader& job) {
    has_report_ = !options_.reports;
    writes_ = file_.has_value();
    is_begun_ = false;
    bytes_ = 0;
    using Part = SortedFile::Part;
    for (const Part part : {Part::kWorkload, Part::kProcesses, Part::kEvents}) {
      sorted_.go_to(job, part);
      for (std::int32_t i = 0; i < SortedFile::count(job, part); ++i) {
        Entry entry;
        if (!sorted_.next_entry(entry))
          return stop("An error occurred during the reading of file '" +
                      options_.sorted + "' " + names_of(part) + ".");
        if (entry.process != nullptr && entry.process->jid == 0 &&
            part == Part::kProcesses)
          return {};  // no job's
        keep(boot, job, entry);
      }
    }
    if (file_) file_->count(bytes_);
    return {};
  }

  static std::string names_of(SortedFile::Part part) {
    if (part == SortedFile::Part::kWorkload)
      return "workload management record";
    return part == SortedFile::Part::kProcesses ? "process record"
                                                : "soj, eoj, or cfg record";
  }

  void keep(const csa::Configuration& boot, const csa::JobHeader& job,
            const Entry& entry) {
    if (!has_report_) report(boot, entry);
    if (!writes_) return;
    if (!is_begun_ && job.btime > begun_until_) {
      file_->begin_boot(boot, system_);
      begun_until_ = boot.curtime;
    }
    is_begun_ = true;
    file_->add(entry);
    bytes_ += written_size(entry);
  }

  void report(const csa::Configuration& boot, const Entry& entry) {
    has_report_ = true;
    if (!has_headings_) lines_.headings(boot.boottime, system_);
    has_headings_ = true;
    if (entry.workload != nullptr)
      lines_.workload(*entry.workload);
    else if (entry.process != nullptr)
      lines_.process(*entry.process);
    else
      lines_.event(entry);
    if (options_.asks) writes_ = ask();
  }

  /// Whether to keep the job; an end of the input is a yes.
  bool ask() {
    for (;;) {
      console_.out().add("Preserve this Job? (Y/n) ");
      console_.flush();
      char answer[80];
      if (std::fgets(answer, sizeof answer, stdin) == nullptr) return true;
      if (answer[0] == 'y' || answer[0] == 'Y') return true;
      if (answer[0] == 'n' || answer[0] == 'N') return false;
      console_.out().add("Please reply either Y(es) or n(o).\n");
    }
  }

  const Options& options_;
  Console& console_;
  SortedFile& sorted_;
  std::optional<RecycledFile> file_;
  AccountNames names_;
  Lines lines_;
  csa::SystemName system_ = {};
  bool has_headings_ = false;
  bool has_report_ = false;
  bool writes_ = false;
  bool is_begun_ = false;
  std::int64_t begun_until_ = 0;  ///< the stop of the last boot record
  std::uint64_t bytes_ = 0;
};

Outcome<void> run(const CommandLine& line, Console& console) {
  Options options;
  if (const auto* const path = line.value('P')) options.pacct = *path + "0";
  if (const auto* const path = line.value('s')) options.sorted = *path;
  options.asks = line.has('A');
  options.only_reports = line.has('R');
  options.reports = options.asks || options.only_reports || line.has('r');
  const auto opening = [](const std::string& path, int code) {
    return stop("An error occurred during the opening of file '" + path + "'.",
                code);
  };
  auto window = ByteWindow::open(options.sorted.c_str());
  if (!window) return opening(options.sorted, window.error().code);
  SortedFile sorted(std::move(*window));
  std::optional<RecycledFile> file;
  if (!options.only_reports) {
    TRY(must_differ(options.pacct, options.sorted));
    auto output = OutputFile::create(options.pacct);
    if (!output) return opening(options.pacct, errno);
    file.emplace(std::move(*output));
  }
  return Recycler(options, console, sorted, std::move(file)).run();
}

}  // namespace
}  // namespace recycle

int csarecy_command(const CommandLine& line, Console& console) {
  if (line.has('A') && ::isatty(STDIN_FILENO) == 0)
    console.complain("The (-A) option is only valid in interactive mode.\n");
  if (line.has('A') && line.has('R')) {
    console.complain("The (-A) and the (-R) options are mutually exclusive.\n");
    return kWrongUse;
  }
  const auto done = recycle::run(line, console);
  return done ? 0 : console.give_up(done.error());
}

}  // namespace accounting
