// SPDX-License-Identifier: Apache-2.0
// The short end-of-job report for people (`--report`). Allocation free: the
// scope prints it itself, `corral wait` prints the same. A number that was not
// collected is not shown as 0: its line says so.
#pragma once

#include <cstdint>

#include "core/exit_record.h"
#include "core/ids.h"
#include "core/job_result.h"
#include "core/job_totals.h"
#include "core/quantity.h"
#include "core/text.h"

namespace core {

struct JobReport {
  JobId jid;
  Text<64> name;  ///< the job's name, else its program
  JobResult result;
  Maybe<Microseconds> wall_time;       ///< absent: it never ran
  JobTotals totals;                    ///< of the container
  Maybe<ExitRecord> main;              ///< the main process's own record
  Maybe<std::uint64_t> forks_refused;  ///< by the limit of processes
  std::uint32_t processes_seen = 0;
  std::uint32_t stragglers = 0;
  Text<120> straggler_names;
};

using ReportText = Text<3072>;

/// The report, several lines, each ended by a newline.
ReportText render(const JobReport& report);

namespace detail {

inline void report_cpu(ReportText& text, const JobReport& report) {
  text.append("  cpu time    ");
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  const bool is_whole = report.totals.user_time && report.totals.system_time;
  if (is_whole) {
    user = report.totals.user_time->raw();
    system = report.totals.system_time->raw();
  } else if (report.main && report.main->has(Counters::kUsage)) {
    user = report.main->utime_us;
    system = report.main->stime_us;
  } else {
    text.append("not collected\n");
    return;
  }
  text.append(seconds_text(user + system).view());
  text.append(" (user ").append(seconds_text(user).view());
  text.append(", system ").append(seconds_text(system).view()).append(")");
  text.append(is_whole ? "\n" : ", main process and its waited-for children\n");
}

inline void report_memory(ReportText& text, const JobReport& report) {
  text.append("  peak memory ");
  if (report.totals.memory_peak) {
    text.append(bytes_text(report.totals.memory_peak->raw()).view());
    text.append(", whole job\n");
  } else if (report.main && report.main->has(Counters::kUsage)) {
    text.append(bytes_text(report.main->maxrss_kib * 1024).view());
    text.append(", largest process\n");
  } else {
    text.append("not collected\n");
  }
}

inline void report_io(ReportText& text, const JobReport& report) {
  text.append("  I/O         ");
  if (report.totals.read_bytes && report.totals.write_bytes) {
    text.append("storage read ");
    text.append(bytes_text(report.totals.read_bytes->raw()).view());
    text.append(", written ");
    text.append(bytes_text(report.totals.write_bytes->raw()).view());
    text.append("\n");
  } else if (report.main && report.main->has(Counters::kIo)) {
    text.append("read ").append(bytes_text(report.main->rchar).view());
    text.append(", written ").append(bytes_text(report.main->wchar).view());
    text.append(", main process and its waited-for children\n");
  } else {
    text.append("not collected\n");
  }
}

}  // namespace detail

inline ReportText render(const JobReport& report) {
  ReportText text;
  text.append("corral: job ").append(display(report.jid).view());
  if (!report.name.empty())
    text.append(" '").append_printable(report.name.view()).append("'");
  text.append("\n  result      ").append(word_of(report.result.reason));
  text.append(": ").append_printable(sentence_of(report.result).view());
  text.append("\n  wall time   ");
  if (report.wall_time)
    text.append(seconds_text(report.wall_time->raw()).view()).append("\n");
  else
    text.append("it never ran\n");
  detail::report_cpu(text, report);
  detail::report_memory(text, report);
  detail::report_io(text, report);
  text.append("  processes   ").append_unsigned(report.processes_seen);
  text.append(" seen to end, ");
  if (report.totals.processes_not_seen)
    text.append_unsigned(*report.totals.processes_not_seen)
        .append(" not seen\n");
  else
    text.append("others unknown\n");
  if (report.forks_refused.value_or(0) > 0)
    text.append("  forks       ")
        .append_unsigned(*report.forks_refused)
        .append(" refused by the limit of processes\n");
  if (report.stragglers > 0) {
    text.append("  ended at the end  ").append_unsigned(report.stragglers);
    text.append(report.stragglers == 1 ? " process left behind: "
                                       : " processes left behind: ");
    text.append_printable(report.straggler_names.view()).append("\n");
  }
  return text;
}

}  // namespace core
