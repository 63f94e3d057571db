// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/entry_check.h"

#include <concepts>
#include <string_view>

namespace accounting {

namespace {

using csa::Head;
using csa::RecordType;
using Kind = Validity::Kind;

constexpr std::uint32_t kLargestPid = 0x400000;
constexpr int kInitiators = 6;  ///< login, LSF, cron, ftp, inetd, telnet
constexpr int kEvents = 4;

/// A number that is shown with its leading 0.
struct Octal {
  unsigned value;
};

/// The first fault of an entry: what is said later is not heard.
class Faults {
 public:
  explicit Faults(const Entry& entry) : entry_(entry) {}

  /// `subject`: which record, as it is named before the fault.
  void begin(std::string_view subject) { subject_ = subject; }

  template <class... Parts>
  void unless(bool holds, Kind kind, const Parts&... parts) {
    if (holds || !result_.is_valid()) return;
    result_.kind = kind;
    result_.fault = subject_;
    (add(parts), ...);
  }

  /// The header of a record of `type`.
  void head(const Head& head, RecordType type, Kind kind = Kind::kBadHeader) {
    unless(head.magic == csa::kMagic, kind, "bad magic value ",
           Octal{head.magic}, ".");
    unless(head.type == static_cast<unsigned>(type), kind,
           "bad header type ID\n", Octal{head.type}, ", expected ",
           Octal{static_cast<unsigned>(type)}, ".");
    unless(head.revision == csa::revision_of(type), kind, "bad revision ",
           Octal{head.revision}, ".");
    const std::uint16_t size = &head == entry_.cut ? entry_.stated : head.size;
    unless(size == csa::size_of(type), kind, "bad record size of\n", size,
           " bytes, expected ", csa::size_of(type), " bytes.");
  }

  /// The second header, which has the bytes of the linked records.
  void second(const Head& head, RecordType type, std::size_t linked) {
    constexpr auto kInverted = static_cast<std::uint16_t>(~csa::kMagic);
    unless(head.magic == kInverted, Kind::kBadValue, "bad hdr2 magic value\n",
           Octal{head.magic}, ", expected ", Octal{kInverted}, ".");
    unless(head.revision == csa::revision_of(type), Kind::kBadValue,
           "bad hdr2 revision ", Octal{head.revision}, ".");
    unless(head.size == linked, Kind::kBadValue, "bad hdr2 record size\nof ",
           head.size, " bytes, expected ", linked, " bytes.");
  }

  [[nodiscard]] Validity take() { return std::move(result_); }

 private:
  void add(std::string_view text) { result_.fault += text; }
  void add(std::integral auto number) {
    result_.fault += std::to_string(number);
  }
  void add(Octal octal) {
    std::string digits;
    for (unsigned rest = octal.value; rest != 0; rest >>= 3U)
      digits.insert(digits.begin(), static_cast<char>('0' + (rest & 7U)));
    result_.fault += "0" + digits;
  }

  const Entry& entry_;
  std::string_view subject_;
  Validity result_;
};

void check(Faults& faults, const csa::EndOfJob& end) {
  faults.begin(" Invalid record - (EOJ): ");
  faults.head(end.head, RecordType::kEndOfJob);
  faults.unless(end.init < kInitiators, Kind::kBadValue, "bad initiator type ",
                end.init, ".");
  faults.unless(end.btime > 0, Kind::kBadValue, "bad start time.");
  faults.unless(end.etime > 0, Kind::kBadValue, "bad end time.");
}

void check(Faults& faults, const csa::StartOfJob& start) {
  faults.begin(" Invalid record - (SOJ): ");
  faults.head(start.head, RecordType::kStartOfJob);
  faults.unless(start.type == 1 || start.type == 2, Kind::kBadValue,
                "bad type ", start.type, ".");
  faults.unless(start.init < kInitiators, Kind::kBadValue,
                "bad initiator type ", start.init, ".");
  faults.unless(start.btime > 0, Kind::kBadValue, "bad start time.");
  faults.unless(start.type != 2 || start.rstime > 0, Kind::kBadValue,
                "bad restart time.");
}

void check(Faults& faults, const csa::Configuration& configuration) {
  faults.begin(" Invalid record - (CFG): ");
  faults.head(configuration.head, RecordType::kConfiguration);
  faults.unless(configuration.boottime > 0, Kind::kBadValue, "bad boot time.");
  faults.unless(configuration.curtime > 0, Kind::kBadValue,
                "bad current time.");
  faults.unless(configuration.event < kEvents, Kind::kBadValue,
                "bad event type ", configuration.event, ".");
}

/// A process and the records linked to it.
void check_process(Faults& faults, const Entry& entry) {
  const csa::Csa& process = *entry.process;
  faults.begin(" Invalid record - (CSA): ");
  faults.head(process.head, RecordType::kCsa);
  faults.unless(process.btime > 0, Kind::kBadValue, "bad beginning time.");
  faults.unless(process.pid <= kLargestPid, Kind::kBadValue, "bad process ID ",
                static_cast<std::int32_t>(process.pid), ".");
  // The published sentence about the parent names the process.
  faults.unless(process.ppid <= kLargestPid, Kind::kBadValue,
                "bad parent process ID ",
                static_cast<std::int32_t>(process.pid), ".");
  faults.unless(process.comm[0] != '\0', Kind::kBadValue, "bad command name.");
  std::size_t linked = 0;
  const auto add = [&](const Head& head, RecordType type,
                       std::string_view subject) {
    faults.begin(subject);
    faults.head(head, type, Kind::kBadValue);
    linked += head.size;
  };
  if (entry.memory != nullptr)
    add(entry.memory->head, RecordType::kMem, " Invalid record - (Mem): ");
  if (entry.io != nullptr)
    add(entry.io->head, RecordType::kIo, " Invalid record - (I/O): ");
  if (entry.delay != nullptr)
    add(entry.delay->head, RecordType::kDelay, " Invalid record - (Delay): ");
  faults.begin(" Invalid record - (CSA): ");
  faults.second(process.second, RecordType::kCsa, linked);
}

void check(Faults& faults, const csa::JobHeader& job) {
  faults.begin(" Invalid record - (Job-hdr): ");
  faults.head(job.head, RecordType::kJobHeader);
  faults.unless(job.processes.count >= 0, Kind::kBadValue,
                "bad number of process records ", job.processes.count, ".");
  faults.unless(job.events.count >= 0, Kind::kBadValue,
                "bad number of job records ", job.events.count, ".");
  faults.unless(job.workload.count >= 0, Kind::kBadValue,
                "bad number of workload management records ",
                job.workload.count, ".");
  faults.unless(job.length > 0, Kind::kBadValue, "bad length (in bytes) ",
                static_cast<std::int32_t>(job.length), ".");
}

/// Types of workload records, and which subtypes each has, as bits.
struct WorkloadType {
  std::string_view name;
  unsigned subtypes;
};
constexpr WorkloadType kWorkloadTypes[] = {
    {"", 0},       {"INFO", 06},    {"RECV", 02},
    {"INIT", 016}, {"SPOOL", 0120}, {"TERM", 076},
};

void check_names(Faults& faults, const csa::Workload& record) {
  faults.unless(record.machname[0] != '\0', Kind::kBadValue,
                "bad machine name.");
  faults.unless(record.reqname[0] != '\0', Kind::kBadValue,
                "bad request name.");
  faults.unless(record.quename[0] != '\0', Kind::kBadValue, "bad queue name.");
}

void check_common(Faults& faults, const csa::Workload& record) {
  faults.unless(record.reqid >= 0, Kind::kBadValue, "bad request\nID ",
                record.reqid, ".");
  faults.unless(record.arrayid >= 0, Kind::kBadValue, "bad array\nID ",
                record.arrayid, ".");
  faults.unless(record.qtype >= 0, Kind::kBadValue, "bad queue\ntype ",
                record.qtype, ".");
  faults.unless(record.serv_provider[0] != '\0', Kind::kBadValue,
                "bad service provider.");
}

void check_consolidated(Faults& faults, const csa::Workload& record) {
  faults.begin(" Invalid consolidated wkmg record - ");
  faults.head(record.head, RecordType::kWorkload);
  faults.unless(record.time > 0, Kind::kBadValue, "bad start time.");
  check_common(faults, record);
  check_names(faults, record);
  faults.unless(record.qwtime >= 0, Kind::kBadValue, "bad queue\nwait time.");
  const int init = record.subtype;
  faults.unless((init >= 1 && init <= 4) || init == -1, Kind::kBadValue,
                "unknown\nWM_INIT subtype ", init, ".");
  const int term = record.term_subtype;
  faults.unless((term >= 1 && term <= 6) || term == -2, Kind::kBadValue,
                "unknown\nWM_TERM subtype ", term, ".");
}

void check(Faults& faults, const csa::Workload& record) {
  if (record.type == csa::kWorkloadConsolidated) {
    check_consolidated(faults, record);
    return;
  }
  faults.begin(" Invalid wkmg record - ");
  faults.head(record.head, RecordType::kWorkload);
  const bool is_known =
      record.type >= 1 && record.type < csa::kWorkloadConsolidated;
  faults.unless(is_known, Kind::kBadValue, "unknown record type ", record.type,
                ".");
  if (!is_known) return;
  const WorkloadType& type = kWorkloadTypes[record.type];
  const bool has_subtype =
      record.subtype >= 0 && record.subtype < 32 &&
      ((type.subtypes >> static_cast<unsigned>(record.subtype)) & 1U) != 0;
  faults.unless(has_subtype, Kind::kBadValue, "unknown WM_", type.name,
                " subtype ", record.subtype, ".");
  faults.unless(record.time > 0, Kind::kBadValue, "bad time.");
  check_common(faults, record);
  if (record.type != csa::kWorkloadInfo) check_names(faults, record);
}

}  // namespace

Validity check_entry(const Entry& entry) {
  Faults faults(entry);
  if (entry.end != nullptr) check(faults, *entry.end);
  if (entry.start != nullptr) check(faults, *entry.start);
  if (entry.configuration != nullptr) check(faults, *entry.configuration);
  if (entry.process != nullptr) check_process(faults, entry);
  if (entry.job != nullptr) check(faults, *entry.job);
  if (entry.workload != nullptr) check(faults, *entry.workload);
  return faults.take();
}

bool is_primary_head(const Head& head) {
  if (head.magic != csa::kMagic) return false;
  const auto type = static_cast<RecordType>(head.type);
  switch (type) {
    case RecordType::kCsa:
    case RecordType::kStartOfJob:
    case RecordType::kEndOfJob:
    case RecordType::kConfiguration:
    case RecordType::kWorkload:
    case RecordType::kJobHeader:
      return head.revision == csa::revision_of(type) &&
             head.size == csa::size_of(type);
    default:
      return false;  // a site's type has no revision that could be right
  }
}

}  // namespace accounting
