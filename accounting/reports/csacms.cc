// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacms.h"

#include <algorithm>
#include <numeric>

#include "accounting/bounded_sum.h"
#include "accounting/records/damage_text.h"
#include "accounting/records/entry_blocks.h"
#include "accounting/records/sorted_file.h"
#include "accounting/records/summary_file.h"
#include "accounting/reports/command_table.h"
#include "accounting/text/progress.h"

namespace accounting {

namespace csacms {
namespace {

struct Options {
  bool is_text = false;
  bool shows_prime = true;
  bool shows_nonprime = true;
  bool is_extended = false;
  bool is_by_cpu = false;
  bool is_by_number = false;
  bool joins_singles = false;
  bool reads_summaries = false;
  bool reads_sorted = false;
  bool takes_all = false;
};

/// Why the letters contradict each other; "": they do not.
std::string_view fault_of(const CommandLine& line, const Options& options) {
  if ((line.has('p') || line.has('o') || line.has('e')) && !options.is_text)
    return "-p or -o or -e requires ascii (-a) output to be enabled\n";
  if (options.takes_all && !options.reads_sorted)
    return "-A requires sorted pacct file input format (-S) to be enabled\n";
  if (options.reads_summaries && options.reads_sorted)
    return "Cannot specify both internal summary and sorted pacct format for "
           "input files.\n";
  if (options.is_by_cpu && options.is_by_number)
    return "Cannot enable sorting by both CPU time and # of command "
           "invocations at the same time.\n";
  return {};
}

Options read_options(const CommandLine& line) {
  Options options;
  options.is_text = line.has('a');
  options.shows_nonprime = !line.has('p') || line.has('o');
  options.shows_prime = !line.has('o') || line.has('p');
  options.is_extended = line.has('e');
  options.is_by_cpu = line.has('c');
  options.is_by_number = line.has('n');
  options.joins_singles = line.has('j');
  options.reads_summaries = line.has('s');
  options.reads_sorted = line.has('S');
  options.takes_all = line.has('A');
  return options;
}

/// The use that the options ask for.
csa::CommandUse shown_use(const csa::CommandSummary& summary,
                          const Options& options) {
  if (options.shows_prime != options.shows_nonprime)
    return options.shows_prime ? summary.prime : summary.nonprime;
  csa::CommandUse all = summary.prime;
  add_use(all, summary.nonprime);
  return all;
}

constexpr std::string_view kHeadings[] = {
    "COMMAND            NUMBER        TOTAL        TOTAL      TOTAL        "
    "TOTAL      MEAN      MEAN     MEAN    HOG     K-CHARS     K-CHARS",
    "NAME                   OF     (KCORE-      (KVIRT-         CPU         "
    "REAL      SIZE      SIZE      CPU FACTOR        READ     WRITTEN",
    "                 COMMANDS     MINUTES)     MINUTES)  (MINUTES)    "
    "(MINUTES)     KCORE     KVIRT (MINUTES)                               "};
constexpr std::string_view kExtendedHeadings[] = {
    "    HI WATER    HI WATER   LOGICAL   LOGICAL     SYSTEM     MINOR     "
    "MAJOR         CPU   BLOCK I/O     SWAP IN",
    " CORE MEMORY VIRT MEMORY     READS    WRITES       TIME    FAULTS    "
    "FAULTS       DELAY       DELAY       DELAY",
    "    (KBYTES)    (KBYTES)                      (MINUTES)                   "
    "    (MINUTES)   (MINUTES)   (MINUTES)"};

class Table {
 public:
  Table(const Options& options, Console& console)
      : options_(options), console_(console) {}

  void headings() {
    ReportText& text = console_.out();
    text.spaces(35);
    if (options_.shows_prime && options_.shows_nonprime) {
      text.add("TOTAL COMMAND SUMMARY");
      if (options_.is_extended) text.spaces(35).add("EXTENDED REPORT");
    } else {
      text.add(options_.shows_prime ? "PRIME TIME COMMAND SUMMARY"
                                    : "NON-PRIME TIME COMMAND SUMMARY");
    }
    text.add("\n\n");
    for (std::size_t i = 0; i < std::size(kHeadings); ++i) {
      text.add(kHeadings[i]);
      if (options_.is_extended) text.add(kExtendedHeadings[i]);
      text.add('\n');
    }
  }

  void row(const csa::CommandSummary& summary, const LargestUse& largest) {
    const csa::CommandUse use = shown_use(summary, options_);
    if (use.processes == 0) return;
    ReportText& text = console_.out();
    const auto or_one = [](double value) { return value == 0 ? 1 : value; };
    const double cpu = or_one(use.cpu);
    const std::string_view name = text_of(summary.name);
    text.left(name.empty() ? "?" : name, 16, 16).add(' ');
    text.number(use.processes, 8);
    text.add(' ').fixed(use.kcore, 12, 2).add(' ').fixed(use.kvirt, 12, 2);
    text.add(' ').fixed(use.cpu, 10, 2).add(' ').fixed(use.real, 12, 2);
    text.add(' ').fixed(use.kcore / cpu, 9, 2);
    text.add(' ').fixed(use.kvirt / cpu, 9, 2);
    text.add(' ').fixed(cpu / static_cast<double>(use.processes), 8, 2);
    text.add(' ').fixed(cpu / or_one(use.real), 6, 2);
    text.add(' ').fixed(use.chars_read / 1024, 11, 0);
    text.add(' ').fixed(use.chars_written / 1024, 11, 0);
    if (options_.is_extended) extension(use, largest);
    text.add('\n');
    console_.breathe();
  }

 private:
  void extension(const csa::CommandUse& use, const LargestUse& largest) {
    ReportText& text = console_.out();
    text.add(' ').fixed(largest.core, 11, 0);
    text.add(' ').fixed(largest.virt, 11, 0);
    text.add(' ').fixed(use.reads, 9, 0).add(' ').fixed(use.writes, 9, 0);
    text.add(' ').fixed(use.system, 10, 2);
    text.add(' ').fixed(use.minor_faults, 9, 0);
    text.add(' ').fixed(use.major_faults, 9, 0);
    text.add(' ').fixed(use.cpu_delay, 11, 2);
    text.add(' ').fixed(use.block_delay, 11, 2);
    text.add(' ').fixed(use.swap_delay, 11, 2);
  }

  const Options& options_;
  Console& console_;
};

/// The shares of a block's processes.
class BlockShares {
 public:
  explicit BlockShares(const BillingRules& rules) : reckoner_(rules) {}
  void begin() {
    shares_.clear();
    shares_.reserve(last_size_ + last_size_ / 16);
  }
  bool entry(const Entry& entry) {
    if (entry.process != nullptr) reckoner_.add(entry, shares_);
    return true;
  }
  std::vector<CommandShare> finish() {
    last_size_ = shares_.size();
    return std::move(shares_);
  }

 private:
  CommandReckoner reckoner_;
  std::vector<CommandShare> shares_;
  std::size_t last_size_ = 0;
};

class Report {
 public:
  Report(const Options& options, const BillingRules& rules, Console& console)
      : options_(options), rules_(rules), console_(console) {}

  Outcome<void> read(const std::string& path) {
    auto window = ByteWindow::open(path.c_str());
    if (!window) return stop("Failed to open '" + path + "'\n");
    if (options_.reads_summaries) {
      SummaryReader<csa::CommandSummary> reader(std::move(*window),
                                                csa::summary_head());
      csa::CommandSummary summary = {};
      while (reader.next(summary))
        commands_.add(summary);
      if (reader.rest() == 0) return {};
      code_ = 1;
      console_.complain(
          "csacms: File '" + path + "': " + std::to_string(reader.rest()) +
          " bytes at offset " + std::to_string(reader.position()) +
          " are no command summaries and are left out.\n");
      return {};
    }
    if (options_.reads_sorted) return read_sorted(path, std::move(*window));
    const auto read = read_plain(path, *window);
    if (!read) return stop("Failed to open '" + path + "'\n");
    return {};
  }

  void write() {
    if (options_.joins_singles) commands_.join_singles();
    const std::vector<std::size_t> order = sorted();
    if (options_.is_text) {
      write_table(order);
      return;
    }
    for (const std::size_t i : order) {
      csa::CommandSummary& summary = commands_.summaries()[i];
      summary.head = csa::summary_head();
      console_.out().add(bytes_of(summary));
      console_.breathe();
    }
  }

  [[nodiscard]] int exit_code() const { return code_; }

 private:
  /// All processors reckon; what each command has is summed up in order.
  core::Result<void> read_plain(const std::string& path,
                                const ByteWindow& window) {
    Progress progress(window.size());
    return for_each_block<std::vector<CommandShare>>(
        window, 0, [this] { return BlockShares(rules_); },
        [&](const BlockResult<std::vector<CommandShare>>& block) {
          commands_.add(block.piece);
          for (const DamagedRange& damage : block.damages) {
            console_.complain(damage_text("csacms", path, damage));
            code_ = 1;
          }
          progress.show(block.end);
          return true;
        });
  }

  Outcome<void> read_sorted(const std::string& path, ByteWindow window) {
    Progress progress(window.size());
    CommandReckoner reckoner(rules_);
    std::vector<CommandShare> shares;
    SortedFile sorted(std::move(window));
    csa::Configuration boot = {};
    while (sorted.next_boot(boot)) {
      csa::JobHeader job = {};
      while (sorted.next_job(job)) {
        if (!options_.takes_all && !has_ended(job)) continue;
        sorted.go_to(job, SortedFile::Part::kProcesses);
        for (std::int32_t i = 0; i < job.processes.count; ++i) {
          Entry entry;
          if (!sorted.next_entry(entry))
            return stop("Error occured reading file '" + path + "'", 0);
          if (entry.process == nullptr) continue;
          shares.clear();
          reckoner.add(entry, shares);
          commands_.add(shares);
        }
        progress.show(sorted.job_begin());
      }
      if (!sorted.is_at_boots_end())
        console_.complain("The position of the file '" + path +
                          "' is incorrect for the next record. Possible a "
                          "difference in program and file versions\n\n");
    }
    return must_be_read(sorted, "csacms", path);
  }

  [[nodiscard]] double key_of(const csa::CommandSummary& summary) const {
    const csa::CommandUse use = shown_use(summary, options_);
    if (options_.is_by_cpu) return use.cpu;
    return options_.is_by_number ? static_cast<double>(use.processes)
                                 : use.kcore;
  }

  [[nodiscard]] static bool is_nothing(const csa::CommandSummary& summary) {
    std::int64_t processes = summary.prime.processes;
    add_bounded(processes, summary.nonprime.processes);
    return summary.name[0] == '\0' && processes == 0;
  }

  std::vector<std::size_t> sorted() {
    auto& summaries = commands_.summaries();
    std::vector<std::size_t> order(summaries.size());
    std::iota(order.begin(), order.end(), 0U);
    std::erase_if(order,
                  [&](std::size_t i) { return is_nothing(summaries[i]); });
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
      return key_of(summaries[a]) > key_of(summaries[b]);
    });
    return order;
  }

  LargestUse largest_of(std::size_t i) {
    if (commands_.knows_largest()) return commands_.largest_of(i);
    const csa::CommandUse& prime = commands_.summaries()[i].prime;
    return {.core = prime.core_himem, .virt = prime.virt_himem};
  }

  void write_table(const std::vector<std::size_t>& order) {
    Table table(options_, console_);
    table.headings();
    csa::CommandSummary total = {
        .head = {}, .name = "TOTALS", .prime = {}, .nonprime = {}};
    LargestUse largest;
    for (const std::size_t i : order) {
      add_use(total.prime, commands_.summaries()[i].prime);
      add_use(total.nonprime, commands_.summaries()[i].nonprime);
      largest.core = std::max(largest.core, largest_of(i).core);
      largest.virt = std::max(largest.virt, largest_of(i).virt);
    }
    console_.out().add('\n');
    table.row(total, largest);
    console_.out().add('\n');
    for (const std::size_t i : order)
      table.row(commands_.summaries()[i], largest_of(i));
  }

  const Options& options_;
  const BillingRules& rules_;
  Console& console_;
  CommandTable commands_;
  int code_ = 0;
};

Outcome<int> run(const CommandLine& line, Console& console) {
  const Options options = read_options(line);
  CsaConf conf;
  std::string faults;
  const int integral = conf.integer("MEMINT", 1);
  console.complain(conf.take_complaints());
  if (const auto fault = fault_of(line, options); !fault.empty())
    return stop(std::string(fault));
  if (const auto fault = placed_fault_of_integral(conf, integral);
      !fault.empty())  // and no memory
    console.complain("Bad value for MEMORY_INTEGRAL\n\n" + fault);
  const BillingRules rules =
      read_billing_rules(conf, faults, MissingWeights::kTold, integral);
  (void)conf.take_complaints();  // no weight is asked for
  console.complain(faults);
  Report report(options, rules, console);
  for (const std::string& path : line.operands)
    TRY(report.read(path));
  report.write();
  return report.exit_code();
}

}  // namespace
}  // namespace csacms

int csacms_command(const CommandLine& line, Console& console) {
  const auto code = csacms::run(line, console);
  return code ? *code : console.give_up(code.error());
}

}  // namespace accounting
