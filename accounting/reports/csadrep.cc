// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csadrep.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "accounting/records/damage_text.h"
#include "accounting/records/entry_check.h"
#include "accounting/records/entry_write.h"
#include "accounting/records/output_file.h"
#include "accounting/records/output_guard.h"
#include "accounting/records/sorted_file.h"
#include "accounting/reports/csadrep_text.h"
#include "accounting/reports/daemon_use.h"

namespace accounting {

namespace csadrep {
namespace {

using Part = SortedFile::Part;

struct Options {
  std::string sorted = "/var/csa/work/spacct";
  std::string output;
  int detail = 0;
  bool takes_all = false;
  bool reports_types = false;
  bool reports_queues = false;
  bool has_text = true;
};

/// Sums up the jobs of a sorted file.
class Scanner {
 public:
  Scanner(const Options& options, Console& console, DaemonUse& use)
      : options_(options), console_(console), use_(use) {}

  Outcome<void> run(SortedFile& sorted) {
    csa::Configuration boot = {};
    while (sorted.next_boot(boot)) {
      csa::JobHeader job = {};
      while (sorted.next_job(job))
        if (options_.takes_all || has_ended(job)) TRY(add_job(sorted, job));
      if (!sorted.is_at_boots_end())
        console_.complain(gap_text(options_.sorted));
    }
    return must_be_read(sorted, "csadrep", options_.sorted);
  }

 private:
  std::unexpected<Stop> unreadable(std::string_view what) {
    return stop("An error occurred during the reading of file '" +
                    options_.sorted + "' " + std::string(what) + ".",
                0);
  }

  bool is_valid(const Entry& entry) {
    const Validity validity = check_entry(entry);
    if (!validity.is_valid()) console_.complain(validity.fault + ".\n");
    return validity.is_valid();
  }

  Outcome<void> add_job(SortedFile& sorted, const csa::JobHeader& job) {
    const bool is_batch = job.workload.count > 0;
    ++(is_batch ? use_.batch_jobs : use_.interactive_jobs);
    JobUse of_job;
    Entry entry;
    sorted.go_to(job, Part::kProcesses);
    for (std::int32_t i = 0; i < job.processes.count; ++i) {
      if (!sorted.next_entry(entry) || entry.process == nullptr)
        return unreadable("eop record");
      if (is_valid(entry)) add_process(entry, is_batch, of_job);
    }
    sorted.go_to(job, Part::kEvents);
    for (std::int32_t i = 0; i < job.events.count; ++i) {
      if (!sorted.next_entry(entry))
        return unreadable("soj, eoj, or cfg record");
      if (!is_valid(entry) || entry.end == nullptr) continue;
      of_job.core_himem = std::max(of_job.core_himem, entry.end->corehimem);
      of_job.virt_himem = std::max(of_job.virt_himem, entry.end->virthimem);
    }
    RequestProgress progress{.all = job.workload.count};
    sorted.go_to(job, Part::kWorkload);
    for (std::int32_t i = 0; i < job.workload.count; ++i) {
      if (!sorted.next_entry(entry) || entry.workload == nullptr)
        return unreadable("Workload Mgmt record");
      if (is_valid(entry))
        TRY(use_.add_request(*entry.workload, of_job, progress));
    }
    return {};
  }

  /// A process without a delay record is as good as any other.
  void add_process(const Entry& entry, bool is_batch, JobUse& job) {
    Times times = {.system = entry.process->stime,
                   .user = entry.process->utime};
    if (entry.delay != nullptr) {
      times.cpu_delay = entry.delay->cpu_delay_total;
      times.block_delay = entry.delay->blkio_delay_total;
      times.swap_delay = entry.delay->swapin_delay_total;
    }
    (is_batch ? use_.batch : use_.interactive).add(times);
    if (is_batch) job.times.add(times);
  }

  const Options& options_;
  Console& console_;
  DaemonUse& use_;
};

std::string opening(const std::string& path) {
  return "An error occurred during the opening of file '" + path + "'.";
}

/// Adds a file that -o wrote; false: it is empty.
Outcome<bool> add_file(const std::string& path, DaemonUse& use) {
  auto window = ByteWindow::open(path.c_str());
  if (!window) return stop(opening(path), window.error().code);
  if (window->size() == 0) return false;
  std::string bytes;
  while (bytes.size() < window->size()) {
    const auto piece = window->at(bytes.size(), ByteWindow::kReach);
    if (piece.empty()) break;
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
  TRY(use.add_bytes(bytes, path));
  return true;
}

Outcome<int> run(const Options& options, const CommandLine& line,
                 Console& console) {
  std::optional<OutputFile> output;
  if (!options.output.empty()) {
    if (line.operands.empty()) TRY(must_differ(options.output, options.sorted));
    output = OutputFile::create(options.output);
    if (!output) {
      console.complain(with_system_error(opening(options.output), errno));
      return kWrongUse;
    }
  }
  DaemonUse use;
  int code = 0;
  for (const std::string& path : line.operands) {
    const bool is_added = TRY(add_file(path, use));
    if (is_added) continue;
    console.complain("File '" + path +
                     "' has a length of zero and is being ignored.\n");
    code = 1;
  }
  if (line.operands.empty()) {
    auto window = ByteWindow::open(options.sorted.c_str());
    if (!window) return stop(opening(options.sorted), window.error().code);
    SortedFile sorted(std::move(*window));
    TRY(Scanner(options, console, use).run(sorted));
  }
  if (output) {
    output->write(use.to_bytes());
    if (output->commit() != 0)
      return stop(
          "An error occurred during the writing of file 'binary "
          "output'.",
          output->error());
  }
  if (!options.has_text) return code;
  if (options.reports_types) write_types(console.out(), use);
  if (options.reports_queues) write_queues(console.out(), use, options.detail);
  return code;
}

}  // namespace
}  // namespace csadrep

int csadrep_command(const CommandLine& line, Console& console) {
  // Among its letters, but no option: nothing of it is left to be named.
  if (line.has('t')) {
    console.complain(
        std::string_view("An unknown option '\0' was specified.\n", 37));
    return kWrongUse;
  }
  csadrep::Options options;
  if (const auto* const path = line.value('s')) options.sorted = *path;
  if (const auto* const path = line.value('o')) options.output = *path;
  options.takes_all = line.has('A');
  options.has_text = !line.has('N');
  options.reports_queues = line.has('a') || line.has('n');
  options.reports_types =
      line.has('a') || line.has('j') || !options.reports_queues;
  for (const auto& [letter, argument] : line.options) {
    if (letter != 'V') continue;
    options.detail = std::atoi(argument.c_str());
    if (options.detail >= 0 && options.detail <= 4) continue;
    console.complain("The (-V) option's argument, '" + argument +
                     "', is invalid.\n");
    return kWrongUse;
  }
  if (!options.has_text && options.output.empty()) {
    console.complain("The (-N) option must be used with the (-o) option.\n");
    return kWrongUse;
  }
  if (line.has('s') && !line.operands.empty()) return kWrongUse;
  const auto code = csadrep::run(options, line, console);
  return code ? *code : console.give_up(code.error());
}

}  // namespace accounting
