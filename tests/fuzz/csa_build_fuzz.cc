// SPDX-License-Identifier: Apache-2.0
// Any bytes as the pacct files of csabuild, and what it sorts them into as what
// csacon, csajrep and csacms read, and so on to csacrep. The first byte is
// bits: csabuild's letters, and whether the rest is one file or, cut in the
// middle, two. What csabuild writes is whole, whatever it was made of, and no
// command behind it finds a fault; or it has said that it is not.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "accounting/build/csabuild.h"
#include "accounting/csa_summary_layout.h"
#include "accounting/records/resync.h"
#include "accounting/records/sorted_file.h"
#include "accounting/reports/csaaddc.h"
#include "accounting/reports/csacms.h"
#include "accounting/reports/csacon.h"
#include "accounting/reports/csacrep.h"
#include "accounting/reports/csajrep.h"
#include "tests/fuzz/site_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;
using fuzz::line_of;
using fuzz::site;

constexpr unsigned kInTwo = 16;  // files

struct LetterBit {
  unsigned bit;
  char letter;
};
constexpr LetterBit kLetters[] = {{.bit = 1, .letter = 'a'},
                                  {.bit = 2, .letter = 'i'},
                                  {.bit = 4, .letter = 'n'},
                                  {.bit = 8, .letter = 'o'}};

/// What it leaves. A part: a record's own sizes were wrong, so that it is not
/// found again at the second reading; as published it gives up there, and what
/// it has written until then stays. That has no billing units beside it.
enum class Left : std::uint8_t { kNothing, kPart, kWhole };

Left build(std::string_view bytes, unsigned bits) {
  const std::size_t first =
      (bits & kInTwo) != 0 ? bytes.size() / 2 : bytes.size();
  site().put("pacct1", bytes.substr(0, first));
  (void)::unlink(site().path("pacct2").c_str());
  if ((bits & kInTwo) != 0) site().put("pacct2", bytes.substr(first));
  (void)::unlink(site().path("spacct").c_str());
  (void)::unlink(site().path("spacct.units").c_str());
  CommandLine line = line_of(
      "csabuild", {{'P', site().path("pacct")}, {'s', site().path("spacct")}});
  for (const LetterBit& row : kLetters)
    if ((bits & row.bit) != 0)
      line.options.emplace_back(row.letter, row.letter == 'o' ? "1" : "");
  int code = 0;
  (void)site().run(csabuild_command, line, code);
  if (!site().has("spacct")) {
    if (code == 0 || site().has("spacct.units")) std::abort();
    return Left::kNothing;
  }
  if (site().has("spacct.units")) return Left::kWhole;
  if (code == 0) std::abort();
  return Left::kPart;
}

/// Processes in the files.
std::uint64_t processes_given() {
  std::uint64_t count = 0;
  for (const char* const name : {"pacct1", "pacct2"}) {
    auto window = ByteWindow::open(site().path(name).c_str());
    if (!window) continue;
    ResilientReader reader(std::move(*window));
    Entry entry;
    while (reader.next(entry))
      count += entry.type() == csa::RecordType::kCsa ? 1U : 0U;
  }
  return count;
}

/// A start of job that tells of linked records is an event with a process in
/// it, which stands first.
bool is_of(const Entry& entry, SortedFile::Part part) {
  const bool is_event = entry.start != nullptr || entry.end != nullptr ||
                        entry.configuration != nullptr;
  const bool is_workload = entry.type() == csa::RecordType::kWorkload;
  if (part == SortedFile::Part::kEvents) return is_event && !is_workload;
  if (part == SortedFile::Part::kWorkload) return is_workload;
  return entry.process != nullptr && entry.type() == csa::RecordType::kCsa;
}

/// As many entries as a job's header says, of the kinds that they are to be:
/// their bytes.
std::uint64_t walk(SortedFile& file, const csa::JobHeader& job,
                   SortedFile::Part part) {
  file.go_to(job, part);
  std::uint64_t bytes = 0;
  for (std::int32_t left = SortedFile::count(job, part); left > 0; --left) {
    Entry entry;
    if (!file.next_entry(entry)) std::abort();
    if (!is_of(entry, part)) std::abort();
    bytes += entry.size;
  }
  return bytes;
}

/// Every byte of it belongs to a boot and a job, and no process is in it twice.
void sorted_is_whole() {
  auto window = ByteWindow::open(site().path("spacct").c_str());
  if (!window) std::abort();
  SortedFile file(std::move(*window));
  csa::Configuration boot = {};
  csa::JobHeader job = {};
  std::uint64_t processes = 0;
  while (file.next_boot(boot)) {
    while (file.next_job(job)) {
      using Part = SortedFile::Part;
      std::uint64_t bytes = 0;
      for (const Part part : {Part::kProcesses, Part::kEvents, Part::kWorkload})
        bytes += walk(file, job, part);
      if (bytes != static_cast<std::uint64_t>(job.length)) std::abort();
      processes += static_cast<std::uint64_t>(job.processes.count);
    }
    if (!file.is_at_boots_end()) std::abort();
  }
  if (file.leftover()) std::abort();
  if (processes > processes_given()) std::abort();
}

/// What a command prints; in a whole file it has nothing to find fault with.
std::string report_of(int (*command)(const CommandLine&, Console&),
                      const CommandLine& line, Left left) {
  int code = 0;
  std::string text = site().run(command, line, code);
  if (code != 0 && left == Left::kWhole) std::abort();
  return text;
}

void report(Left left) {
  const auto good = [left](int (*command)(const CommandLine&, Console&),
                           const CommandLine& line) {
    return report_of(command, line, left);
  };
  const std::string sorted = site().path("spacct");
  const std::string charges =
      good(csacon_command, line_of("csacon", {{'A', ""}, {'s', sorted}}));
  if (charges.size() % sizeof(csa::Consolidated) != 0) std::abort();
  (void)good(csajrep_command, line_of("csajrep", {{'A', ""},
                                                  {'J', ""},
                                                  {'b', ""},
                                                  {'x', ""},
                                                  {'t', ""},
                                                  {'s', sorted}}));
  (void)good(csajrep_command, line_of("csajrep", {{'N', ""}, {'s', sorted}}));
  CommandLine summary = line_of("csacms", {{'A', ""}, {'S', ""}});
  summary.operands = {sorted};
  const std::string commands = good(csacms_command, summary);
  if (commands.size() % sizeof(csa::CommandSummary) != 0) std::abort();
  site().put("cacct", charges);
  CommandLine add = line_of("csaaddc", {{'o', site().path("sum/cacct")}});
  add.operands = {site().path("cacct")};
  (void)good(csaaddc_command, add);
  int code = 0;
  {
    const sys::UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    Console console(nowhere.get(), nowhere.get());
    code = csacrep_of_file(line_of("csacrep", {{'h', ""}, {'u', ""}}),
                           site().path("sum/cacct"), console);
  }
  if (code != 0) std::abort();
}

/// Many inputs differ in what csabuild leaves out: of what it has sorted
/// before, everything behind it said the same.
bool was_seen(Left left) {
  constexpr std::size_t kMost = 1U << 16;
  static std::unordered_set<std::size_t> seen;
  if (seen.size() >= kMost) seen.clear();
  std::string bytes = site().get("spacct");
  if (left == Left::kWhole) bytes += site().get("spacct.units");
  bytes += static_cast<char>(left);
  bytes += std::to_string(processes_given());
  return !seen.insert(std::hash<std::string>{}(bytes)).second;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const Left left =
      build(input.substr(1), static_cast<unsigned char>(input.front()));
  if (left == Left::kNothing || was_seen(left)) return 0;
  if (left == Left::kWhole) sorted_is_whole();
  report(left);
  return 0;
}
