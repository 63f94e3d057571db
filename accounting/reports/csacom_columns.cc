// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacom_columns.h"

#include <string_view>

#include "accounting/text/quantities.h"
#include "accounting/text/shown_text.h"

namespace accounting::csacom {

namespace {

constexpr csa::Io kNoIo = {};
constexpr csa::Mem kNoMemory = {};
constexpr csa::Delay kNoDelay = {};

/// What a cell may ask beside the facts.
struct Helpers {
  const Columns& columns;
  LocalClock& clock;
  AccountNames& names;
};

std::int32_t low(std::uint64_t count) {
  return static_cast<std::int32_t>(count);  // the published column has int
}
std::int64_t whole(std::uint64_t count) {
  return static_cast<std::int64_t>(count);
}

void name_cell(ReportText& text, const csa::Csa& process) {
  const bool is_superuser = (process.head.flag & csa::kSuperuser) != 0;
  if (is_superuser) text.add('#');
  text.left(ShownText(process.comm), is_superuser ? 16 : 17, 16);
}

void user_cell(ReportText& text, std::uint32_t uid, Helpers& helpers) {
  text.add(' ');
  const std::string& name = helpers.names.user(uid);
  if (name[0] == '?' || helpers.columns.is_numeric)
    text.left_number(static_cast<std::int32_t>(uid), 8);
  else
    text.left(name, 8, 8);
}

void first_cells(ReportText& text, const Facts& facts, Helpers& helpers) {
  const csa::Csa& process = *facts.entry->process;
  name_cell(text, process);
  user_cell(text, process.uid, helpers);
  text.add(' ').add(helpers.clock.time_of_day(process.btime));
  text.add(' ').add(helpers.clock.time_of_day(facts.ended));
  text.add(' ').fixed(seconds_of_usec(facts.elapsed), 8, 2);
}

void split_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  const csa::Csa& process = *facts.entry->process;
  text.add(' ').fixed(seconds_of_usec(process.stime), 8, 2);
  text.add(' ').fixed(seconds_of_usec(process.utime), 8, 2);
  text.add("   ").fixed(seconds_of_nsec(facts.delay().cpu_run_real_total), 11,
                        2);
  text.add("  ").fixed(seconds_of_nsec(facts.delay().cpu_run_virtual_total), 11,
                       2);
}

void cpu_cell(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  text.add(' ').fixed(seconds_of_usec(facts.cpu), 8, 2);
}

void both_characters_cell(ReportText& text, const Facts& facts,
                          Helpers& /*unused*/) {
  text.add(' ').number(whole(facts.characters()), 8);
}
void characters_cells(ReportText& text, const Facts& facts,
                      Helpers& /*unused*/) {
  text.add(' ').number(whole(facts.io().chr), 8);
  text.add(' ').number(whole(facts.io().chw), 8);
}

void cpu_factor_cell(ReportText& text, const Facts& facts,
                     Helpers& /*unused*/) {
  const auto user = static_cast<double>(facts.entry->process->utime);
  text.add(' ').fixed(user / static_cast<double>(facts.cpu), 6, 2);
}
void hog_factor_cell(ReportText& text, const Facts& facts,
                     Helpers& /*unused*/) {
  text.add(' ').fixed(
      static_cast<double>(facts.cpu) / static_cast<double>(facts.elapsed), 10,
      2);
}

void mean_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  const auto cpu = static_cast<double>(facts.cpu);
  const auto mean = [cpu](std::uint64_t integral) {
    return static_cast<double>(integral) / cpu * 1024;
  };
  text.add(' ').fixed(mean(facts.core_integral), 11, 2);
  text.add(' ').fixed(mean(facts.virt_integral), 11, 2);
}

void kcore_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  text.add(' ').fixed(minutes_of_usec(facts.core_integral * 1024), 11, 2);
  text.add(' ').fixed(minutes_of_usec(facts.virt_integral * 1024), 11, 2);
}

void flag_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  const csa::Csa& process = *facts.entry->process;
  constexpr std::string_view kDigits = "0123456789abcdef";
  const unsigned flag = process.head.flag;
  text.add(' ');
  if (flag >= 16) text.add(kDigits[flag / 16]);
  text.add(kDigits[flag % 16]).spaces(flag >= 16 ? 1 : 2);
  text.number(process.stat, 3);
}

void jid_cell(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  text.add(' ').hex(facts.entry->process->jid, 18);
}

/// The published conversion is "0x%#016llx".
void session_cell(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  const std::uint64_t ash = facts.entry->process->ash;
  text.add(" 0x");
  if (ash != 0) text.add("0x");
  text.padded_hex(ash, ash == 0 ? 16 : 14);
}

void project_cell(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  text.add(' ').number(whole(facts.entry->process->prid), 8);
}
void gid_cell(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  text.add(' ').number(static_cast<std::int32_t>(facts.entry->process->gid), 8);
}

void both_requests_cell(ReportText& text, const Facts& facts,
                        Helpers& /*unused*/) {
  text.add(' ').number(whole(facts.io().scr + facts.io().scw), 8);
}
void requests_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  text.add(' ').number(whole(facts.io().scr), 8);
  text.add(' ').number(whole(facts.io().scw), 8);
}

void pid_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  const csa::Csa& process = *facts.entry->process;
  text.add(' ').number(static_cast<std::int32_t>(process.pid), 6);
  text.add(' ').number(static_cast<std::int32_t>(process.ppid), 6);
}

void all_delays_cell(ReportText& text, const Facts& facts,
                     Helpers& /*unused*/) {
  const csa::Delay& delay = facts.delay();
  text.add(' ').fixed(
      seconds_of_nsec(delay.cpu_delay_total + delay.blkio_delay_total +
                      delay.swapin_delay_total),
      8, 2);
}
void delay_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  const csa::Delay& delay = facts.delay();
  text.add("   ").fixed(seconds_of_nsec(delay.cpu_delay_total), 12, 2);
  text.add("   ").fixed(seconds_of_nsec(delay.blkio_delay_total), 15, 2);
  text.add("   ").fixed(seconds_of_nsec(delay.swapin_delay_total), 13, 2);
}
void counted_delay_cells(ReportText& text, const Facts& facts,
                         Helpers& /*unused*/) {
  const csa::Delay& delay = facts.delay();
  text.add("   ").fixed(seconds_of_nsec(delay.cpu_delay_total), 12, 2);
  text.add("  ").number(low(delay.cpu_count), 5);
  text.add("   ").fixed(seconds_of_nsec(delay.blkio_delay_total), 12, 2);
  text.add("  ").number(low(delay.blkio_count), 5);
  text.add("   ").fixed(seconds_of_nsec(delay.swapin_delay_total), 12, 2);
  text.add("  ").number(low(delay.swapin_count), 5);
}

void mark_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  const csa::Mem& memory = facts.memory();
  text.add(' ').number(whole(memory.core.himem), 9);
  text.add(' ').number(whole(memory.virt.himem), 9);
  text.add(' ').number(whole(memory.minflt), 8);
  text.add(' ').number(whole(memory.majflt), 8);
}

void nice_cells(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  text.add(' ').number(facts.entry->process->nice, 4);
  text.add(' ').number(facts.entry->process->sched, 5);
}

void date_cell(ReportText& text, std::int64_t time) {
  const std::string date = LocalClock::text(time);
  const std::string_view view = date;
  text.add(' ').right(view.substr(0, 10), 10).add(' ');
  text.right(view.size() < 20 ? "" : view.substr(20, 4), 4);
}
void start_date_cell(ReportText& text, const Facts& facts,
                     Helpers& /*unused*/) {
  date_cell(text, facts.entry->process->btime);
}
void end_date_cell(ReportText& text, const Facts& facts, Helpers& /*unused*/) {
  date_cell(text, facts.ended);
}

}  // namespace

struct RowWriter::Column {
  bool (*is_wanted)(const Columns&);
  std::string_view upper;
  std::string_view lower;
  void (*cell)(ReportText&, const Facts&, Helpers&);
};

namespace {

// clang-format off: a table, as wide as the report
// NOLINTBEGIN(modernize-use-designated-initializers)
constexpr RowWriter::Column kColumns[] = {
    {[](const Columns& c) { return !c.leaves_out_first; },
     "COMMAND                    START    END          REAL",
     "NAME              USER     TIME     TIME       (SECS)", first_cells},
    {[](const Columns& c) { return c.is_split; },
     "   SYSTEM     USER   ______CPU RUN TIME______",
     "   (SECS)   (SECS)   REAL (SECS)  VIRT (SECS)", split_cells},
    {[](const Columns& c) { return !c.is_split && !c.leaves_out_first; },
     "      CPU", "   (SECS)", cpu_cell},
    {[](const Columns& c) { return c.io_characters && c.is_io_combined; },
     "    CHARS", "   TRNSFD", both_characters_cell},
    {[](const Columns& c) { return c.io_characters && !c.is_io_combined; },
     "    CHARS    CHARS", "     READ  WRITTEN", characters_cells},
    {[](const Columns& c) { return c.cpu_factor; },
     "    CPU", " FACTOR", cpu_factor_cell},
    {[](const Columns& c) { return c.hog_factor; },
     "        HOG", "     FACTOR", hog_factor_cell},
    {[](const Columns& c) { return c.mean_sizes; },
     "   MEAN CORE   MEAN VIRT", "   SIZE (KB)   SIZE (KB)", mean_cells},
    {[](const Columns& c) { return c.kcore_minutes; },
     "       KCORE    KVIRTUAL", "    MIN (KB)    MIN (KB)", kcore_cells},
    {[](const Columns& c) { return c.flags; },
     "       ", " F STAT", flag_cells},
    {[](const Columns& c) { return c.jid; },
     "                   ", "             JOB ID", jid_cell},
    {[](const Columns& c) { return c.session; },
     "              ARRAY", "     SESSION HANDLE", session_cell},
    {[](const Columns& c) { return c.project; },
     "  PROJECT", "       ID", project_cell},
    {[](const Columns& c) { return c.gid; },
     "         ", " GROUP ID", gid_cell},
    {[](const Columns& c) { return c.io_requests && c.is_io_combined; },
     "  LOGICAL", "     REQS", both_requests_cell},
    {[](const Columns& c) { return c.io_requests && !c.is_io_combined; },
     "  LOGICAL  LOGICAL", "    READS   WRITES", requests_cells},
    {[](const Columns& c) { return c.pids; },
     "              ", "    PID   PPID", pid_cells},
    {[](const Columns& c) { return c.delays > 0 && c.is_io_combined; },
     "    DELAY", "   (SECS)", all_delays_cell},
    {[](const Columns& c) { return c.delays == 1 && !c.is_io_combined; },
     "      CPU DELAY   BLOCK I/O DELAY   SWAP IN DELAY",
     "   TOTAL (SECS)      TOTAL (SECS)    TOTAL (SECS)", delay_cells},
    {[](const Columns& c) { return c.delays > 1 && !c.is_io_combined; },
     "   _____CPU DELAY_____   __BLOCK I/O DELAY__   ___SWAP IN DELAY___",
     "   TOTAL (SECS)  COUNT   TOTAL (SECS)  COUNT   TOTAL (SECS)  COUNT",
     counted_delay_cells},
    {[](const Columns& c) { return c.marks; },
     "      HIMEM (KBYTES)    MINOR    MAJOR",
     "      CORE   VIRTUAL   FAULTS   FAULTS", mark_cells},
    {[](const Columns& c) { return c.nice; },
     "      SCHED", " NICE  DISC", nice_cells},
    {[](const Columns& c) { return c.start_date; },
     "         PROCESS", "      START DATE", start_date_cell},
    {[](const Columns& c) { return c.end_date; },
     "         PROCESS", "        END DATE", end_date_cell},
};
// NOLINTEND(modernize-use-designated-initializers)
// clang-format on

}  // namespace

const csa::Io& Facts::io() const {
  return entry->io == nullptr ? kNoIo : *entry->io;
}
const csa::Mem& Facts::memory() const {
  return entry->memory == nullptr ? kNoMemory : *entry->memory;
}
const csa::Delay& Facts::delay() const {
  return entry->delay == nullptr ? kNoDelay : *entry->delay;
}

RowWriter::RowWriter(const Columns& columns) : columns_(columns) {
  for (const Column& column : kColumns)
    if (column.is_wanted(columns)) chosen_.push_back(&column);
}

void RowWriter::write(ReportText& text, const Facts& facts) {
  Helpers helpers{.columns = columns_, .clock = clock_, .names = names_};
  for (const Column* const column : chosen_)
    column->cell(text, facts, helpers);
  text.add('\n');
}

std::string headings(const Columns& columns) {
  std::string upper;
  std::string lower;
  for (const RowWriter::Column& column : kColumns) {
    if (!column.is_wanted(columns)) continue;
    upper += column.upper;
    lower += column.lower;
  }
  return upper + "\n" + lower + "\n";
}

}  // namespace accounting::csacom
