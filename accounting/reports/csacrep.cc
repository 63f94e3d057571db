// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacrep.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "accounting/bounded_sum.h"
#include "accounting/records/summary_file.h"
#include "accounting/text/account_names.h"
#include "accounting/text/quantities.h"

namespace accounting {

namespace csacrep {
namespace {

struct Options {
  bool has_headings = false;
  bool is_full = false;
  bool is_by_project = false;
  bool is_by_user = false;
  bool has_both_times = false;  ///< -n: prime and non-prime apart
  bool has_project_id = false;
  bool has_job = false;
  bool has_group = false;
  bool has_cpu = false;
  bool has_delays = false;
  bool has_io = false;
  bool has_faults = false;
  bool has_counts = false;
  bool has_disk = false;
  bool has_fees = false;
};

struct OptionLetter {
  char letter;
  bool Options::* member;
};
// clang-format off: a table
constexpr OptionLetter kLetters[] = {
    {'b', &Options::has_fees},       {'c', &Options::has_cpu},
    {'d', &Options::has_disk},       {'f', &Options::is_full},
    {'g', &Options::has_group},      {'h', &Options::has_headings},
    {'J', &Options::has_job},        {'j', &Options::has_counts},
    {'n', &Options::has_both_times}, {'P', &Options::has_project_id},
    {'p', &Options::is_by_project},  {'V', &Options::has_faults},
    {'u', &Options::is_by_user},     {'w', &Options::has_delays},
    {'x', &Options::has_io},
};
// clang-format on

/// Which part of the day a row shows.
enum class Part : std::uint8_t { kAll, kPrime, kNonprime };

csa::Use use_of(const csa::Consolidated& record, Part part) {
  if (part == Part::kPrime) return record.prime;
  if (part == Part::kNonprime) return record.nonprime;
  csa::Use all = record.prime;
  const csa::Use& other = record.nonprime;
  all.cpu += other.cpu;
  add_bounded(all.chars, other.chars);
  add_bounded(all.requests, other.requests);
  add_bounded(all.minor_faults, other.minor_faults);
  add_bounded(all.major_faults, other.major_faults);
  all.kcore += other.kcore;
  all.kvirt += other.kvirt;
  all.cpu_delay += other.cpu_delay;
  all.block_delay += other.block_delay;
  all.swap_delay += other.swap_delay;
  return all;
}

struct Cell {
  ReportText& text;
  const csa::Consolidated& record;
  const csa::Use& use;
  Part part;
  AccountNames& names;
};

void job_cell(const Cell& cell) {
  cell.text.add(' ');
  if (cell.record.jid == csa::kNoLongId)
    cell.text.right("Unknown", 18);
  else
    cell.text.hex(cell.record.jid, 18);
}

void group_cell(const Cell& cell) {
  const std::string& name = cell.names.group(cell.record.gid);
  cell.text.add(' ').left(name[0] == '?' ? "Unknown" : name, 7, 7);
}

void part_cell(const Cell& cell) {
  cell.text.add("       ").add(cell.part == Part::kNonprime ? 'N' : 'P');
}

void cpu_cells(const Cell& cell) {
  cell.text.add(' ').fixed(cell.use.cpu, 8, 0);
  cell.text.add(' ').fixed(cell.use.kcore, 8, 0);
  cell.text.add(' ').fixed(cell.use.kvirt, 8, 0);
}

void delay_cells(const Cell& cell) {
  cell.text.add(' ').fixed(cell.use.cpu_delay, 8, 0);
  cell.text.add(' ').fixed(cell.use.block_delay, 8, 0);
  cell.text.add(' ').fixed(cell.use.swap_delay, 8, 0);
}

void io_cells(const Cell& cell) {
  cell.text.add(' ').fixed(static_cast<double>(cell.use.chars) / 1024.0, 8, 0);
  cell.text.add(' ').number(cell.use.requests, 8);
}

void fault_cells(const Cell& cell) {
  cell.text.add(' ').number(cell.use.minor_faults, 8);
  cell.text.add(' ').number(cell.use.major_faults, 8);
}

void count_cells(const Cell& cell) {
  cell.text.add(' ').number(cell.record.processes, 8);
  cell.text.add(' ').number(cell.record.jobs, 8);
}

void disk_cells(const Cell& cell) {
  cell.text.add(' ').fixed(cell.record.disk_use, 8, 0);
  cell.text.add(' ').number(cell.record.disk_samples, 8);
}

void fee_cells(const Cell& cell) {
  cell.text.add(' ').fixed(cell.record.fee, 8, 2);
  cell.text.add(' ').fixed(cell.record.sbu, 8, 2);
}

/// A group of columns behind those of the names.
struct Column {
  bool Options::* is_wanted;
  bool is_of_both_times;  ///< also in the row of non-prime time
  std::string_view headings[3];
  void (*write)(const Cell&);
};
// clang-format off: a table
constexpr Column kColumns[] = {
    {&Options::has_job, true,
     {"        JOB        ", "        ID         ", " =================="}, job_cell},
    {&Options::has_group, true, {"  GROUP ", "  NAME  ", " ======="}, group_cell},
    {&Options::has_both_times, true, {" PRIME/ ", " N-PRIME", " ======="}, part_cell},
    {&Options::has_cpu, true,
     {"  CPU-TIM  KCORE *  KVIRT *", "  [SECS]   CPU-MIN  CPU-MIN",
      " ======== ======== ========"}, cpu_cells},
    {&Options::has_delays, true,
     {"        DELAY [SECS]       ", "   CPU     BLOCK     SWAP  ",
      " ======== ======== ========"}, delay_cells},
    {&Options::has_io, true,
     {"  K-CHARS LOG-I/O ", "  XFERRED REQUESTS", " ======== ========"}, io_cells},
    {&Options::has_faults, true,
     {"    MINOR    MAJOR", "    FAULTS   FAULTS", "  ======== ========"}, fault_cells},
    {&Options::has_counts, false,
     {"   # OF     # OF  ", "   PROCS    JOBS  ", " ======== ========"}, count_cells},
    {&Options::has_disk, false,
     {"   DISK     DISK  ", "  BLOCKS   SAMPLES", " ======== ========"}, disk_cells},
    {&Options::has_fees, false,
     {"    FEE     SBUs  ", "                  ", " ======== ========"}, fee_cells},
};
// clang-format on

class Report {
 public:
  Report(const Options& options, Console& console)
      : options_(options), text_(console.out()) {}

  void headings() {
    const std::string_view first[] = {"PROJECT    USER    LOGIN  ",
                                      options_.has_project_id
                                          ? "  ID        ID     NAME   "
                                          : " NAME       ID     NAME   ",
                                      "======== ======== ========"};
    for (std::size_t line = 0; line < 3; ++line) {
      text_.add(first[line]);
      for (const Column& column : kColumns)
        if (options_.*column.is_wanted) text_.add(column.headings[line]);
      text_.add('\n');
    }
  }

  void record(const csa::Consolidated& record) {
    if (options_.is_full) {
      full(record);
      return;
    }
    if (options_.has_headings && !has_headings_) headings();
    has_headings_ = true;
    if (!options_.has_both_times) {
      row(record, Part::kAll);
      return;
    }
    row(record, Part::kPrime);
    row(record, Part::kNonprime);
  }

 private:
  std::string_view user(std::uint32_t uid) {
    const std::string& name = names_.user(uid);
    return name[0] == '?' ? std::string_view("Unknown") : name;
  }

  void row(const csa::Consolidated& record, Part part) {
    if (options_.has_project_id)
      text_.left_number(static_cast<std::int64_t>(record.prid), 8);
    else
      text_.left("Unknown", 8);
    text_.add(' ');
    if (record.uid == csa::kNoId)
      text_.left("Unknown", 8);
    else
      text_.left_number(static_cast<std::int32_t>(record.uid), 8);
    text_.add(' ').left(user(record.uid), 8, 8);
    const csa::Use use = use_of(record, part);
    const Cell cell = {.text = text_,
                       .record = record,
                       .use = use,
                       .part = part,
                       .names = names_};
    for (const Column& column : kColumns)
      if (options_.*column.is_wanted &&
          (column.is_of_both_times || part != Part::kNonprime))
        column.write(cell);
    text_.add('\n');
  }

  void full_identity(const csa::Consolidated& record) {
    text_.add("Project Name / PRID :  Unknown / ");
    text_.left_number(static_cast<std::int64_t>(record.prid), 5);
    text_.add("  Login Name / UID   : ").right(user(record.uid), 8, 8);
    text_.add(" / ");
    if (record.uid == csa::kNoId)
      text_.add("Unknown\n");
    else
      text_.number(static_cast<std::int32_t>(record.uid)).add('\n');
    text_.add("No. of Processes   : ").number(record.processes, 8);
    text_.add("           No. of Jobs        : ").number(record.jobs, 8);
    text_.add("\nDisk Blocks        : ").fixed(record.disk_use, 8, 0);
    text_.add("           Disk Samples       : ");
    text_.number(record.disk_samples, 8).add("\nJob Id             : ");
    if (record.jid == csa::kNoLongId) {
      text_.right("Unknown", 8).spaces(11);
    } else {
      ReportText jid;
      jid.hex(record.jid);
      text_.left(jid.view(), 18).add(' ');
    }
    const std::string& group = names_.group(record.gid);
    text_.add("Group Id           : ");
    text_.right(group[0] == '?' ? " Unknown" : group, 8, 8);
    text_.add("\nFee                : ").fixed(record.fee, 8, 2);
    text_.add("           SBU's              : ").fixed(record.sbu, 8, 2);
    text_.add("\n                              --------------------\n");
  }

  void pair(std::string_view label, double prime, double nonprime,
            std::string_view unit, int precision = 0) {
    text_.left(label, 23).add("(P/N) : ").fixed(prime, 8, precision);
    text_.add(" / ").fixed(nonprime, 8, precision).add(' ').add(unit);
    text_.add('\n');
  }
  void pair(std::string_view label, std::int64_t prime, std::int64_t nonprime) {
    text_.left(label, 23).add("(P/N) : ").number(prime, 8).add(" / ");
    text_.number(nonprime, 8).add(" \n");
  }

  void full(const csa::Consolidated& record) {
    const csa::Use& p = record.prime;
    const csa::Use& np = record.nonprime;
    full_identity(record);
    pair("CPU time", p.cpu, np.cpu, " seconds");
    pair("KCORE * CPU Time", p.kcore, np.kcore, " Kbytes * mins");
    pair("KVIRT * CPU Time", p.kvirt, np.kvirt, " Kbytes * mins");
    pair("Total K-Chars Xferred", static_cast<double>(p.chars) / 1024.0,
         static_cast<double>(np.chars) / 1024.0, "", 2);
    pair("Total Log. I/O Req.", p.requests, np.requests);
    pair("Total Minor Faults", p.minor_faults, np.minor_faults);
    pair("Total Major Faults", p.major_faults, np.major_faults);
    pair("CPU Delay", p.cpu_delay, np.cpu_delay, " seconds");
    pair("Block I/O Delay", p.block_delay, np.block_delay, " seconds");
    pair("Swap In Delay", p.swap_delay, np.swap_delay, " seconds");
    const auto seconds = [](std::int64_t usec) {
      return seconds_of_usec(static_cast<double>(usec));
    };
    text_.add("Number of Batch Requests       : ").number(record.requests, 8);
    text_.add("\nTotal User CPU Time          : ");
    text_.fixed(seconds(record.request_utime), 8, 4);
    text_.add(" seconds\nTotal System CPU Time        : ");
    text_.fixed(seconds(record.request_stime), 8, 4).add(" seconds\n\n");
    text_.add(std::string(80, '=')).add("\n\n");
  }

  const Options& options_;
  ReportText& text_;
  AccountNames names_;
  bool has_headings_ = false;
};

/// By project or user first, each as a difference of 32 bits, as published.
void sort_records(std::vector<csa::Consolidated>& records, bool is_by_project) {
  const auto difference = [](std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int32_t>(a - b);
  };
  std::ranges::stable_sort(records, [&](const auto& a, const auto& b) {
    const std::int32_t by_project = difference(a.prid, b.prid);
    const std::int32_t by_user = difference(a.uid, b.uid);
    const std::int32_t first = is_by_project ? by_project : by_user;
    const std::int32_t second = is_by_project ? by_user : by_project;
    return first != 0 ? first < 0 : second < 0;
  });
}

/// `name`: of what is read, for messages.
Outcome<void> run(const Options& options, core::Result<ByteWindow> window,
                  const std::string& name, Console& console) {
  if (!window)
    return stop("An error occurred during the opening of file '" + name + "'.",
                window.error().code);
  SummaryReader<csa::Consolidated> reader(std::move(*window),
                                          csa::consolidated_head());
  Report report(options, console);
  csa::Consolidated record = {};
  std::vector<csa::Consolidated> records;
  while (reader.next(record)) {
    if (options.is_by_project || options.is_by_user) {
      records.push_back(record);
      continue;
    }
    report.record(record);
    console.breathe();
  }
  sort_records(records, options.is_by_project);
  for (const csa::Consolidated& sorted : records)
    report.record(sorted);
  if (reader.rest() == 0) return {};
  return stop("csacrep: File '" + name + "': " + std::to_string(reader.rest()) +
              " bytes at offset " + std::to_string(reader.position()) +
              " are no consolidated records and are left out.");
}

int run(const CommandLine& line, core::Result<ByteWindow> window,
        const std::string& name, Console& console) {
  Options options;
  for (const auto& row : kLetters)
    options.*row.member = line.has(row.letter);
  if (options.is_by_project && options.is_by_user) {
    console.complain("The (-p) and the (-u) options are mutually exclusive.\n");
    return kWrongUse;
  }
  const auto done = run(options, std::move(window), name, console);
  return done ? 0 : console.give_up(done.error());
}

}  // namespace
}  // namespace csacrep

int csacrep_command(const CommandLine& line, Console& console) {
  return csacrep::run(line, ByteWindow::of(sys::UniqueFd(::dup(STDIN_FILENO))),
                      "stdin", console);
}

int csacrep_of_file(const CommandLine& line, const std::string& path,
                    Console& console) {
  return csacrep::run(line, ByteWindow::open(path.c_str()), path, console);
}

}  // namespace accounting
