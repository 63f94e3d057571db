// SPDX-License-Identifier: Apache-2.0
// The records of a pacct file as CSA 5.0 lays them out on disk: structs of
// natural alignment, every size and offset asserted. Numbers are in the byte
// order of the machine that wrote the file; the magic tells which. Facts only:
// what Corral puts into them is in accounting/csa_encode.h and site_record.h.
// Source of every number: reference "CSA", section 1, checked against files of
// the published daemon (tests/data/csa).
// The bytes between members have names: a compiler need not set, nor copy, what
// has none, and a record would take what memory held there into its file.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

namespace accounting::csa {

inline constexpr std::uint16_t kMagicBigEndian = 030510;
inline constexpr std::uint16_t kMagicLittleEndian = 030512;
inline constexpr std::uint16_t kMagic =
    std::endian::native == std::endian::little ? kMagicLittleEndian
                                               : kMagicBigEndian;
/// The magic of this machine as it appears in a file of the other byte order.
inline constexpr std::uint16_t kForeignMagic = static_cast<std::uint16_t>(
    std::endian::native == std::endian::little
        ? (kMagicBigEndian >> 8U) | (kMagicBigEndian << 8U)
        : (kMagicLittleEndian >> 8U) | (kMagicLittleEndian << 8U));

inline constexpr std::uint16_t kRevisionOldest = 05000;
inline constexpr std::uint16_t kRevision = 06000;
inline constexpr std::uint16_t kRevisionIo = 07000;  ///< acctio, acctdelay
inline constexpr std::uint16_t kRevisionJob = 010000;

/// ah_type of a first header.
enum class RecordType : std::uint8_t {
  kCsa = 0001,
  kMem = 0002,
  kIo = 0004,
  kDelay = 0010,
  kStartOfJob = 0012,
  kEndOfJob = 0014,
  kConfiguration = 0020,
  kKernelSite0 = 0100,
  kKernelSite1 = 0101,
  kWorkload = 0122,
  kDaemonSite0 = 0200,
  kDaemonSite1 = 0201,
  kJobHeader = 0220,
  kConsolidated = 0222,
  kCommandSummary = 0224,
};

/// Bits of ah_flag.
inline constexpr std::uint8_t kForked = 0x01;      ///< AFORK: fork, no exec
inline constexpr std::uint8_t kSuperuser = 0x02;   ///< ASU
inline constexpr std::uint8_t kCore = 0x08;        ///< ACORE
inline constexpr std::uint8_t kBySignal = 0x10;    ///< AXSIG
inline constexpr std::uint8_t kMoreFollow = 0x20;  ///< AMORE

/// Bits of the type in a second header, or-ed to the first header's type.
inline constexpr std::uint8_t kHasMem = 1U << 0;
inline constexpr std::uint8_t kHasIo = 1U << 1;
inline constexpr std::uint8_t kHasDelay = 1U << 2;

/// The largest record that the published tools step back over, and the unit in
/// which they step: every size is a multiple of it.
inline constexpr std::size_t kLargestRecord = 216;
inline constexpr std::size_t kRecordUnit = 8;

/// Says that an append of Corral's began with this record: a reader that finds
/// no site record behind it knows that the append was torn.
inline constexpr std::uint16_t kAppendMark = 0x4C43;

/// achead. A second header has the inverted magic, and in `size` the bytes of
/// all linked records.
struct Head {
  std::uint16_t magic;
  std::uint16_t revision;
  std::uint8_t type;
  std::uint8_t flag;
  std::uint16_t size;  ///< of the whole record, this header included
};
static_assert(sizeof(Head) == 8);

/// acctcsa: one exited process.
struct Csa {
  Head head;
  Head second;
  std::uint64_t sbu;
  std::uint8_t stat;  ///< exit code; 0 after a signal
  std::uint8_t nice;
  std::uint8_t sched;
  std::uint8_t padding;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint16_t mark;  ///< kAppendMark where CSA has padding
  std::uint16_t padding2;
  std::uint64_t ash;
  std::uint64_t jid;
  std::uint64_t prid;
  std::uint32_t pid;
  std::uint32_t ppid;
  std::int64_t btime;  ///< seconds since 1970
  char comm[16];
  std::uint64_t etime;  ///< elapsed, usec
  std::uint64_t utime;  ///< usec
  std::uint64_t stime;  ///< usec
  std::uint64_t spare;
  std::uint64_t spare1;
};
static_assert(sizeof(Csa) == 136);
static_assert(offsetof(Csa, second) == 8 && offsetof(Csa, sbu) == 16);
static_assert(offsetof(Csa, stat) == 24 && offsetof(Csa, nice) == 25);
static_assert(offsetof(Csa, sched) == 26 && offsetof(Csa, uid) == 28);
static_assert(offsetof(Csa, gid) == 32 && offsetof(Csa, ash) == 40);
static_assert(offsetof(Csa, jid) == 48 && offsetof(Csa, prid) == 56);
static_assert(offsetof(Csa, pid) == 64 && offsetof(Csa, ppid) == 68);
static_assert(offsetof(Csa, btime) == 72 && offsetof(Csa, comm) == 80);
static_assert(offsetof(Csa, etime) == 96 && offsetof(Csa, utime) == 104);
static_assert(offsetof(Csa, stime) == 112 && offsetof(Csa, spare) == 120);
static_assert(offsetof(Csa, spare1) == 128 && offsetof(Csa, mark) == 36);

/// memint: a high-water mark and an integral.
struct MemoryUse {
  std::uint64_t himem;  ///< KB
  std::uint64_t mem1;   ///< MB * usec
  std::uint64_t mem2;
  std::uint64_t mem3;
};
static_assert(sizeof(MemoryUse) == 32 && offsetof(MemoryUse, mem1) == 8);

/// acctmem, linked to Csa.
struct Mem {
  Head head;
  std::uint64_t sbu;
  MemoryUse core;
  MemoryUse virt;
  std::uint64_t pgswap;
  std::uint64_t minflt;
  std::uint64_t majflt;
  std::uint64_t spare;
};
static_assert(sizeof(Mem) == 112);
static_assert(offsetof(Mem, sbu) == 8 && offsetof(Mem, core) == 16);
static_assert(offsetof(Mem, virt) == 48 && offsetof(Mem, pgswap) == 80);
static_assert(offsetof(Mem, minflt) == 88 && offsetof(Mem, majflt) == 96);
static_assert(offsetof(Mem, spare) == 104);

/// acctio, linked to Csa.
struct Io {
  Head head;
  std::uint64_t sbu;
  std::uint64_t chr;  ///< bytes
  std::uint64_t chw;  ///< bytes
  std::uint64_t scr;  ///< system calls
  std::uint64_t scw;  ///< system calls
  std::uint64_t spare;
};
static_assert(sizeof(Io) == 56);
static_assert(offsetof(Io, sbu) == 8 && offsetof(Io, chr) == 16);
static_assert(offsetof(Io, chw) == 24 && offsetof(Io, scr) == 32);
static_assert(offsetof(Io, scw) == 40 && offsetof(Io, spare) == 48);

/// acctdelay, linked to Csa.
struct Delay {
  Head head;
  std::uint64_t cpu_count;
  std::uint64_t cpu_delay_total;  ///< nsec
  std::uint64_t blkio_count;
  std::uint64_t blkio_delay_total;  ///< nsec
  std::uint64_t swapin_count;
  std::uint64_t swapin_delay_total;     ///< nsec
  std::uint64_t cpu_run_real_total;     ///< nsec
  std::uint64_t cpu_run_virtual_total;  ///< nsec
};
static_assert(sizeof(Delay) == 72);
static_assert(offsetof(Delay, cpu_count) == 8);
static_assert(offsetof(Delay, blkio_count) == 24);
static_assert(offsetof(Delay, swapin_count) == 40);
static_assert(offsetof(Delay, cpu_run_virtual_total) == 64);

enum class StartKind : std::uint8_t { kStart = 1, kRestart = 2 };

/// acctsoj.
struct StartOfJob {
  Head head;
  std::uint8_t type;  ///< StartKind
  std::uint8_t init;
  std::uint16_t mark;  ///< kAppendMark where CSA has padding
  std::uint32_t uid;
  std::uint64_t jid;
  std::int64_t btime;   ///< seconds since 1970
  std::int64_t rstime;  ///< seconds since 1970
};
static_assert(sizeof(StartOfJob) == 40);
static_assert(offsetof(StartOfJob, type) == 8);
static_assert(offsetof(StartOfJob, init) == 9);
static_assert(offsetof(StartOfJob, uid) == 12);
static_assert(offsetof(StartOfJob, jid) == 16);
static_assert(offsetof(StartOfJob, btime) == 24);
static_assert(offsetof(StartOfJob, rstime) == 32);
static_assert(offsetof(StartOfJob, mark) == 10);

/// accteoj.
struct EndOfJob {
  Head head;
  Head second;
  std::uint64_t sbu;
  std::uint8_t init;
  std::uint8_t nice;
  std::uint16_t padding;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint16_t mark;  ///< kAppendMark where CSA has padding
  std::uint16_t padding2;
  std::uint64_t ash;
  std::uint64_t jid;
  std::uint64_t prid;
  std::int64_t btime;       ///< seconds since 1970
  std::int64_t etime;       ///< seconds since 1970
  std::uint64_t corehimem;  ///< KB
  std::uint64_t virthimem;  ///< KB
  std::uint64_t utime;      ///< usec
  std::uint64_t stime;      ///< usec
  std::uint32_t spare;
  std::uint32_t padding3;
};
static_assert(sizeof(EndOfJob) == 120);
static_assert(offsetof(EndOfJob, sbu) == 16 && offsetof(EndOfJob, init) == 24);
static_assert(offsetof(EndOfJob, nice) == 25 && offsetof(EndOfJob, uid) == 28);
static_assert(offsetof(EndOfJob, gid) == 32 && offsetof(EndOfJob, ash) == 40);
static_assert(offsetof(EndOfJob, jid) == 48 && offsetof(EndOfJob, prid) == 56);
static_assert(offsetof(EndOfJob, btime) == 64);
static_assert(offsetof(EndOfJob, etime) == 72);
static_assert(offsetof(EndOfJob, corehimem) == 80);
static_assert(offsetof(EndOfJob, virthimem) == 88);
static_assert(offsetof(EndOfJob, utime) == 96);
static_assert(offsetof(EndOfJob, stime) == 104);
static_assert(offsetof(EndOfJob, spare) == 112);
static_assert(offsetof(EndOfJob, mark) == 36);

enum class ConfigurationEvent : std::uint8_t {
  kBoot = 0,
  kFile = 1,  ///< csaswitch -c switch
  kOn = 2,
  kOff = 3,
};

/// The `ac_utsname` of acctcfg.
struct SystemName {
  char sysname[26];
  char nodename[26];
  char release[42];
  char version[41];
  char machine[26];
};
static_assert(sizeof(SystemName) == 161);

/// acctcfg.
struct Configuration {
  Head head;
  std::uint32_t kdmask;
  std::uint32_t rmask;
  std::int64_t uptimelen;
  std::uint8_t event;  ///< ConfigurationEvent
  std::uint8_t padding;
  std::uint16_t mark;  ///< kAppendMark where CSA has padding
  std::uint32_t padding2;
  std::int64_t boottime;  ///< seconds since 1970
  std::int64_t curtime;   ///< seconds since 1970
  SystemName name;
  std::uint8_t padding3[7];
};
static_assert(sizeof(Configuration) == 216);
static_assert(offsetof(Configuration, kdmask) == 8);
static_assert(offsetof(Configuration, rmask) == 12);
static_assert(offsetof(Configuration, uptimelen) == 16);
static_assert(offsetof(Configuration, event) == 24);
static_assert(offsetof(Configuration, mark) == 26);
static_assert(offsetof(Configuration, boottime) == 32);
static_assert(offsetof(Configuration, curtime) == 40);
static_assert(offsetof(Configuration, name) == 48);

inline constexpr std::int16_t kWorkloadInfo = 1;          ///< WM_INFO
inline constexpr std::int16_t kWorkloadAccountingOn = 1;  ///< WM_INFO_ACCTON

/// wkmgmtbs: a workload manager's record.
/// Of Workload::type: several records in one; the others are in the manual page
/// of csa_wracct (WM_INFO 1 to WM_TERM 5).
inline constexpr std::int16_t kWorkloadTerm = 5;  ///< WM_TERM
inline constexpr std::int16_t kWorkloadConsolidated = 6;
/// Of its subtypes: the request was spooled to another machine (WM_SPOOL_TERM).
inline constexpr std::int16_t kSpoolTerm = 6;

struct Workload {
  Head head;
  double sbu;
  std::int16_t type;
  std::int16_t subtype;
  std::int32_t arrayid;
  char serv_provider[16];
  std::int64_t time;        ///< seconds since 1970
  std::int64_t enter_time;  ///< seconds since 1970
  std::int32_t qtype;
  std::uint32_t uid;
  std::uint64_t prid;
  std::uint64_t ash;
  std::uint64_t jid;
  char machname[16];
  char reqname[16];
  char quename[16];
  std::int64_t reqid;
  std::int64_t code;
  std::int64_t utime;         ///< usec
  std::int64_t stime;         ///< usec
  std::int64_t ctime;         ///< usec
  std::int64_t mem_reserved;  ///< KB
  std::int16_t ncpus;
  std::int16_t term_subtype;
  std::uint16_t mark;  ///< kAppendMark, in what CSA has to spare
  std::uint16_t spare;
  std::int64_t qwtime;  ///< seconds
  double sbu_wt;
};
static_assert(sizeof(Workload) == 208);
static_assert(offsetof(Workload, type) == 16);
static_assert(offsetof(Workload, serv_provider) == 24);
static_assert(offsetof(Workload, time) == 40);
static_assert(offsetof(Workload, enter_time) == 48);
static_assert(offsetof(Workload, qtype) == 56);
static_assert(offsetof(Workload, uid) == 60);
static_assert(offsetof(Workload, jid) == 80);
static_assert(offsetof(Workload, machname) == 88);
static_assert(offsetof(Workload, reqid) == 136);
static_assert(offsetof(Workload, code) == 144);
static_assert(offsetof(Workload, ncpus) == 184);
static_assert(offsetof(Workload, mark) == 188);
static_assert(offsetof(Workload, qwtime) == 192);
static_assert(offsetof(Workload, sbu_wt) == 200);

/// acctjob, only in sorted files (csabuild).
struct JobHeader {
  Head head;
  std::int32_t flags;
  std::uint32_t uid;
  std::uint64_t jid;
  std::int64_t btime;
  struct Group {
    std::int64_t start;
    std::int32_t count;
    std::int32_t padding;
  };
  Group processes;
  Group events;
  Group workload;
  std::int64_t length;
};
static_assert(sizeof(JobHeader) == 88 && offsetof(JobHeader, jid) == 16);
static_assert(offsetof(JobHeader, processes) == 32);
static_assert(offsetof(JobHeader, length) == 80);

/// The size that a type's record must have; 0: any, or not of a pacct file.
constexpr std::size_t size_of(RecordType type) {
  switch (type) {
    case RecordType::kCsa:
      return sizeof(Csa);
    case RecordType::kMem:
      return sizeof(Mem);
    case RecordType::kIo:
      return sizeof(Io);
    case RecordType::kDelay:
      return sizeof(Delay);
    case RecordType::kStartOfJob:
      return sizeof(StartOfJob);
    case RecordType::kEndOfJob:
      return sizeof(EndOfJob);
    case RecordType::kConfiguration:
      return sizeof(Configuration);
    case RecordType::kWorkload:
      return sizeof(Workload);
    case RecordType::kJobHeader:
      return sizeof(JobHeader);
    case RecordType::kKernelSite0:
    case RecordType::kKernelSite1:
    case RecordType::kDaemonSite0:
    case RecordType::kDaemonSite1:
    case RecordType::kConsolidated:
    case RecordType::kCommandSummary:
      return 0;
  }
  return 0;
}

/// The revision that the published tools expect of a type.
constexpr std::uint16_t revision_of(RecordType type) {
  if (type == RecordType::kIo || type == RecordType::kDelay) return kRevisionIo;
  return type == RecordType::kJobHeader ? kRevisionJob : kRevision;
}

/// The first header of a record of ours.
constexpr Head make_head(RecordType type, std::size_t size,
                         std::uint8_t flag = 0) {
  return {.magic = kMagic,
          .revision = revision_of(type),
          .type = static_cast<std::uint8_t>(type),
          .flag = flag,
          .size = static_cast<std::uint16_t>(size)};
}

/// The second header of a record of ours. The published writer ors the bits of
/// the linked records onto the type, and so do we: its readers expect it.
constexpr Head make_second_head(RecordType type, std::uint8_t linked_bits,
                                std::size_t linked_size) {
  const auto bits =
      static_cast<unsigned>(type) | static_cast<unsigned>(linked_bits);
  return {.magic = static_cast<std::uint16_t>(kMagic ^ 0xFFFFU),
          .revision = revision_of(type),
          .type = static_cast<std::uint8_t>(bits),
          .flag = 0,
          .size = static_cast<std::uint16_t>(linked_size)};
}

}  // namespace accounting::csa

#pragma GCC diagnostic pop
