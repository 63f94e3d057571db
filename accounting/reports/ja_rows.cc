// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/ja_rows.h"

#include "accounting/billing/sbu.h"
#include "accounting/text/quantities.h"
#include "accounting/text/shown_text.h"

namespace accounting::ja {

namespace {

constexpr const char* kTimeAndDate = " %H:%M:%S %m/%d/%Y";

std::int64_t whole(std::uint64_t count) {
  return static_cast<std::int64_t>(count);
}

void write_long(ReportText& text, const csa::Csa& process, const Use& use,
                bool has_marks) {
  constexpr double kMegabyte = 1024 * 1024;
  const double cpu = use.user + use.system;
  text.add("  ").fixed(cpu != 0 ? (use.core + use.virt) / cpu : 0, 10, 2);
  text.add("  ").fixed(static_cast<double>(whole(use.io.chr)) / kMegabyte, 9,
                       3);
  text.add("  ").fixed(static_cast<double>(whole(use.io.chw)) / kMegabyte, 9,
                       3);
  text.add("  ").number(whole(use.io.scr), 8);
  text.add("  ").number(whole(use.io.scw), 8);
  if (has_marks) {
    text.add("  ").number(whole(use.memory.core.himem), 8);
    text.add("  ").number(whole(use.memory.virt.himem), 8);
  }
  text.add("  ").number(process.stat, 3).add("  ").number(process.nice, 3);
  text.add("  ").add((process.head.flag & csa::kForked) != 0 ? 'F' : ' ');
  text.add((process.head.flag & csa::kSuperuser) != 0 ? 'S' : ' ');
}

void write_begin(ReportText& text, const csa::Csa& process, const Use& use,
                 LocalClock& clock) {
  text.left(ShownText(process.comm), 15, 15).add("  ");
  text.add(clock.time_of_day(process.btime));
  text.add("  ").fixed(use.elapsed, 10, 2);
}

}  // namespace

Use use_of(const Entry& entry, int which) {
  const csa::Csa& process = *entry.process;
  Use use;
  use.elapsed = seconds_of_usec(process.etime);
  use.user = seconds_of_usec(process.utime);
  use.system = seconds_of_usec(process.stime);
  if (entry.memory != nullptr) {
    use.memory = *entry.memory;
    use.core = seconds_of_usec(memory_integral(use.memory.core, which));
    use.virt = seconds_of_usec(memory_integral(use.memory.virt, which));
  }
  if (entry.io != nullptr) use.io = *entry.io;
  if (entry.delay != nullptr) {
    use.delay = *entry.delay;
    use.cpu_delay = seconds_of_nsec(use.delay.cpu_delay_total);
    use.block_delay = seconds_of_nsec(use.delay.blkio_delay_total);
    use.swap_delay = seconds_of_nsec(use.delay.swapin_delay_total);
    use.real_run = seconds_of_nsec(use.delay.cpu_run_real_total);
    use.virt_run = seconds_of_nsec(use.delay.cpu_run_virtual_total);
  }
  return use;
}

void write_command_headings(ReportText& text, const Options& options) {
  struct Line {
    std::string_view all;
    std::string_view delays;
    std::string_view use;
    std::string_view marks;
    std::string_view status;
    std::string_view units;
  };
  // clang-format off: it is a table
  constexpr Line kLines[] = {
      {.all = "    Command       Started    Elapsed    User CPU    Sys CPU  ",
       .delays = "     CPU      Block I/O    Swap In  ",
       .use = "    CPU MEM        Characters           Logical I/O   ",
       .marks = "   CoreMem   VirtMem", .status = "   Ex", .units = ""},
      {.all = "     Name           At       Seconds    Seconds     Seconds  ",
       .delays = "  Delay Secs  Delay Secs  Delay Secs",
       .use = "  Avg Mbytes     Read     Written     Read      Write ",
       .marks = "   HiValue   HiValue", .status = "   St   Ni  Fl", .units = "   SBU's "},
      {.all = "===============  ========  ==========  ==========  ==========",
       .delays = "  ==========  ==========  ==========",
       .use = "  ==========  =========  =========  ========  ========",
       .marks = "  ========  ========", .status = "  ===  ===  ==", .units = "  ======="},
  };
  // clang-format on
  text.add(
      "\n\nJob Accounting - Command Report\n"
      "===============================\n\n");
  for (const Line& line : kLines) {
    text.add(line.all);
    if (options.is_command) text.add(line.delays);
    if (options.is_long) {
      text.add(line.use);
      if (options.has_marks) text.add(line.marks);
      text.add(line.status);
    }
    if (options.is_command) text.add(line.units);
    text.add('\n');
  }
}

void write_other_headings(ReportText& text) {
  text.add(
      "\n\nJob Accounting - Other (Alternate) Command Report\n"
      "=================================================\n\n"
      "    Command       Started    Elapsed    Proc   Parent   CoreMem   "
      "VirtMem      CPU       Block I/O     Swap In    Real Run   Virt Run \n"
      "     Name           At       Seconds     ID    ProcID   HiWater   "
      "HiWater  Delay Count  Delay Count  Delay Count  Time Secs  Time Secs\n"
      "===============  ========  ==========  ======  ======  ========  "
      "========  ===========  ===========  ===========  =========  "
      "=========\n");
}

void write_command(ReportText& text, const csa::Csa& process, const Use& use,
                   const Options& options, LocalClock& clock) {
  write_begin(text, process, use, clock);
  text.add("  ").fixed(use.user, 10, 2).add("  ").fixed(use.system, 10, 2);
  text.add("  ").fixed(use.cpu_delay, 10, 2);
  text.add("  ").fixed(use.block_delay, 10, 2);
  text.add("  ").fixed(use.swap_delay, 10, 2);
  if (options.is_long) write_long(text, process, use, options.has_marks);
  text.add("  ").fixed(use.units, 7, 2).add('\n');
}

void write_other(ReportText& text, const csa::Csa& process, const Use& use,
                 LocalClock& clock) {
  write_begin(text, process, use, clock);
  text.add("  ").number(static_cast<std::int32_t>(process.pid), 6);
  text.add("  ").number(static_cast<std::int32_t>(process.ppid), 6);
  text.add("  ").number(whole(use.memory.core.himem), 8);
  text.add("  ").number(whole(use.memory.virt.himem), 8);
  text.add("  ").number(whole(use.delay.cpu_count), 11);
  text.add("  ").number(whole(use.delay.blkio_count), 11);
  text.add("  ").number(whole(use.delay.swapin_count), 11);
  text.add("  ").fixed(use.real_run, 9, 2);
  text.add("  ").fixed(use.virt_run, 9, 2).add('\n');
}

void write_configuration(ReportText& text,
                         const csa::Configuration& configuration) {
  constexpr std::string_view kEvents[] = {"Boot",  "File",  "  ON", " OFF",
                                          "Delta", "Event", "Max"};
  const std::size_t event = configuration.event;
  text.add("# CFG ").add(event < std::size(kEvents) ? kEvents[event] : "?");
  text.add('(').octal(configuration.kdmask, 5).add(") (");
  text.octal(configuration.rmask, 5).add(") ");
  text.add(LocalClock::text(
      event == 0 ? configuration.boottime : configuration.curtime,
      kTimeAndDate));
  const csa::SystemName& name = configuration.name;
  text.add("  System:  ").add(ShownText(name.sysname)).add(' ');
  text.add(ShownText(name.nodename)).add(' ').add(ShownText(name.release));
  text.add(' ').add(ShownText(name.version)).add(' ');
  text.add(ShownText(name.machine)).add('\n');
}

void write_job(ReportText& text, std::uint64_t jid, std::int64_t time,
               std::string_view what) {
  text.add("# JOB    (").hex(jid, 18).add(") ");
  text.add(LocalClock::text(time, kTimeAndDate)).add(" - ").add(what);
  text.add('\n');
}

}  // namespace accounting::ja
