// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csajrep_rows.h"

#include <algorithm>
#include <span>

#include "accounting/text/local_clock.h"
#include "accounting/text/quantities.h"
#include "accounting/text/shown_text.h"

namespace accounting::csajrep {

namespace {

constexpr std::uint64_t kNoJid = static_cast<std::uint64_t>(-2);

std::int64_t whole(std::uint64_t count) {
  return static_cast<std::int64_t>(count);
}

struct Heading {
  bool Columns::* is_wanted;  ///< null: always
  std::string_view lines[3];
};
// clang-format off: tables
constexpr Heading kProcessHeadings[] = {
    {&Columns::jid, {"       JOB         ", "       ID          ", "================== "}},
    {nullptr, {"PROJECT  LOGIN        COMMAND     ", "NAME     NAME         NAME        ",
               "======== ======== ================"}},
    {&Columns::session, {"       ARRAY       ", "   SESSION HANDLE  ", " =================="}},
    {&Columns::start, {"        START        ", "        TIME         ", " ===================="}},
    {&Columns::cpu, {" USER-TIM SYS-TIM  RUN-REAL RUN-VIRT", " [SECS]   [SECS]   [SECS]   [SECS]  ",
                     " ======== ======== ======== ========"}},
    {&Columns::delays, {"        DELAY [SECS]         HIMEM (KBYTES)   ",
                        "   CPU     BLOCK     SWAP    CORE    VIRTUAL  ",
                        " ======== ======== ======== ========= ========="}},
    {&Columns::io, {" K-CHARS  K-CHARS  LOGICAL  LOGICAL ", " READ     WRITTEN  READS    WRITES  ",
                    " ======== ======== ======== ========"}},
    {&Columns::faults, {" PAGE     MINOR    MAJOR   ", " SWAPS    FAULTS   FAULTS  ",
                        " ======== ======== ========"}},
    {&Columns::units, {" SBUs    ", "         ", " ========"}},
};
constexpr Heading kRequestHeadings[] = {
    {nullptr, {"\nLOGIN    PROJECT  QUEUE            REQUEST          MACHINE          REQUEST  ARRAY ",
               "NAME     NAME     NAME             NAME             NAME               ID      ID   ",
               "======== ======== ================ ================ ================ ======== ===== "}},
    {&Columns::cpu, {"USER-TIM SYS-TIM  ", "[SECS]   [SECS]   ", "======== ======== "}},
    {&Columns::queue, {" QUEUE   QUEUE ", "WAIT [S] TYPE  ", "======== ===== "}},
    {&Columns::jid, {"       JOB         ", "       ID          ", "================== "}},
    {&Columns::session, {"      ARRAY        ", "  SESSION HANDLE   ", "================== "}},
    {&Columns::start, {"        START       ", "        TIME        ", "===================="}},
};
// clang-format on

void write_headings(ReportText& text, std::span<const Heading> headings,
                    const Columns& columns) {
  text.add('\n');
  for (std::size_t line = 0; line < 3; ++line) {
    for (const Heading& heading : headings)
      if (heading.is_wanted == nullptr || columns.*heading.is_wanted)
        text.add(heading.lines[line]);
    text.add('\n');
  }
}

}  // namespace

void Totals::add(const Entry& entry, double units_of_entry) {
  utime += entry.process->utime;
  stime += entry.process->stime;
  units.add(units_of_entry);
  if (const csa::Delay* const from = entry.delay) {
    delay.cpu_run_real_total += from->cpu_run_real_total;
    delay.cpu_run_virtual_total += from->cpu_run_virtual_total;
    delay.cpu_delay_total += from->cpu_delay_total;
    delay.blkio_delay_total += from->blkio_delay_total;
    delay.swapin_delay_total += from->swapin_delay_total;
  }
  if (const csa::Mem* const from = entry.memory) {
    core_himem = std::max(core_himem, from->core.himem);
    virt_himem = std::max(virt_himem, from->virt.himem);
    memory.pgswap += from->pgswap;
    memory.minflt += from->minflt;
    memory.majflt += from->majflt;
  }
  if (const csa::Io* const from = entry.io) {
    io.chr += from->chr;
    io.chw += from->chw;
    io.scr += from->scr;
    io.scw += from->scw;
  }
}

void Rows::process_headings() {
  write_headings(text_, kProcessHeadings, options_.columns);
}
void Rows::request_headings() {
  write_headings(text_, kRequestHeadings, options_.columns);
}

void Rows::user(std::uint32_t uid) {
  const std::string& name = names_.user(uid);
  if (name[0] == '?')
    text_.left_number(static_cast<std::int32_t>(uid), 8);
  else
    text_.left(name, 8);
}

void Rows::start_cell(std::int64_t time) {
  const std::string date = LocalClock::text(time);
  text_.add(' ').right(date.size() < 4 ? "" : date.substr(4, 20), 20);
}

void Rows::cpu_cells(const Entry& entry) {
  text_.add(' ').fixed(seconds_of_usec(entry.process->utime), 8, 3);
  text_.add(' ').fixed(seconds_of_usec(entry.process->stime), 8, 3);
  if (entry.delay == nullptr) {
    text_.add("        0        0");
    return;
  }
  text_.add(' ').fixed(seconds_of_nsec(entry.delay->cpu_run_real_total), 8, 3);
  text_.add(' ').fixed(seconds_of_nsec(entry.delay->cpu_run_virtual_total), 8,
                       3);
}

void Rows::delay_cells(const Entry& entry) {
  if (const csa::Delay* const delay = entry.delay) {
    text_.add(' ').fixed(seconds_of_nsec(delay->cpu_delay_total), 8, 2);
    text_.add(' ').fixed(seconds_of_nsec(delay->blkio_delay_total), 8, 2);
    text_.add(' ').fixed(seconds_of_nsec(delay->swapin_delay_total), 8, 2);
  } else {
    text_.add("        0        0        0");
  }
  const csa::Mem* const memory = entry.memory;
  text_.add(' ').number(memory == nullptr ? 0 : whole(memory->core.himem), 9);
  text_.add(' ').number(memory == nullptr ? 0 : whole(memory->virt.himem), 9);
}

/// Without a record the published row has six columns for four.
void Rows::io_cells(const csa::Io* io) {
  if (io == nullptr) {
    for (int i = 0; i < 6; ++i)
      text_.add("        0");
    return;
  }
  text_.add(' ').fixed(static_cast<double>(io->chr) / 1024.0, 8, 0);
  text_.add(' ').fixed(static_cast<double>(io->chw) / 1024.0, 8, 0);
  text_.add(' ').number(whole(io->scr), 8);
  text_.add(' ').number(whole(io->scw), 8);
}

void Rows::process(const Entry& entry, double units) {
  const csa::Csa& process = *entry.process;
  const Columns& columns = options_.columns;
  if (columns.jid) text_.hex(process.jid, 18).add(' ');
  text_.left_number(whole(process.prid), 8).add(' ');
  user(process.uid);
  text_.add(' ').left(ShownText(process.comm), 16);
  if (columns.session) text_.add(" 0x").padded_hex(process.ash, 16);
  if (columns.start) start_cell(process.btime);
  if (columns.cpu) cpu_cells(entry);
  if (columns.delays) delay_cells(entry);
  if (columns.io) io_cells(entry.io);
  if (columns.faults) {
    const csa::Mem* const memory = entry.memory;
    const auto cell = [&](std::uint64_t count) {
      text_.add(' ').number(whole(count), 8);
    };
    cell(memory == nullptr ? 0 : memory->pgswap);
    cell(memory == nullptr ? 0 : memory->minflt);
    cell(memory == nullptr ? 0 : memory->majflt);
  }
  if (columns.units) text_.add(' ').fixed(units, 8, 2);
  text_.add('\n');
}

void Rows::request(const csa::Workload& record) {
  const Columns& columns = options_.columns;
  const auto seconds = [](std::int64_t usec) {
    return seconds_of_usec(static_cast<double>(usec));
  };
  user(record.uid);
  text_.add(' ').left_number(whole(record.prid), 8).add(' ');
  text_.left(ShownText(record.quename), 16).add(' ');
  text_.left(ShownText(record.reqname), 16).add(' ');
  text_.left(ShownText(record.machname), 16).add(' ');
  text_.number(record.reqid, 8).add(' ').number(record.arrayid, 5);
  if (columns.cpu) {
    text_.add(' ').fixed(seconds(record.utime), 8, 4);
    text_.add(' ').fixed(seconds(record.stime), 8, 4);
  }
  if (columns.queue) {
    text_.add(' ').number(record.qwtime, 8);
    text_.add(' ').number(record.qtype, 5);
  }
  if (columns.jid) {
    text_.add(' ');
    if (record.jid == kNoJid)
      text_.right("none", 18);
    else
      text_.hex(record.jid, 18);
  }
  if (columns.session) text_.add(" 0x").padded_hex(record.ash, 16);
  if (columns.start) start_cell(record.time);
  text_.add('\n');
}

void Rows::request_totals(std::int64_t utime, std::int64_t stime) {
  if (!options_.columns.cpu) return;
  const auto seconds = [](std::int64_t usec) {
    return seconds_of_usec(static_cast<double>(usec));
  };
  text_.left("TOTALS", 84);
  text_.spaces(0);
  ReportText user;
  user.add(' ').fixed(seconds(utime), 0, 4);
  text_.right(user.view(), 8).add(' ').fixed(seconds(stime), 8, 4).add('\n');
}

/// Whose the job is, is not known here: the published row shows -1.
void Rows::totals(const Totals& totals) {
  const Columns& columns = options_.columns;
  text_.left("TOTALS", columns.jid ? 19 : 9);
  if (options_.has_only_totals) {
    if (columns.jid) text_.left("-1", 8).add(' ');
    text_.left("-1", 8).add(' ').spaces(16);
  } else {
    text_.spaces(columns.jid ? 34 : 25);
  }
  if (columns.session)
    text_.add(options_.has_only_totals ? " 0xffffffffffffffff"
                                       : "                   ");
  if (columns.start) text_.spaces(21);
  const auto seconds = [this](double value, int precision) {
    text_.add(' ').fixed(value, 8, precision);
  };
  if (columns.cpu) {
    seconds(seconds_of_usec(totals.utime), 3);
    seconds(seconds_of_usec(totals.stime), 3);
    seconds(seconds_of_nsec(totals.delay.cpu_run_real_total), 3);
    seconds(seconds_of_nsec(totals.delay.cpu_run_virtual_total), 3);
  }
  if (columns.delays) {
    seconds(seconds_of_nsec(totals.delay.cpu_delay_total), 2);
    seconds(seconds_of_nsec(totals.delay.blkio_delay_total), 2);
    seconds(seconds_of_nsec(totals.delay.swapin_delay_total), 2);
    text_.add(' ').number(whole(totals.core_himem), 9);
    text_.add(' ').number(whole(totals.virt_himem), 9);
  }
  if (columns.io) io_cells(&totals.io);
  if (columns.faults) {
    text_.add(' ').number(whole(totals.memory.pgswap), 8);
    text_.add(' ').number(whole(totals.memory.minflt), 8);
    text_.add(' ').number(whole(totals.memory.majflt), 8);
  }
  if (columns.units) text_.add(' ').fixed(totals.units.value(), 8, 2);
  text_.add('\n');
}

}  // namespace accounting::csajrep
