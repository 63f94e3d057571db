// SPDX-License-Identifier: Apache-2.0
// The site record: what Corral knows and CSA's own records have no place for
// (which counters were collected at all, signal, reason, limit, a key, a
// checksum). One stands at the end of every append.
//
// Carrier. CSA reserves the types 0100, 0101, 0200 and 0201 for sites, but the
// published reader gives them the revision -1, which no header can carry: it
// refuses every such record and csacom and csabuild stop there. What all of its
// tools do pass over is a workload record (type 0122) of the kind "information"
// (type 1, subtype 1): they check its head, its times' sign and that a provider
// is named, and skip it. A site record is therefore such a record, its provider
// is "CORRAL", and its own fields lie where an information record has none.
// docs/RECORDS.md says what was proved of this and how.
//
// Invariant: the fields that the published tools look at lie at their places
// (asserted below); all sizes equal the carrier's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "accounting/csa_layout.h"

namespace accounting {

inline constexpr std::int32_t kSiteVersion = 1;
inline constexpr char kSiteProvider[16] = "CORRAL";

/// What a site record is about. The first three stand behind the CSA record
/// that they complete; kText before one of them.
enum class SiteKind : std::uint8_t {
  kStart = 1,    ///< behind acctsoj
  kProcess = 2,  ///< behind acctcsa and what is linked to it
  kEnd = 3,      ///< behind accteoj; alone where its boot is over
  kLoss = 4,     ///< alone: records were lost before it
  kText = 5,     ///< a text of the record that the append is about
  kOpened = 6,   ///< behind acctcfg
  kLimits = 7,   ///< alone: the bounds that a job has from now on
  kDaemon = 8,   ///< behind a workload record, or its bytes as texts
  kPeaks = 9,    ///< before an end
};

enum class SiteText : std::uint32_t {
  kName = 1,     ///< the job's name, in a start
  kDetail = 2,   ///< JobResult::detail, in an end
  kProject = 3,  ///< that the job is charged to, in a start
  kAccount = 4,  ///< likewise
  kPayload = 5,  ///< bytes of a daemon's record; several are one
};

/// Bits of SiteProcess::marks.
inline constexpr std::uint32_t kMarkInclusive = 1U << 0;

/// Bits of SiteEnd::present: which of its fields were collected.
enum class EndField : std::uint32_t {
  kStatus = 1U << 0,
  kWallTime = 1U << 1,  ///< clear: it never ran, or it is not known
  kUserTime = 1U << 2,
  kSystemTime = 1U << 3,
  kMemoryPeak = 1U << 4,
  kReadBytes = 1U << 5,
  kWriteBytes = 1U << 6,
  kOomKills = 1U << 7,
  kNotSeen = 1U << 8,
};

/// The common part. Names in the comments are the carrier's (wkmgmtbs).
struct SiteHead {
  csa::Head head;
  std::uint64_t zero_sbu;        // sbu
  std::int16_t carrier_type;     // type: kWorkloadInfo
  std::int16_t carrier_subtype;  // subtype: kWorkloadAccountingOn
  /// SiteKind, and for the last record of an append 256 * (bytes of the whole
  /// append / 8), else 0. (arrayid, never negative)
  std::int32_t kind_and_size;
  char provider[16];       // serv_provider: kSiteProvider
  std::int64_t time;       // seconds since 1970
  std::uint64_t instance;  // enter_time
  std::int32_t version;    // qtype
  std::uint32_t uid;
  std::uint64_t zero_prid;  // prid
  std::uint64_t zero_ash;   // ash
  std::uint64_t jid;
};
static_assert(sizeof(SiteHead) == 88);
static_assert(offsetof(SiteHead, carrier_type) ==
              offsetof(csa::Workload, type));
static_assert(offsetof(SiteHead, carrier_subtype) ==
              offsetof(csa::Workload, subtype));
static_assert(offsetof(SiteHead, kind_and_size) ==
              offsetof(csa::Workload, arrayid));
static_assert(offsetof(SiteHead, provider) ==
              offsetof(csa::Workload, serv_provider));
static_assert(offsetof(SiteHead, time) == offsetof(csa::Workload, time));
static_assert(offsetof(SiteHead, version) == offsetof(csa::Workload, qtype));
static_assert(offsetof(SiteHead, uid) == offsetof(csa::Workload, uid));
static_assert(offsetof(SiteHead, zero_prid) == offsetof(csa::Workload, prid));
static_assert(offsetof(SiteHead, zero_ash) == offsetof(csa::Workload, ash));
static_assert(offsetof(SiteHead, jid) == offsetof(csa::Workload, jid));

/// A site record before its kind is known.
struct SiteRecord {
  SiteHead head;
  std::byte first[48];
  std::uint64_t key;  // reqid: below 2^63
  std::byte second[60];
  /// CRC-32C of the whole append up to here, in its last record; else 0.
  std::uint32_t checksum;
};

/// Hard bounds that a job began with, each in its kind's unit, in the order of
/// the kinds that have one.
struct AskedLimits {
  std::uint64_t bounds[13];
  std::uint32_t kinds;  ///< the bit of each core::LimitKind
};
inline constexpr unsigned kMostAsked = 13;

struct SiteStart {
  SiteHead head;
  std::uint64_t first_bounds[6];  ///< AskedLimits::bounds
  std::uint64_t key;
  std::uint64_t more_bounds[7];
  std::uint32_t kinds;
  std::uint32_t checksum;
};

/// SiteStart, of kLimits: with who changed them as the head's uid.
using SiteLimits = SiteStart;

/// What a daemon told, and who brought it (the head's uid).
struct SiteDaemon {
  SiteHead head;
  std::uint32_t kind;  ///< core::AccountKind
  std::uint32_t size;  ///< bytes, of the record or of the texts before
  std::byte reserved[40];
  std::uint64_t key;
  std::byte reserved2[60];
  std::uint32_t checksum;
};

struct SiteProcess {
  SiteHead head;
  std::uint32_t present;  ///< core::Counters
  std::int32_t wait_status;
  std::uint64_t sequence;
  std::uint64_t order;
  std::uint64_t start_boot_us;
  std::uint64_t end_boot_us;
  std::uint64_t end_real_us;
  std::uint64_t key;
  std::uint64_t nvcsw;
  std::uint64_t nivcsw;
  std::uint64_t read_bytes;   ///< storage
  std::uint64_t write_bytes;  ///< storage
  std::int32_t nice;
  std::uint32_t kernel_flags;
  std::uint32_t marks;      ///< kMarkInclusive
  std::uint32_t collector;  ///< core::Collector
  std::uint64_t gpid;       ///< core::GlobalPid; 0: not told
  std::uint32_t reserved2;
  std::uint32_t checksum;
};

struct SiteEnd {
  SiteHead head;
  std::int32_t wait_status;
  std::uint8_t reason;        ///< core::Reason
  std::uint8_t limit_kind;    ///< core::LimitKind
  std::uint8_t engine;        ///< core::Engine
  std::uint8_t launch_stage;  ///< core::LaunchStage
  std::int32_t launch_code;
  std::uint32_t by_uid;  ///< who cancelled
  std::uint64_t limit_value;
  std::uint64_t limit_bound;
  std::uint64_t wall_us;  ///< by CLOCK_BOOTTIME
  std::uint64_t end_real_us;
  std::uint64_t key;
  std::uint64_t user_us;
  std::uint64_t system_us;
  std::uint64_t memory_peak;  ///< bytes
  std::uint64_t read_bytes;
  std::uint64_t write_bytes;
  std::uint32_t oom_kills;  ///< saturates
  std::uint32_t not_seen;   ///< processes; saturates
  std::uint32_t processes_seen;
  std::uint32_t stragglers;
  std::uint32_t present;  ///< EndField
  std::uint32_t checksum;
};

/// What else the kernel tells of a job's cgroup, and who told the rest.
struct SitePeaks {
  SiteHead head;
  /// Microseconds, each if its bit is in `present`: 0 and 1 some and all
  /// stalled for a processor, 2 and 3 for memory, 4 and 5 for I/O.
  std::uint64_t stalls[6];
  std::uint64_t key;
  std::uint64_t processes;   ///< at once; kHasProcessesPeak
  std::uint64_t swap_bytes;  ///< kHasSwapPeak
  std::uint32_t present;
  std::uint8_t collector;  ///< core::Collector: who counts its processes
  std::uint8_t sources;    ///< of the end's totals: kFromCgroup, kFromFollowed
  std::byte reserved[38];
  std::uint32_t checksum;  ///< 0: it is not the last
};
inline constexpr std::uint32_t kHasProcessesPeak = 1U << 6;
inline constexpr std::uint32_t kHasSwapPeak = 1U << 7;
inline constexpr std::uint8_t kFromCgroup = 1U << 0;
inline constexpr std::uint8_t kFromFollowed = 1U << 1;  ///< /proc/PID/stat

struct SiteLoss {
  SiteHead head;
  std::uint64_t count;      ///< appends lost
  std::uint64_t first_key;  ///< of the lost
  std::int32_t code;        ///< errno that the disk gave last
  std::uint32_t reserved;
  std::byte reserved2[24];
  std::uint64_t key;  ///< the last of the lost
  std::byte reserved3[60];
  std::uint32_t checksum;
};

/// Which kinds of accounting are on (core/record_switches.h).
struct SiteOpened {
  SiteHead head;
  std::uint64_t memory_kib;
  std::uint64_t time_us;
  std::uint32_t kinds;
  std::uint32_t has_kinds;   ///< 0: a version before did not say them
  std::uint8_t boot_id[16];  ///< sys::BootId; all 0: it is not told
  std::uint64_t has_before;  ///< 1, of a boot: the next three are told
  std::uint64_t key;
  /// The last append that the boots before left whole in the file, and how many
  /// bytes of a torn one stood behind it.
  std::uint64_t before_instance;
  std::uint64_t before_key;
  std::uint64_t torn_bytes;
  std::byte reserved2[36];
  std::uint32_t checksum;
};

struct SiteTextRecord {
  SiteHead head;
  char first[48];
  std::uint64_t key;
  char second[52];
  std::uint32_t what;  ///< SiteText
  std::uint32_t size;  ///< bytes of text, at most 100
  std::uint32_t checksum;
};
inline constexpr std::size_t kSiteTextSize = 100;

template <class Record>
consteval bool is_site_record() {
  return std::is_trivially_copyable_v<Record> &&
         sizeof(Record) == sizeof(csa::Workload) &&
         offsetof(Record, key) == 136 && offsetof(Record, checksum) == 204;
}
static_assert(offsetof(csa::Workload, reqid) == 136);
static_assert(is_site_record<SiteRecord>() && is_site_record<SiteProcess>());
static_assert(is_site_record<SiteStart>());
static_assert(is_site_record<SiteEnd>() && is_site_record<SiteLoss>());
static_assert(is_site_record<SiteOpened>() && is_site_record<SiteDaemon>());
static_assert(is_site_record<SiteTextRecord>() && is_site_record<SitePeaks>());

constexpr SiteKind kind_of(const SiteHead& head) {
  return static_cast<SiteKind>(head.kind_and_size & 0xFF);
}
/// The bytes of the append that this record ends; 0 if it ends none.
constexpr std::size_t append_size_of(const SiteHead& head) {
  const auto units = static_cast<std::uint32_t>(head.kind_and_size) >> 8U;
  return std::size_t{units} * csa::kRecordUnit;
}

/// Is this workload record one of ours, in this machine's byte order?
inline bool is_site_record(const SiteHead& head) {
  return head.head.magic == csa::kMagic &&
         head.head.type ==
             static_cast<std::uint8_t>(csa::RecordType::kWorkload) &&
         head.head.size == sizeof(csa::Workload) &&
         std::memcmp(head.provider, kSiteProvider, sizeof kSiteProvider) == 0;
}

}  // namespace accounting
