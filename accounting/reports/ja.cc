// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/ja.h"

#include <regex.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "accounting/billing/sbu.h"
#include "accounting/reports/ja_flow.h"
#include "accounting/reports/ja_options.h"
#include "accounting/reports/ja_rows.h"
#include "accounting/text/account_names.h"
#include "accounting/text/quantities.h"
#include "accounting/text/shown_text.h"

namespace accounting {

namespace ja {
namespace {

/// -n: basic regular expressions of which one has to match.
class NameFilter {
 public:
  static Outcome<NameFilter> make(const std::vector<std::string>& patterns) {
    NameFilter filter;
    for (const std::string& pattern : patterns) {
      auto compiled = std::unique_ptr<regex_t, void (*)(regex_t*)>(
          new regex_t(), [](regex_t* regex) {
            ::regfree(regex);
            delete regex;
          });
      if (::regcomp(compiled.get(), pattern.c_str(), 0) != 0)
        return stop(
            "An invalid regular expression was supplied for selection "
            "by name.");
      filter.patterns_.push_back(std::move(compiled));
    }
    return filter;
  }

  [[nodiscard]] bool matches(std::string_view name) const {
    if (patterns_.empty()) return true;
    const std::string text(name.substr(0, name.find(' ')));
    for (const auto& pattern : patterns_)
      if (::regexec(pattern.get(), text.c_str(), 0, nullptr, 0) == 0)
        return true;
    return false;
  }

 private:
  std::vector<std::unique_ptr<regex_t, void (*)(regex_t*)>> patterns_;
};

/// An id that all commands of a report share: the first, and the published
/// -2 as soon as another one comes.
template <class Number>
class SharedId {
 public:
  explicit SharedId(const std::optional<Number>& selected)
      : id_(selected.value_or(static_cast<Number>(-1))) {}
  void add(Number id) {
    if (id_ == static_cast<Number>(-1))
      id_ = id;
    else if (id != id_)
      id_ = static_cast<Number>(-2);
  }
  [[nodiscard]] Number get() const { return id_; }

 private:
  Number id_;
};

struct Totals {
  explicit Totals(const Options& options)
      : uid(options.uid),
        gid(options.gid),
        project(options.project),
        jid(options.jid) {}

  Use sum;
  std::uint64_t core_himem = 0;
  std::uint64_t virt_himem = 0;
  // Of 32 bits, as published: what is more begins again.
  std::uint32_t page_swaps = 0;
  std::uint32_t minor_faults = 0;
  std::uint32_t major_faults = 0;
  int commands = 0;
  int with_memory = 0;
  int with_io = 0;
  int with_delay = 0;
  int starts = 0;
  int ends = 0;
  int configurations = 0;
  int events[4] = {};  ///< boot, file, on, off
  std::int64_t begin = 0;
  std::int64_t end = 0;
  csa::SystemName system = {};
  SharedId<std::uint32_t> uid;
  SharedId<std::uint32_t> gid;
  SharedId<std::uint64_t> project;
  SharedId<std::uint64_t> jid;

  void add(const Entry& entry, const Use& use);
  void add_time(const csa::Csa& process, const Use& use);
  void add(const csa::Configuration& configuration, bool is_command);
};

void Totals::add_time(const csa::Csa& process, const Use& use) {
  if (begin == 0 || process.btime < begin) begin = process.btime;
  const double ended = static_cast<double>(process.btime) + use.elapsed;
  if (ended > static_cast<double>(end)) end = static_cast<std::int64_t>(ended);
}

void Totals::add(const Entry& entry, const Use& use) {
  const csa::Csa& process = *entry.process;
  ++commands;
  with_memory += entry.memory != nullptr ? 1 : 0;
  with_io += entry.io != nullptr ? 1 : 0;
  with_delay += entry.delay != nullptr ? 1 : 0;
  uid.add(process.uid);
  gid.add(process.gid);
  project.add(process.prid);
  jid.add(process.jid);
  sum.user += use.user;
  sum.system += use.system;
  sum.core += use.core;
  sum.virt += use.virt;
  sum.cpu_delay += use.cpu_delay;
  sum.block_delay += use.block_delay;
  sum.swap_delay += use.swap_delay;
  sum.real_run += use.real_run;
  sum.virt_run += use.virt_run;
  sum.units += use.units;
  sum.io.chr += use.io.chr;
  sum.io.chw += use.io.chw;
  sum.io.scr += use.io.scr;
  sum.io.scw += use.io.scw;
  sum.delay.cpu_count += use.delay.cpu_count;
  sum.delay.blkio_count += use.delay.blkio_count;
  sum.delay.swapin_count += use.delay.swapin_count;
  core_himem = std::max(core_himem, use.memory.core.himem);
  virt_himem = std::max(virt_himem, use.memory.virt.himem);
  page_swaps += static_cast<std::uint32_t>(use.memory.pgswap);
  minor_faults += static_cast<std::uint32_t>(use.memory.minflt);
  major_faults += static_cast<std::uint32_t>(use.memory.majflt);
  add_time(process, use);
}

/// With -c the published report counts each twice.
void Totals::add(const csa::Configuration& configuration, bool is_command) {
  system = configuration.name;
  const int times = is_command ? 2 : 1;
  configurations += times;
  if (configuration.event < 4) events[configuration.event] += times;
}

/// The summary report, a line each.
class Summary {
 public:
  Summary(ReportText& text, const Totals& totals, const Options& options)
      : text_(text), totals_(totals), options_(options) {}

  void write(const std::string& path) {
    if (!options_.is_raw) title();
    label("Job Accounting File Name").add(path).add('\n');
    system();
    ids();
    times();
    use();
    if (options_.has_jobs) record_counts();
    if (options_.is_extended) extension();
    text_.add("System Billing Units             :    ");
    text_.fixed(totals_.sum.units, 14, 4).add('\n');
  }

 private:
  ReportText& label(std::string_view name) {
    return text_.left(name, 33).add(": ");
  }
  void title() {
    text_.add("\n\nJob CSA Accounting - ");
    text_.add(options_.is_extended ? "Extended " : "");
    text_.add("Summary Report\n======================");
    text_.add(options_.is_extended ? "=========" : "");
    text_.add("==============\n\n");
  }
  void measure(std::string_view name, double value, std::string_view unit) {
    label(name).add("   ").fixed(value, 14, 4).add(' ').add(unit).add('\n');
  }
  void count(std::string_view name, std::int64_t value) {
    label(name).number(value, 12).add('\n');
  }
  /// As published: what is wider than 9 digits moves the end, not the begin.
  void delays(std::string_view name, std::uint64_t value) {
    label(name).add("   ").number(static_cast<std::int64_t>(value), 9);
    text_.add('\n');
  }

  void system() {
    const csa::SystemName& name = totals_.system;  // empty if none was told
    label("Operating System")
        .add(std::string_view(ShownText(name.sysname)).substr(0, 25));
    text_.add(' ')
        .add(std::string_view(ShownText(name.nodename)).substr(0, 25))
        .add(' ');
    text_.add(std::string_view(ShownText(name.release)).substr(0, 41)).add(' ');
    text_.add(std::string_view(ShownText(name.version)).substr(0, 41)).add(' ');
    text_.add(std::string_view(ShownText(name.machine)).substr(0, 25))
        .add('\n');
  }

  void ids() {
    const auto id = [this](std::string_view name, const std::string& text,
                           std::int64_t number) {
      label(name).add(text).add(" (").number(number).add(")\n");
    };
    AccountNames names;
    const std::uint32_t uid = totals_.uid.get();
    const std::uint32_t gid = totals_.gid.get();
    id("User Name (ID)", names.user(uid), static_cast<std::int32_t>(uid));
    id("Group Name (ID)", names.group(gid), static_cast<std::int32_t>(gid));
    id("Project Name (ID)", "?",
       static_cast<std::int64_t>(totals_.project.get()));
    const char* const request = std::getenv("QSUB_REQNAME");
    if (request != nullptr) {
      label("Job Name (ID)").add(request).add(" (");
      text_.plain_hex(totals_.jid.get()).add(")\n");
    } else {
      label("Job ID").plain_hex(totals_.jid.get()).add('\n');
    }
  }

  void times() {
    constexpr const char* kDate = "%m/%d/%y %H:%M:%S";
    label("Report Starts").add(LocalClock::text(totals_.begin, kDate));
    text_.add('\n');
    label("Report Ends").add(LocalClock::text(totals_.end, kDate)).add('\n');
    label("Elapsed Time")
        .number(static_cast<std::int32_t>(totals_.end - totals_.begin), 12)
        .add("      Seconds\n");
    measure("User CPU Time", totals_.sum.user, "Seconds");
    measure("System CPU Time", totals_.sum.system, "Seconds");
  }

  void use() {
    constexpr double kMegabyte = 1024 * 1024;
    const Use& sum = totals_.sum;
    const auto megabytes = [](std::uint64_t bytes) {
      return static_cast<double>(static_cast<std::int64_t>(bytes)) / kMegabyte;
    };
    measure("CPU Time Core Memory Integral", sum.core, "Mbyte-seconds");
    measure("CPU Time Virtual Memory Integral", sum.virt, "Mbyte-seconds");
    measure("Maximum Core Memory Used",
            megabytes_of_kb(static_cast<double>(totals_.core_himem)), "Mbytes");
    measure("Maximum Virtual Memory Used",
            megabytes_of_kb(static_cast<double>(totals_.virt_himem)), "Mbytes");
    measure("Characters Read", megabytes(sum.io.chr), "Mbytes");
    measure("Characters Written", megabytes(sum.io.chw), "Mbytes");
    count("Logical I/O Read Requests", static_cast<std::int64_t>(sum.io.scr));
    count("Logical I/O Write Requests", static_cast<std::int64_t>(sum.io.scw));
    measure("CPU Delay", sum.cpu_delay, "Seconds");
    measure("Block I/O Delay", sum.block_delay, "Seconds");
    measure("Swap In Delay", sum.swap_delay, "Seconds");
    count("Number of Commands", totals_.commands);
  }

  void record_counts() {
    const auto part = [this](std::string_view name, int value,
                             std::size_t width, std::string_view behind) {
      text_.add(name).add('(').number(value, width).add(behind);
    };
    text_.add("-------------------------------- : -----------------\n");
    label("Number of Detail Records");
    part("mem", totals_.with_memory, 3, "),  ");
    part("io", totals_.with_io, 3, "), ");
    part("delay", totals_.with_delay, 3, ")\n");
    label("Number of Job Records");
    part("soj", totals_.starts, 3, "), ");
    part("eoj", totals_.ends, 3, ")\n");
    label("Number of Config Records");
    part("cfg", totals_.configurations, 3, "), ");
    part("boot", totals_.events[0], 2, "), ");
    part("file", totals_.events[1], 2, "), ");
    part("on", totals_.events[2], 2, "), ");
    part("off", totals_.events[3], 2, ")\n");
  }

  void extension() {
    const csa::Delay& delay = totals_.sum.delay;
    count("Number of Page Swaps",
          static_cast<std::int32_t>(totals_.page_swaps));
    count("Number of Minor Page Faults",
          static_cast<std::int32_t>(totals_.minor_faults));
    count("Number of Major Page Faults",
          static_cast<std::int32_t>(totals_.major_faults));
    delays("Number of CPU Delays", delay.cpu_count);
    delays("Number of Block I/O Delays", delay.blkio_count);
    delays("Number of Swap In Delays", delay.swapin_count);
    measure("CPU Real Run Time", totals_.sum.real_run, "Seconds");
    measure("CPU Virtual Run Time", totals_.sum.virt_run, "Seconds");
  }

  ReportText& text_;
  const Totals& totals_;
  const Options& options_;
};

class Report {
 public:
  Report(const Options& options, NameFilter names, const BillingRules& rules,
         Console& console)
      : options_(options),
        names_(std::move(names)),
        biller_(rules),
        console_(console),
        totals_(options) {}

  Outcome<void> run(EntryReader& reader, const std::string& program,
                    const std::string& path) {
    std::vector<Range> ranges;
    if (options_.ranges)
      ranges = TRY(read_ranges(*options_.ranges, reader, program, path));
    else
      ranges.push_back({.begin = 0, .end = INT64_MAX});
    for (const Range& range : ranges)
      TRY(read(reader, range, program, path));
    if (totals_.commands == 0)
      return stop("No commands were selected for the report.");
    if (options_.is_flow)
      flow_.write(console_.out(), options_.is_long, options_.is_raw);
    if (options_.is_summary)
      Summary(console_.out(), totals_, options_).write(path);
    return {};
  }

 private:
  Outcome<void> read(EntryReader& reader, const Range& range,
                     const std::string& program, const std::string& path) {
    Entry entry;
    reader.seek(static_cast<std::uint64_t>(range.begin));
    while (static_cast<std::int64_t>(reader.position()) < range.end) {
      const ReadStatus status = reader.next(entry);
      if (status == ReadStatus::kEnd) break;
      if (status != ReadStatus::kEntry) {
        console_.complain(reader.complaint() + program + ": readacctent(" +
                          path + ") error(" +
                          std::to_string(static_cast<int>(status)) + ").\n");
        return stop("An error occurred during the reading of file '" + path +
                        "' , the job accounting file.",
                    0);
      }
      take(entry);
      console_.breathe();
    }
    return {};
  }

  void take(const Entry& entry) {
    switch (entry.type()) {
      case csa::RecordType::kCsa:
        return process(entry);
      case csa::RecordType::kStartOfJob:
        return start(*entry.start);
      case csa::RecordType::kEndOfJob:
        return end(*entry.end);
      case csa::RecordType::kConfiguration:
        return configuration(*entry.configuration);
      default:
        console_.complain("An invalid daemon identifier (" +
                          std::to_string(entry.prime->type) +
                          ") was found in the header field.\n");
    }
  }

  [[nodiscard]] bool is_selected(const csa::Csa& process) const {
    return (!options_.gid || *options_.gid == process.gid) &&
           (!options_.jid || *options_.jid == process.jid) &&
           (!options_.project || *options_.project == process.prid) &&
           (!options_.uid || *options_.uid == process.uid) &&
           (!options_.session || *options_.session == process.ash) &&
           names_.matches(text_of(process.comm));
  }

  void process(const Entry& entry) {
    const csa::Csa& process = *entry.process;
    if (!is_selected(process)) return;
    Use use = use_of(entry, biller_.rules().memory_integral);
    use.units = biller_.units(entry);
    totals_.add(entry, use);
    if (options_.is_flow) flow_.add(process);
    if (options_.is_command) {
      headings();
      write_command(console_.out(), process, use, options_, clock_);
    }
    if (options_.is_other) {
      if (!options_.is_raw && totals_.commands == 1)
        write_other_headings(console_.out());
      write_other(console_.out(), process, use, clock_);
    }
  }

  void headings() {
    if (!options_.is_raw && !has_headings_)
      write_command_headings(console_.out(), options_);
    has_headings_ = true;
  }

  [[nodiscard]] bool is_shown(std::uint64_t jid, std::uint32_t uid) const {
    return options_.has_jobs || (options_.jid && *options_.jid == jid) ||
           (options_.uid && *options_.uid == uid);
  }

  void start(const csa::StartOfJob& start) {
    ++totals_.starts;
    if (!options_.is_command) return;
    headings();
    const bool is_first = start.type == 1;
    if (is_shown(start.jid, start.uid))
      write_job(console_.out(), start.jid,
                is_first ? start.btime : start.rstime,
                is_first ? "Start of Job" : "Restart of Job");
  }

  void end(const csa::EndOfJob& end) {
    ++totals_.ends;
    if (!options_.is_command) return;
    headings();
    if (is_shown(end.jid, end.uid))
      write_job(console_.out(), end.jid, end.etime, "End of Job");
  }

  void configuration(const csa::Configuration& configuration) {
    totals_.add(configuration, options_.is_command);
    if (!options_.is_command) return;
    headings();
    write_configuration(console_.out(), configuration);
  }

  const Options& options_;
  NameFilter names_;
  Biller biller_;
  Console& console_;
  Totals totals_;
  Flow flow_;
  LocalClock clock_;
  bool has_headings_ = false;
};

}  // namespace

Outcome<void> report(const Options& options, const std::string& program,
                     const std::string& path, Console& console) {
  auto names = TRY(NameFilter::make(options.names));
  CsaConf conf;
  std::string faults;
  const BillingRules rules = read_billing_rules(conf, faults);
  console.complain(conf.take_complaints());
  struct stat status = {};
  if (::stat(path.c_str(), &status) < 0 && errno != ENOENT)
    return stop("An error occurred getting the status of file '" + path + "'.",
                errno);
  if (status.st_size == 0)
    return stop("The job accounting file is empty or does not exist.");
  auto window = ByteWindow::open(path.c_str());
  if (!window)
    return stop("An error occurred during the opening of file '" + path + "'.",
                window.error().code);
  if (auto fault = fault_of_integral(rules.memory_integral); !fault.empty())
    return stop(std::move(fault));
  console.complain(faults);
  EntryReader reader(std::move(*window));
  return Report(options, std::move(names), rules, console)
      .run(reader, program, path);
}

}  // namespace ja
}  // namespace accounting
