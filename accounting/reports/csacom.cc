// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacom.h"

#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <memory>
#include <optional>

#include "accounting/billing/csa_conf.h"
#include "accounting/billing/sbu.h"
#include "accounting/records/damage_text.h"
#include "accounting/records/entry_blocks.h"
#include "accounting/records/entry_write.h"
#include "accounting/records/output_file.h"
#include "accounting/reports/csacom_columns.h"
#include "accounting/reports/csacom_options.h"
#include "accounting/reports/csacom_selection.h"
#include "accounting/text/progress.h"
#include "accounting/text/shown_text.h"

namespace accounting {

namespace csacom {
namespace {

constexpr std::int64_t kDay = 86400;

struct Totals {
  int configurations = 0;
  int starts = 0;
  int ends = 0;
  int processes = 0;

  void add(const Totals& other) {
    configurations += other.configurations;
    starts += other.starts;
    ends += other.ends;
    processes += other.processes;
  }
};

void write_configuration(ReportText& text,
                         const csa::Configuration& configuration) {
  const csa::SystemName& name = configuration.name;
  text.add("*** System: ").add(ShownText(name.sysname)).add(' ');
  text.add(ShownText(name.nodename)).add(' ').add(ShownText(name.release));
  text.add(' ').add(ShownText(name.version)).add(' ');
  text.add(ShownText(name.machine)).add('\n');
  const bool is_boot = configuration.event == 0;
  constexpr std::string_view kEvents[] = {"boot record ", "file switched at ",
                                          "started at ", "stopped at "};
  const std::size_t event = configuration.event;
  text.add("*** Accounting ").add(event < 4 ? kEvents[event] : "changed at ");
  text.add(LocalClock::text(
      is_boot ? configuration.boottime : configuration.curtime, "%T %D"));
  text.add('\n');
  if (is_boot) return;
  text.add("    Kernel & Daemon mask = 0")
      .padded_octal(configuration.kdmask, 5);
  text.add(", Record mask = 0").padded_octal(configuration.rmask, 5);
  text.add('\n');
}

void write_event(ReportText& text, std::uint64_t jid, std::uint32_t uid,
                 std::string_view time, std::string_view event) {
  text.hex(jid, 18).add(' ').number(static_cast<std::int32_t>(uid), 8);
  text.add(' ').add(time).add(' ').add(event);
}

/// What a block of a file becomes: rows, and how many of each kind.
struct Piece {
  ReportText text;
  Totals totals;
  bool is_last = false;
};

class BlockWriter {
 public:
  BlockWriter(const Options& options, const Bounds& bounds, int integral)
      : options_(options),
        judge_(options, bounds, integral),
        rows_(options.columns) {}

  /// A piece is about as long as the one before it.
  void begin() {
    piece_ = {.text = ReportText(last_size_ + last_size_ / 16), .totals = {}};
  }
  bool entry(const Entry& entry) {
    if (entry.process != nullptr && entry.prime == &entry.process->head)
      return options_.shows_jobs || process(entry);
    return other(entry);
  }
  Piece finish() {
    last_size_ = piece_.text.size();
    return std::move(piece_);
  }

 private:
  bool process(const Entry& entry) {
    Facts facts;
    const Verdict verdict = judge_.process(entry, facts);
    if (verdict == Verdict::kLast) piece_.is_last = true;
    if (verdict != Verdict::kShown) return verdict != Verdict::kLast;
    if (options_.output_file.empty()) {
      rows_.write(piece_.text, facts);
      ++piece_.totals.processes;
    } else {
      append_entry(piece_.text, entry);
    }
    return true;
  }

  bool other(const Entry& entry) {
    if (entry.end != nullptr) return end(*entry.end);
    if (entry.start != nullptr) return start(*entry.start);
    if (entry.configuration != nullptr && options_.shows_configurations)
      return configuration(*entry.configuration);
    if (options_.shows_jobs || entry.workload != nullptr) return true;
    return entry.process == nullptr || process(entry);
  }

  bool end(const csa::EndOfJob& end) {
    if (!options_.shows_jobs || !judge_.is_shown(end)) return true;
    ReportText& text = piece_.text;
    write_event(text, end.jid, end.uid, clock_.time_of_day(end.etime),
                "E-O-Job");
    text.add(' ').number(static_cast<std::int64_t>(end.corehimem), 10);
    text.add(' ').number(static_cast<std::int64_t>(end.virthimem), 10);
    text.add(' ').number(end.nice, 4);
    text.add(' ').number(static_cast<std::int32_t>(end.gid), 8).add('\n');
    ++piece_.totals.ends;
    return true;
  }

  bool start(const csa::StartOfJob& start) {
    if (!options_.shows_jobs || !judge_.is_shown(start)) return true;
    const bool is_first = start.type == 1;
    write_event(piece_.text, start.jid, start.uid,
                clock_.time_of_day(is_first ? start.btime : start.rstime),
                is_first ? "S-O-Job" : "R-O-Job");
    piece_.text.add('\n');
    ++piece_.totals.starts;
    return true;
  }

  bool configuration(const csa::Configuration& configuration) {
    if (!judge_.is_shown(configuration)) return true;
    ++piece_.totals.configurations;
    write_configuration(piece_.text, configuration);
    return true;
  }

  Options options_;
  Judge judge_;
  RowWriter rows_;
  LocalClock clock_;
  Piece piece_;
  std::size_t last_size_ = 0;
};

constexpr std::string_view kJobHeadings =
    "            JOB ID  USER ID     TIME   EVENT CORE_HIMEM VIRT_HIMEM NICE "
    "GROUP_ID\n";

constexpr const char* kStandardInput = "(stdin)";

/// One report: the options, and what is summed up over its files.
class Report {
 public:
  Report(const Options& options, int integral, Console& console)
      : options_(options), integral_(integral), console_(console) {}

  Outcome<void> open_output() {
    if (options_.output_file.empty()) return {};
    output_ = OutputFile::create(options_.output_file);
    if (output_) return {};
    return stop(
        "Error occured opening output file '" + options_.output_file + "'.",
        errno);
  }

  /// `path` null: standard input.
  Outcome<void> file(const std::string* path);

  /// Puts the output file, if there is one, into its place.
  Outcome<void> finish();

  [[nodiscard]] int exit_code() const { return code_; }

 private:
  Outcome<void> read(ByteWindow window, const std::string& name);
  void heading(std::int64_t first);
  core::Result<void> forwards(const ByteWindow& window, const std::string& name,
                              const Bounds& bounds);
  void backwards(ByteWindow window, const Bounds& bounds);
  void dates(ByteWindow window, const std::string& name);
  void date_line(std::int64_t time, std::string_view what);
  void date_change(std::int64_t time);
  void take(const Piece& piece);
  void summary();
  void damage(const std::string& name, const DamagedRange& range) {
    console_.complain(damage_text("csacom", name, range));
    code_ = 1;
  }

  const Options options_;
  int integral_;
  Console& console_;
  std::optional<OutputFile> output_;
  Totals totals_;
  int code_ = 0;
  bool has_read_ = false;
  int day_ = 0;             ///< -W
  std::int64_t begin_ = 0;  ///< the midnight of that day
  std::int64_t now_ = 0;
};

void Report::heading(std::int64_t first) {
  ReportText& text = console_.out();
  const Bounds bounds = bounds_of(options_.selection, first);
  text.add("  \nACCOUNTING RECORDS FROM:   ").add(LocalClock::text(first));
  const auto bound = [&](std::int64_t relative, std::string_view label,
                         std::int64_t time) {
    if (relative != 0) text.add(label).add(LocalClock::text(time));
  };
  const Selection& asked = options_.selection;
  bound(asked.started_after, "START AFT: ", bounds.started_after);
  bound(asked.existing_before, "START BEF: ", bounds.existing_before);
  bound(asked.existing_after, "END AFTER: ", bounds.existing_after);
  // The bound as it was before it was moved to the next day.
  Selection alone = asked;
  alone.existing_before = 0;
  bound(asked.ended_before,
        "END BEFORE: ", bounds_of(alone, first).ended_before);
  if (!options_.has_headings || !options_.output_file.empty()) return;
  text.add(options_.shows_jobs ? kJobHeadings : headings(options_.columns));
}

void Report::take(const Piece& piece) {
  totals_.add(piece.totals);
  if (output_) {
    output_->write(piece.text.view());
    return;
  }
  console_.flush();
  console_.write(piece.text.view());
}

core::Result<void> Report::forwards(const ByteWindow& window,
                                    const std::string& name,
                                    const Bounds& bounds) {
  Progress progress(window.size(), Progress::Rows::kMeanwhile);
  return for_each_block<Piece>(
      window, 0, [&] { return BlockWriter(options_, bounds, integral_); },
      [&](const BlockResult<Piece>& block) {
        take(block.piece);
        for (const DamagedRange& range : block.damages)
          damage(name, range);
        progress.show(block.end);
        return !block.piece.is_last;
      });
}

void Report::backwards(ByteWindow window, const Bounds& bounds) {
  EntryReader reader(std::move(window));
  BlockWriter writer(options_, bounds, integral_);
  reader.seek(reader.size());
  writer.begin();
  Entry entry;
  bool goes_on = true;
  while (goes_on && reader.previous(entry) == ReadStatus::kEntry) {
    goes_on = writer.entry(entry);
    if (reader.position() % 1024 != 0) continue;
    take(writer.finish());
    writer.begin();
  }
  console_.complain(reader.complaint());
  take(writer.finish());
}

void Report::date_line(std::int64_t time, std::string_view what) {
  ReportText& text = console_.out();
  text.add(" Day ").number(day_, 4).add(":  ");
  text.right(LocalClock::text(time), 24, 24).add(" - ").add(what).add('\n');
}

void Report::date_change(std::int64_t time) {
  now_ = time;
  const std::int64_t midnight = midnight_of(time);
  if (midnight <= begin_) return;
  day_ += static_cast<int>((midnight - begin_) / kDay);
  date_line(time, "date change.");
  begin_ = midnight;
}

void Report::dates(ByteWindow window, const std::string& name) {
  ResilientReader reader(std::move(window));
  Entry entry;
  bool is_first = true;
  for (;;) {
    const bool is_entry = reader.next(entry);
    if (reader.damage()) damage(name, *reader.damage());
    if (!is_entry) break;
    if (is_first) {
      now_ = std::time(nullptr);
      begin_ = midnight_of(begin_of(entry));
      date_line(begin_ + LocalClock::seconds_west(), "first record.");
    } else if (entry.process != nullptr) {
      date_change(entry.process->btime);
    }
    if (entry.configuration != nullptr &&
        (!is_first || options_.shows_configurations) &&
        (is_first || entry.process == nullptr))
      write_configuration(console_.out(), *entry.configuration);
    is_first = false;
  }
  date_line(now_, "last record.");
}

void Report::summary() {
  if (!options_.output_file.empty()) return;
  const auto line = [this](int count, std::string_view kind) {
    ReportText& text = console_.out();
    text.add("***  ");
    if (count > 0)
      text.number(count);
    else
      text.add("No");
    text.add(' ').add(kind).add(" records selected\n");
  };
  if (options_.shows_configurations)
    line(totals_.configurations, "Configuration");
  if (options_.shows_jobs) {
    line(totals_.starts, "Start-of-job");
    line(totals_.ends, "End-of-job");
  } else {
    line(totals_.processes, "Process");
  }
}

Outcome<void> Report::read(ByteWindow window, const std::string& name) {
  const auto unreadable = [&](const std::string& complaint, int code) {
    console_.complain(complaint);
    return stop("Error occured reading file '" + name + "'", code);
  };
  auto twin = window.twin();
  if (!twin) return unreadable("", twin.error().code);
  Entry first;
  std::string complaint;
  std::int64_t begin = 0;
  if (options_.is_backwards) {
    EntryReader reader(std::move(*twin));
    reader.seek(reader.size());
    if (reader.previous(first) != ReadStatus::kEntry)
      return unreadable(reader.complaint(), 0);
    begin = begin_of(first);
  } else {
    ResilientReader reader(std::move(*twin));
    // As published: standard input was last asked whether it is a terminal.
    const int code = name == kStandardInput ? ENOTTY : 0;
    if (!reader.next(first))
      return unreadable(reader.reader().complaint(), code);
    begin = begin_of(first);
  }
  if (options_.shows_dates) {
    dates(std::move(window), name);
  } else {
    heading(begin);
    const Bounds bounds = bounds_of(options_.selection, begin);
    if (options_.is_backwards)
      backwards(std::move(window), bounds);
    else if (auto done = forwards(window, name, bounds); !done)
      return unreadable("", done.error().code);
  }
  summary();
  has_read_ = true;
  return {};
}

Outcome<void> Report::file(const std::string* path) {
  const std::string name = path == nullptr ? kStandardInput : *path;
  auto window = path == nullptr
                    ? ByteWindow::of(sys::UniqueFd(::dup(STDIN_FILENO)))
                    : ByteWindow::open(path->c_str());
  if (window) return read(std::move(*window), name);
  console_.complain(
      with_system_error("Failed to open '" + name + "'", window.error().code));
  code_ = 1;
  return {};
}

Outcome<void> Report::finish() {
  // What was there stays if nothing could be read.
  if (!output_ || !has_read_) return {};
  const int code = output_->commit();
  if (code == 0) return {};
  return stop("An error occurred during the writing of file '" +
                  options_.output_file + "'.",
              code);
}

Outcome<int> run(const CommandLine& line, Console& console) {
  CsaConf conf;
  const int integral = conf.integer("MEMINT", 1);
  console.complain(conf.take_complaints());
  if (const auto fault = placed_fault_of_integral(conf, integral);
      !fault.empty())
    console.complain("Invalid value for MEMORY_INTEGRAL.\n" + fault);
  Options options = TRY(read_options(line, console));
  const bool is_terminal = ::isatty(STDIN_FILENO) != 0;
  if (line.operands.empty() && !is_terminal) options.is_backwards = false;
  Report report(options, integral, console);
  TRY(report.open_output());
  for (const std::string& path : line.operands)
    TRY(report.file(&path));
  if (line.operands.empty() && is_terminal) {
    const std::string path = conf.text("PACCT_FILE", "/var/csa/day/pacct");
    console.complain(conf.take_complaints());
    TRY(report.file(&path));
  } else if (line.operands.empty()) {
    TRY(report.file(nullptr));
  }
  TRY(report.finish());
  return report.exit_code();
}

}  // namespace
}  // namespace csacom

int csacom_command(const CommandLine& line, Console& console) {
  const auto code = csacom::run(line, console);
  return code ? *code : console.give_up(code.error());
}

}  // namespace accounting
