// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csaedit_text.h"

#include <ctime>

#include "accounting/text/local_clock.h"
#include "accounting/text/quantities.h"
#include "accounting/text/shown_text.h"

namespace accounting::csaedit {

namespace {

/// "Nov 21 23:25:33", or as much of it as there is.
std::string date_of(std::int64_t time) {
  const std::string text = LocalClock::text(time);
  return text.size() < 4 ? std::string() : text.substr(4, 15);
}

/// One line in the making.
struct Line {
  ReportText& text;
  int number;
  const TextColumns& columns;
  AccountNames& names;

  void begin(std::string_view label) const {
    text.left_number(number, 4).add(' ').left(label, 16).add(' ');
  }
  void user(std::uint32_t uid) const {
    const std::string& name = names.user(uid);
    if (name[0] == '?')
      text.left_number(static_cast<std::int32_t>(uid), 8);
    else
      text.left(name, 8, 8);
    text.add(' ');
  }
  void jid(std::uint64_t jid) const { text.hex(jid, 18).add(' '); }
  void owner(std::uint32_t uid, std::uint64_t job) const {
    user(uid);
    jid(job);
  }
};

void write_process(const Line& line, const Entry& entry) {
  const csa::Csa& process = *entry.process;
  ReportText& text = line.text;
  line.begin(ShownText(process.comm));
  line.owner(process.uid, process.jid);
  text.number(static_cast<std::int32_t>(process.pid), 8).add(' ');
  text.number(static_cast<std::int64_t>(process.prid), 8).add(' ');
  text.number(static_cast<std::int32_t>(process.gid), 8).add(' ');
  text.right(date_of(process.btime), 15).add(' ');
  text.number(process.stat, 3).add(' ');
  if (line.columns.times) {
    text.add(' ').fixed(seconds_of_usec(process.etime), 8, 4);
    text.add(' ').fixed(seconds_of_usec(process.utime), 8, 4);
    text.add(' ').fixed(seconds_of_usec(process.stime), 8, 4);
  }
  if (line.columns.marks) {
    const csa::Mem* const memory = entry.memory;
    const auto mark = [&](std::uint64_t kb) {
      text.add(' ').number(static_cast<std::int64_t>(kb), 9);
    };
    mark(memory == nullptr ? 0 : memory->core.himem);
    mark(memory == nullptr ? 0 : memory->virt.himem);
  }
  text.add('\n');
}

void write_start(const Line& line, const csa::StartOfJob& start) {
  const bool is_first = start.type == 1;
  line.begin(is_first ? "Start-of-Job" : "Restart-of-Job");
  line.owner(start.uid, start.jid);
  line.text.spaces(27);
  line.text.right(date_of(is_first ? start.btime : start.rstime), 15).add('\n');
}

void write_end(const Line& line, const csa::EndOfJob& end) {
  line.begin("End-of-Job");
  line.owner(end.uid, end.jid);
  line.text.spaces(18).number(static_cast<std::int32_t>(end.gid), 8).add(' ');
  line.text.right(date_of(end.etime), 15).spaces(6).add('\n');
}

void write_configuration(const Line& line, const csa::Configuration& record) {
  ReportText& text = line.text;
  if (record.event > 3) return;
  text.left_number(line.number, 4);
  if (record.event == 0) {
    text.add(" System boot time at ").right(date_of(record.boottime), 15);
    text.add('\n');
    return;
  }
  constexpr std::string_view kEvents[] = {"", "file switched", "started",
                                          "stopped"};
  text.add(" Accounting ").add(kEvents[record.event]).add(" at ");
  text.right(date_of(record.curtime), 15).add(", Kernel & Daemon mask = 0");
  text.padded_octal(record.kdmask, 5).add(", Record mask = 0");
  text.padded_octal(record.rmask, 5).add('\n');
}

struct WorkloadNames {
  std::string_view type;
  std::string_view subtypes[6];
};
constexpr WorkloadNames kWorkload[] = {
    {.type = "INFO", .subtypes = {"ACCTON", "ACCOFF"}},
    {.type = "RECV", .subtypes = {"NEW", "LOCAL", "REMOTE"}},
    {.type = "INIT", .subtypes = {"START", "RSTART", "RERUN", "SPOOL"}},
    {.type = "SPOOL", .subtypes = {" ", " ", " ", "INIT", " ", "TERM"}},
    {.type = "TERM",
     .subtypes = {"EXIT", "REQUE", "HOLD", "RERUN", "MIGRA", "SPOOL"}},
};

std::string_view subtype_name(std::size_t type, std::int16_t subtype) {
  if (subtype < 0) return "UNKNOWN";
  if (subtype < 1 || subtype > 6) return "";
  return kWorkload[type].subtypes[subtype - 1];
}

void write_request(const Line& line, const csa::Workload& record) {
  ReportText& text = line.text;
  line.owner(record.uid, record.jid);
  text.add("0x").padded_hex(record.ash, 16).add(' ');
  text.number(static_cast<std::int64_t>(record.prid), 8);
  text.add("  REQID=").number(record.reqid);
  text.add("  ARRAYID=").number(record.arrayid);
  text.add("  PROV=").add(ShownText(record.serv_provider));
  text.add("  START=").add(date_of(record.time));
}

void write_request_times(const Line& line, const csa::Workload& record) {
  const auto seconds = [](std::int64_t usec) {
    return seconds_of_usec(static_cast<double>(usec));
  };
  line.text.add("  UTIME=").fixed(seconds(record.utime), 0, 4);
  line.text.add("  STIME=").fixed(seconds(record.stime), 0, 4);
}

void write_consolidated(const Line& line, const csa::Workload& record) {
  constexpr std::size_t kInit = 2;
  constexpr std::size_t kTerm = 4;
  ReportText& text = line.text;
  line.begin("Cons-Workld-Mgmt");
  write_request(line, record);
  text.add("  INIT=").add(subtype_name(kInit, record.subtype));
  text.add("  TERM=").add(subtype_name(kTerm, record.term_subtype));
  text.add("  REQ=").add(ShownText(record.reqname));
  if (line.columns.times) {
    text.add("  QWAIT=").number(record.qwtime);
    write_request_times(line, record);
  }
  text.add('\n');
}

void write_workload(const Line& line, const csa::Workload& record) {
  if (record.type == csa::kWorkloadConsolidated) {
    write_consolidated(line, record);
    return;
  }
  ReportText& text = line.text;
  line.begin("Raw-Workld-Mgmt");
  write_request(line, record);
  if (record.enter_time > 0 && record.enter_time < std::time(nullptr))
    text.add("  ENTER=").add(date_of(record.enter_time));
  const auto type = static_cast<std::size_t>(record.type - 1);
  text.add("  TYPE=").add(kWorkload[type].type);
  text.add("  SUBTYPE=").add(subtype_name(type, record.subtype));
  text.add("  MACH=").add(ShownText(record.machname));
  text.add("  REQ=").add(ShownText(record.reqname));
  text.add("  QUE=").add(ShownText(record.quename));
  if (line.columns.times) write_request_times(line, record);
  text.add('\n');
}

void write_job(const Line& line, const csa::JobHeader& job) {
  line.begin("Job-Header");
  line.owner(job.uid, job.jid);
  line.text.spaces(37).right(date_of(job.btime), 15).add('\n');
}

}  // namespace

void write_headings(ReportText& text, const TextColumns& columns) {
  struct Row {
    std::string_view all;
    std::string_view times;
    std::string_view marks;
  };
  // clang-format off: it is a table
  constexpr Row kRows[] = {
      {.all = "REC  COMMAND          USER            JOB          PROCESS PROJECT  GROUP    START TIME      EXIT ",
       .times = " ETIME    UTIME    STIME   ", .marks = "   HIMEM (KBYTES)   "},
      {.all = "NUM  NAME             NAME            ID           ID      ID       ID       (EOJ: END TIME) STAT ",
       .times = " (Sec)    (Sec)    (Sec)   ", .marks = " CORE      VIRTUAL  "},
      {.all = "==== ================ ======== ==================  ======= ======== ======== =============== ==== ",
       .times = " ======== ======== ========", .marks = " ========= ========="},
  };
  // clang-format on
  for (const Row& row : kRows) {
    text.add(row.all);
    if (columns.times) text.add(row.times);
    if (columns.marks) text.add(row.marks);
    text.add('\n');
  }
}

void write_entry(ReportText& text, const Entry& entry, int number,
                 const TextColumns& columns, AccountNames& names) {
  const Line line{
      .text = text, .number = number, .columns = columns, .names = names};
  switch (entry.type()) {
    case csa::RecordType::kCsa:
      return write_process(line, entry);
    case csa::RecordType::kStartOfJob:
      return write_start(line, *entry.start);
    case csa::RecordType::kEndOfJob:
      return write_end(line, *entry.end);
    case csa::RecordType::kConfiguration:
      return write_configuration(line, *entry.configuration);
    case csa::RecordType::kWorkload:
      return write_workload(line, *entry.workload);
    case csa::RecordType::kJobHeader:
      return write_job(line, *entry.job);
    default:
      return;  // no entry of another type is valid
  }
}

}  // namespace accounting::csaedit
