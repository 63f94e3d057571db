// SPDX-License-Identifier: Apache-2.0
// What happened, as the bytes of one append to a pacct file. Header-only and
// allocation free: the scope in the reaper's binary writes the same records as
// the supervisor's scribe.
//
// Invariants:
//  - One encode() is one append: whole CSA records of which the published tools
//    know what to think, then one or more site records (accounting/
//    site_record.h) of which the last holds size and CRC-32C of the append.
//  - A counter that was not collected leaves its CSA record out where CSA lets
//    it be left out (memory, I/O), else stands as 0 there and as absent in the
//    site record, which is the truth. Nothing is made up: no half tick of CPU
//    time, no integral.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "accounting/csa_layout.h"
#include "accounting/site_record.h"
#include "core/checksum.h"
#include "core/collector.h"
#include "core/containment.h"
#include "core/exit_record.h"
#include "core/ids.h"
#include "core/job_result.h"
#include "core/job_totals.h"
#include "core/limits.h"
#include "core/quantity.h"
#include "core/record_switches.h"
#include "core/text.h"

namespace accounting {

/// Names one append for ever: the instance (the journal's epoch, or a random
/// number of a scope's) and a number that grows within it, below 2^63.
struct RecordKey {
  std::uint64_t instance = 0;
  std::uint64_t key = 0;
};

/// A job is about to be launched.
struct StartOfJob {
  RecordKey key;
  core::JobId jid;
  core::Uid uid;
  core::Moment when;
  core::Text<64> name;  ///< may be empty
  AskedLimits asked = {};

  /// A bound, if there is one; kinds in the order of their numbers. Beyond
  /// kMostAsked none is kept.
  [[gnu::noinline]] void add_asked(core::LimitKind kind,
                                   core::Maybe<std::uint64_t> bound) {
    if (!bound || asked_count == kMostAsked) return;
    asked.bounds[asked_count++] = *bound;
    asked.kinds |= 1U << static_cast<unsigned>(kind);
  }
  template <class Quantity>
  void add_asked(core::LimitKind kind, const core::Maybe<Quantity>& bound) {
    add_asked(kind,
              bound ? core::Maybe<std::uint64_t>(bound->raw()) : std::nullopt);
  }
  unsigned asked_count = 0;
};

/// A process was reaped. jid 0 is written too: a process of no job.
struct ProcessEnd {
  RecordKey key;
  core::ExitRecord record;
  bool inclusive = true;  ///< its counters include waited-for children
};

/// A job is empty. `started` is zero if it never ran; its `boot` alone is zero
/// if nobody can tell how long it ran.
struct EndOfJob {
  RecordKey key;
  core::JobId jid;
  core::Uid uid;
  core::Gid gid;
  core::Moment started;
  core::Moment ended;
  core::JobResult result;
  core::JobTotals totals;
  std::uint32_t processes_seen = 0;
  std::uint32_t stragglers = 0;
  core::Engine engine = core::Engine::kSubreaper;
};

/// Appends that could be neither written nor kept.
struct Loss {
  RecordKey last;  ///< the last that was lost
  std::uint64_t first_key = 0;
  std::uint64_t count = 0;
  std::int32_t code = 0;  ///< errno of the file
  core::RealTime when;
};

/// The file was begun or is about to be switched, or kinds of accounting were
/// turned off or on. `name` is that of uname(2), zero filled.
struct FileOpened {
  RecordKey key;
  csa::ConfigurationEvent event = csa::ConfigurationEvent::kOn;
  csa::SystemName name = {};
  core::RealTime booted;
  core::RealTime when;
  core::RecordSwitches switches;  ///< from now on
};

/// The bytes of one append.
struct RecordBytes {
  alignas(8) std::byte data[1024] = {};
  std::size_t size = 0;

  [[nodiscard]] std::span<const std::byte> view() const { return {data, size}; }
};

/// Ids that nobody could tell stand as -2 in CSA.
inline constexpr std::uint32_t kUnknownId = 0xFFFFFFFEU;

namespace detail {

/// At least 1: csaverify refuses a record without a time.
[[gnu::noinline]] inline std::int64_t in_seconds(core::RealTime time) {
  return std::max<std::int64_t>(
      static_cast<std::int64_t>(time.raw() / 1000000U), 1);
}

/// Out of line: the record is built in memory, not field by field in registers
/// and then once more.
[[gnu::noinline]] inline void put_bytes(RecordBytes& bytes, const void* record,
                                        std::size_t size) {
  std::memcpy(bytes.data + bytes.size, record, size);
  bytes.size += size;
}

template <class Record>
void put(RecordBytes& bytes, const Record& record) {
  static_assert(std::is_trivially_copyable_v<Record> &&
                sizeof(Record) % csa::kRecordUnit == 0 &&
                sizeof(Record) <= csa::kLargestRecord);
  put_bytes(bytes, &record, sizeof record);
}

[[gnu::noinline]] inline SiteHead site_head(SiteKind kind, const RecordKey& key,
                                            core::RealTime when) {
  SiteHead head = {};
  head.head = csa::make_head(csa::RecordType::kWorkload, sizeof(csa::Workload));
  head.carrier_type = csa::kWorkloadInfo;
  head.carrier_subtype = csa::kWorkloadAccountingOn;
  head.kind_and_size = static_cast<std::int32_t>(kind);
  std::memcpy(head.provider, kSiteProvider, sizeof head.provider);
  head.time = in_seconds(when);
  head.instance = key.instance;
  head.version = kSiteVersion;
  return head;
}

/// Ends an append with what its last record, a site record, says of all of it:
/// its size, and in its last word the checksum of what stands before that.
[[gnu::noinline]] inline void end_append(RecordBytes& bytes) {
  constexpr std::size_t kPlace = offsetof(SiteHead, kind_and_size);
  std::byte* const site = bytes.data + bytes.size - sizeof(SiteRecord);
  std::int32_t kind_and_size = 0;
  std::memcpy(&kind_and_size, site + kPlace, sizeof kind_and_size);
  kind_and_size |= static_cast<std::int32_t>(bytes.size / csa::kRecordUnit)
                   << 8;
  std::memcpy(site + kPlace, &kind_and_size, sizeof kind_and_size);
  const std::size_t end = bytes.size - sizeof(std::uint32_t);
  const std::uint32_t checksum = core::crc32c(std::span(bytes.data).first(end));
  std::memcpy(bytes.data + end, &checksum, sizeof checksum);
}

template <class Record>
void put_last(RecordBytes& bytes, const Record& record) {
  static_assert(is_site_record<Record>());
  put(bytes, record);
  end_append(bytes);
}

/// Puts a text, if there is one, before the last site record, whose head and
/// key it has.
[[gnu::noinline]] inline void put_text(RecordBytes& bytes, const SiteHead& head,
                                       std::uint64_t key, SiteText what,
                                       std::string_view text) {
  if (text.empty()) return;
  SiteTextRecord record = {};
  record.head = head;
  record.head.kind_and_size = static_cast<std::int32_t>(SiteKind::kText);
  record.key = key;
  record.what = static_cast<std::uint32_t>(what);
  const std::size_t size = std::min(text.size(), kSiteTextSize);
  const std::size_t split = std::min(size, sizeof record.first);
  record.size = static_cast<std::uint32_t>(size);
  std::memcpy(record.first, text.data(), split);
  std::memcpy(record.second, text.data() + split, size - split);
  put(bytes, record);
}

/// The flags of acctcsa. AFORK: PF_FORKNOEXEC, ASU: PF_SUPERPRIV
/// (include/linux/sched.h; fields 9 of proc_pid_stat(5)).
inline std::uint8_t flags_of(const core::ExitRecord& record) {
  constexpr std::uint32_t kForkNoExec = 0x40;
  constexpr std::uint32_t kSuperPrivilege = 0x100;
  std::uint8_t flag = 0;
  if (record.has(core::Counters::kStat)) {
    if ((record.kernel_flags & kForkNoExec) != 0) flag |= csa::kForked;
    if ((record.kernel_flags & kSuperPrivilege) != 0) flag |= csa::kSuperuser;
  }
  if (record.has(core::Counters::kStatus)) {
    if (!core::status_is_exit(record.wait_status)) flag |= csa::kBySignal;
    if (core::dumped_core(record.wait_status)) flag |= csa::kCore;
  }
  return flag;
}

/// CLOCK_REALTIME at the process's start, as near as can be told.
inline core::RealTime start_of(const core::ExitRecord& record) {
  const std::uint64_t lived = record.has(core::Counters::kStat) &&
                                      record.end_boot_us > record.start_boot_us
                                  ? record.end_boot_us - record.start_boot_us
                                  : 0;
  return core::RealTime(record.end_real_us -
                        std::min(lived, record.end_real_us));
}

inline csa::Csa base_of(const core::ExitRecord& record) {
  csa::Csa base = {};
  const bool has_stat = record.has(core::Counters::kStat);
  const bool has_ids = record.has(core::Counters::kIds);
  base.head =
      csa::make_head(csa::RecordType::kCsa, sizeof base, flags_of(record));
  if (record.has(core::Counters::kStatus) &&
      core::status_is_exit(record.wait_status))
    base.stat =
        static_cast<std::uint8_t>(core::exit_code_of(record.wait_status));
  base.nice = static_cast<std::uint8_t>(has_stat ? record.nice : 0);
  base.uid = has_ids ? record.uid : kUnknownId;
  base.gid = has_ids ? record.gid : kUnknownId;
  base.mark = csa::kAppendMark;
  base.jid = record.jid;
  base.pid = static_cast<std::uint32_t>(record.pid);
  base.ppid = static_cast<std::uint32_t>(has_stat ? record.ppid : 0);
  base.btime = in_seconds(start_of(record));
  std::memcpy(base.comm, record.comm, sizeof base.comm);
  // csaverify refuses a record without a name.
  if (!has_stat || base.comm[0] == '\0')
    std::memcpy(base.comm, "?\0", sizeof "?");
  if (has_stat && record.end_boot_us > record.start_boot_us)
    base.etime = record.end_boot_us - record.start_boot_us;
  if (record.has(core::Counters::kUsage)) {
    base.utime = record.utime_us;
    base.stime = record.stime_us;
  }
  return base;
}

inline csa::Mem memory_of(const core::ExitRecord& record, bool more_follow) {
  csa::Mem memory = {};
  memory.head = csa::make_head(csa::RecordType::kMem, sizeof memory,
                               more_follow ? csa::kMoreFollow : std::uint8_t{});
  memory.core.himem = record.maxrss_kib;
  memory.minflt = record.minflt;
  memory.majflt = record.majflt;
  return memory;
}

inline csa::Io io_of(const core::ExitRecord& record) {
  csa::Io io = {};
  io.head = csa::make_head(csa::RecordType::kIo, sizeof io);
  io.chr = record.rchar;
  io.chw = record.wchar;
  io.scr = record.syscr;
  io.scw = record.syscw;
  return io;
}

inline SiteProcess site_of(const ProcessEnd& end) {
  const core::ExitRecord& record = end.record;
  SiteProcess site = {};
  site.head = site_head(SiteKind::kProcess, end.key,
                        core::RealTime(record.end_real_us));
  site.head.uid = record.has(core::Counters::kIds) ? record.uid : kUnknownId;
  site.head.jid = record.jid;
  site.key = end.key.key;
  site.present = record.present;
  site.wait_status = record.wait_status;
  site.sequence = record.sequence;
  site.order = record.order;
  site.start_boot_us = record.start_boot_us;
  site.end_boot_us = record.end_boot_us;
  site.end_real_us = record.end_real_us;
  site.nvcsw = record.nvcsw;
  site.nivcsw = record.nivcsw;
  site.read_bytes = record.read_bytes;
  site.write_bytes = record.write_bytes;
  site.nice = record.nice;
  site.kernel_flags = record.kernel_flags;
  site.marks = end.inclusive ? kMarkInclusive : 0;
  site.collector = static_cast<std::uint32_t>(core::Collector::kWait);
  return site;
}

/// Sets a field and its bit where the counter was collected.
template <class Field, class Counter>
void collect(SiteEnd& site, EndField bit, Field& field,
             const core::Maybe<Counter>& counter) {
  if (!counter) return;
  site.present |= static_cast<std::uint32_t>(bit);
  if constexpr (std::is_integral_v<Counter>)
    field = static_cast<Field>(
        std::min<std::uint64_t>(*counter, static_cast<Field>(~Field{})));
  else
    field = counter->raw();
}

inline bool has_run(const EndOfJob& end) {
  return end.started.boot != core::BootTime();
}

inline SiteEnd site_of(const EndOfJob& end) {
  SiteEnd site = {};
  site.head = site_head(SiteKind::kEnd, end.key, end.ended.real);
  site.head.uid = end.uid.raw();
  site.head.jid = end.jid.raw();
  site.key = end.key.key;
  const core::JobResult& result = end.result;
  if (result.has_status) {
    site.present |= static_cast<std::uint32_t>(EndField::kStatus);
    site.wait_status = result.wait_status;
  }
  site.reason = static_cast<std::uint8_t>(result.reason);
  site.limit_kind = static_cast<std::uint8_t>(result.limit.kind);
  site.limit_value = result.limit.value;
  site.limit_bound = result.limit.bound;
  site.engine = static_cast<std::uint8_t>(end.engine);
  site.launch_stage = static_cast<std::uint8_t>(result.launch.stage);
  site.launch_code = result.launch.code;
  site.by_uid = result.by.raw();
  site.end_real_us = end.ended.real.raw();
  site.processes_seen = end.processes_seen;
  site.stragglers = end.stragglers;
  core::Maybe<core::Microseconds> wall;
  if (has_run(end)) wall = end.ended.boot - end.started.boot;
  const core::JobTotals& totals = end.totals;
  collect(site, EndField::kWallTime, site.wall_us, wall);
  collect(site, EndField::kUserTime, site.user_us, totals.user_time);
  collect(site, EndField::kSystemTime, site.system_us, totals.system_time);
  collect(site, EndField::kMemoryPeak, site.memory_peak, totals.memory_peak);
  collect(site, EndField::kReadBytes, site.read_bytes, totals.read_bytes);
  collect(site, EndField::kWriteBytes, site.write_bytes, totals.write_bytes);
  collect(site, EndField::kOomKills, site.oom_kills, totals.oom_kills);
  collect(site, EndField::kNotSeen, site.not_seen, totals.processes_not_seen);
  return site;
}

/// All of a start but its last record.
inline SiteRecord begin(RecordBytes& bytes, const StartOfJob& start) {
  csa::StartOfJob record = {};
  record.head = csa::make_head(csa::RecordType::kStartOfJob, sizeof record);
  record.type = static_cast<std::uint8_t>(csa::StartKind::kStart);
  record.mark = csa::kAppendMark;
  record.uid = start.uid.raw();
  record.jid = start.jid.raw();
  record.btime = in_seconds(start.when.real);
  put(bytes, record);
  SiteRecord site = {};
  site.head = site_head(SiteKind::kStart, start.key, start.when.real);
  site.head.uid = start.uid.raw();
  site.head.jid = start.jid.raw();
  site.key = start.key.key;
  std::memcpy(site.first, start.asked.bounds, sizeof site.first);
  std::memcpy(site.second, start.asked.bounds + 6, sizeof site.second);
  put_text(bytes, site.head, site.key, SiteText::kName, start.name.view());
  return site;
}

}  // namespace detail

/// acctsoj, the job's name, a site record.
inline RecordBytes encode(const StartOfJob& start) {
  RecordBytes bytes;
  SiteRecord site = detail::begin(bytes, start);
  detail::put_last(bytes, site);
  return bytes;
}

/// acctcsa, linked to it acctmem and acctio as far as they were collected, a
/// site record.
inline RecordBytes encode(const ProcessEnd& end) {
  RecordBytes bytes;
  const bool has_memory = end.record.has(core::Counters::kUsage);
  const bool has_io = end.record.has(core::Counters::kIo);
  csa::Csa base = detail::base_of(end.record);
  std::uint8_t linked = 0;
  if (has_memory) linked |= csa::kHasMem;
  if (has_io) linked |= csa::kHasIo;
  if (linked != 0) base.head.flag |= csa::kMoreFollow;
  base.second = csa::make_second_head(
      csa::RecordType::kCsa, linked,
      (has_memory ? sizeof(csa::Mem) : 0) + (has_io ? sizeof(csa::Io) : 0));
  detail::put(bytes, base);
  if (has_memory) detail::put(bytes, detail::memory_of(end.record, has_io));
  if (has_io) detail::put(bytes, detail::io_of(end.record));
  SiteProcess site = detail::site_of(end);
  detail::put_last(bytes, site);
  return bytes;
}

/// accteoj, the result's detail, a site record.
inline RecordBytes encode(const EndOfJob& end) {
  RecordBytes bytes;
  SiteEnd site = detail::site_of(end);
  csa::EndOfJob record = {};
  record.head = csa::make_head(csa::RecordType::kEndOfJob, sizeof record);
  record.second = csa::make_second_head(csa::RecordType::kEndOfJob, 0, 0);
  record.uid = end.uid.raw();
  record.gid = end.gid.raw();
  record.mark = csa::kAppendMark;
  record.jid = end.jid.raw();
  record.etime = site.head.time;
  record.btime = end.started.real != core::RealTime()
                     ? detail::in_seconds(end.started.real)
                     : record.etime;
  record.corehimem = site.memory_peak / 1024;
  record.utime = site.user_us;
  record.stime = site.system_us;
  detail::put(bytes, record);
  detail::put_text(bytes, site.head, site.key, SiteText::kDetail,
                   end.result.detail.view());
  detail::put_last(bytes, site);
  return bytes;
}

/// A site record alone.
inline RecordBytes encode(const Loss& loss) {
  RecordBytes bytes;
  SiteLoss site = {};
  site.head = detail::site_head(SiteKind::kLoss, loss.last, loss.when);
  site.key = loss.last.key;
  site.count = loss.count;
  site.first_key = loss.first_key;
  site.code = loss.code;
  detail::put_last(bytes, site);
  return bytes;
}

/// acctcfg with the event "on", a site record.
inline RecordBytes encode(const FileOpened& opened) {
  RecordBytes bytes;
  csa::Configuration record = {};
  record.head = csa::make_head(csa::RecordType::kConfiguration, sizeof record);
  record.kdmask = core::daemon_mask_of(opened.switches);
  record.rmask = core::record_mask_of(opened.switches);
  record.event = static_cast<std::uint8_t>(opened.event);
  record.boottime = detail::in_seconds(opened.booted);
  record.curtime = detail::in_seconds(opened.when);
  record.mark = csa::kAppendMark;
  record.name = opened.name;
  detail::put(bytes, record);
  SiteOpened site = {};
  site.head = detail::site_head(SiteKind::kOpened, opened.key, opened.when);
  site.key = opened.key.key;
  site.kinds = opened.switches.kinds;
  site.memory_kib = opened.switches.memory_kib;
  site.time_us = opened.switches.time_us;
  site.has_kinds = 1;
  detail::put_last(bytes, site);
  return bytes;
}

}  // namespace accounting
