// SPDX-License-Identifier: Apache-2.0
#include "accounting/record_view.h"

#include <cstring>
#include <initializer_list>
#include <iterator>

#include "accounting/csa_encode.h"
#include "core/collector.h"
#include "core/containment.h"
#include "core/exit_record.h"

namespace accounting {

namespace {

using Count = RecordView::Count;

Count microseconds(std::int64_t seconds) {
  if (seconds <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(seconds) * 1000000U;
}

std::optional<std::uint32_t> known(std::uint32_t id) {
  if (id == kUnknownId) return std::nullopt;
  return id;
}

Count unless_zero(std::uint64_t number) {
  return number != 0 ? Count(number) : std::nullopt;
}

std::string text_of(const char* chars, std::size_t size) {
  return {chars, ::strnlen(chars, size)};
}

bool is_restart(const csa::StartOfJob& start) {
  return start.type == static_cast<std::uint8_t>(csa::StartKind::kRestart);
}

std::string_view kind_name(const Group& group) {
  using csa::RecordType;
  if (group.process) return "process";
  if (group.start) return is_restart(*group.start) ? "restart" : "start";
  if (group.end) return "end";
  if (group.configuration) return "config";
  if (group.job_header) return "job-header";
  if (group.site && kind_of(group.site->head) == SiteKind::kLoss) return "loss";
  if (group.site && kind_of(group.site->head) == SiteKind::kLimits)
    return "limits";
  if (group.site && kind_of(group.site->head) == SiteKind::kDaemon)
    return "daemon";
  if (group.type() == RecordType::kWorkload) return "workload";
  return "site";
}

void add_delays(RecordView& view, const csa::Delay& delay) {
  constexpr std::uint64_t kNanoseconds = 1000;
  view.processor_waits = delay.cpu_count;
  view.processor_delay_us = delay.cpu_delay_total / kNanoseconds;
  view.block_waits = delay.blkio_count;
  view.block_delay_us = delay.blkio_delay_total / kNanoseconds;
  view.swap_waits = delay.swapin_count;
  view.swap_delay_us = delay.swapin_delay_total / kNanoseconds;
}

void add_memory(RecordView& view, const csa::Mem& memory) {
  view.memory_bytes = memory.core.himem * 1024;
  view.virtual_bytes = memory.virt.himem * 1024;
  view.resident_integral = memory.core.mem1;
  view.virtual_integral = memory.virt.mem1;
  view.minor_faults = memory.minflt;
  view.major_faults = memory.majflt;
}

/// What acctcsa and the records linked to it say.
void add_process(RecordView& view, const Group& group) {
  const csa::Csa& process = *group.process;
  view.jid = process.jid;
  view.uid = known(process.uid);
  view.gid = known(process.gid);
  view.project_id = unless_zero(process.prid);
  view.pid = process.pid;
  view.ppid = process.ppid;
  view.name = text_of(process.comm, sizeof process.comm);
  view.started_us = microseconds(process.btime);
  view.wall_us = process.etime;
  view.user_us = process.utime;
  view.system_us = process.stime;
  view.was_signalled = (process.head.flag & csa::kBySignal) != 0;
  view.dumped_core = (process.head.flag & csa::kCore) != 0;
  view.is_superuser = (process.head.flag & csa::kSuperuser) != 0;
  view.is_fork_only = (process.head.flag & csa::kForked) != 0;
  if (!view.was_signalled) view.exit_code = process.stat;
  if (group.memory) add_memory(view, *group.memory);
  if (group.delay) add_delays(view, *group.delay);
  if (group.io) {
    view.read_bytes = group.io->chr;
    view.written_bytes = group.io->chw;
    view.read_calls = group.io->scr;
    view.write_calls = group.io->scw;
  }
}

/// What the site record takes back, because it was not collected, and adds.
void refine_process(RecordView& view, const SiteProcess& site) {
  const auto has = [&](core::Counters counters) {
    return (site.present & static_cast<std::uint32_t>(counters)) != 0;
  };
  view.is_inclusive = (site.marks & kMarkInclusive) != 0;
  view.ended_us = site.end_real_us;
  if (has(core::Counters::kStatus)) {
    view.wait_status = site.wait_status;
  } else {
    view.exit_code.reset();
  }
  if (has(core::Counters::kUsage)) {
    view.voluntary_switches = site.nvcsw;
    view.involuntary_switches = site.nivcsw;
  } else {
    view.user_us.reset();
    view.system_us.reset();
  }
  if (!has(core::Counters::kStat)) {
    view.name.clear();
    view.ppid.reset();
    view.started_us.reset();
    view.wall_us.reset();
    view.is_superuser.reset();
    view.is_fork_only.reset();
  }
  if (has(core::Counters::kIo)) {
    view.storage_read_bytes = site.read_bytes;
    view.storage_written_bytes = site.write_bytes;
  }
  if (has(core::Counters::kRoundedIo)) {
    view.read_calls.reset();
    view.write_calls.reset();
  }
  if (!has(core::Counters::kJob) && view.jid == 0U) view.jid.reset();
  const auto drop_unless = [&](core::Counters counters,
                               std::initializer_list<Count RecordView::*> of) {
    if (has(counters)) return;
    for (const auto counter : of)
      (view.*counter).reset();
  };
  drop_unless(core::Counters::kVirtualPeak, {&RecordView::virtual_bytes});
  drop_unless(core::Counters::kIntegrals,
              {&RecordView::resident_integral, &RecordView::virtual_integral});
  drop_unless(core::Counters::kCpuDelay,
              {&RecordView::processor_waits, &RecordView::processor_delay_us});
  drop_unless(core::Counters::kBlockDelay,
              {&RecordView::block_waits, &RecordView::block_delay_us,
               &RecordView::swap_waits, &RecordView::swap_delay_us});
  view.collector = core::name_of(static_cast<core::Collector>(site.collector));
  view.gpid = unless_zero(site.gpid);
}

void add_end(RecordView& view, const Group& group) {
  const csa::EndOfJob& end = *group.end;
  view.jid = end.jid;
  view.uid = known(end.uid);
  view.gid = known(end.gid);
  view.project_id = unless_zero(end.prid);
  view.started_us = microseconds(end.btime);
  view.ended_us = microseconds(end.etime);
  // The published daemon leaves the times 0 and fills the memory.
  if (!group.site) view.memory_bytes = end.corehimem * 1024;
}

/// Kinds of a later version are not shown.
void add_asked(RecordView& view, const SiteStart& site) {
  AskedLimits asked = {};
  std::memcpy(asked.bounds, site.first_bounds, sizeof site.first_bounds);
  std::memcpy(asked.bounds + std::size(site.first_bounds), site.more_bounds,
              sizeof site.more_bounds);
  unsigned place = 0;
  for (const core::LimitKind kind : core::kLimitKinds)
    if ((site.kinds & (1U << static_cast<unsigned>(kind))) != 0 &&
        place < kMostAsked)
      view.asked.emplace_back(kind, asked.bounds[place++]);
}

void add_daemon(RecordView& view, const SiteDaemon& site, const Group& group) {
  view.jid = unless_zero(site.head.jid);
  view.uid = known(site.head.uid);
  view.ended_us = microseconds(site.head.time);
  for (const core::AccountKindRow& row : core::kAccountKinds)
    if (static_cast<std::uint32_t>(row.kind) == site.kind)
      view.daemon = row.name;
  if (!group.workload) view.name = view.daemon;
  view.payload = group.payload;
}

core::JobResult result_of(const SiteEnd& site, const std::string& detail) {
  core::JobResult result;
  result.reason = static_cast<core::Reason>(site.reason);
  result.has_status =
      (site.present & static_cast<std::uint32_t>(EndField::kStatus)) != 0;
  result.wait_status = site.wait_status;
  result.limit = {.kind = static_cast<core::LimitKind>(site.limit_kind),
                  .value = site.limit_value,
                  .bound = site.limit_bound};
  result.launch = {.stage = static_cast<core::LaunchStage>(site.launch_stage),
                   .code = site.launch_code};
  result.by = core::Uid(site.by_uid);
  result.detail = std::string_view(detail);
  return result;
}

void refine_end(RecordView& view, const SiteEnd& site,
                const std::string& detail) {
  const auto collected = [&](EndField field, std::uint64_t value) {
    const bool is_there =
        (site.present & static_cast<std::uint32_t>(field)) != 0;
    return is_there ? Count(value) : std::nullopt;
  };
  view.result = result_of(site, detail);
  if (view.result->has_status) view.wait_status = site.wait_status;
  view.engine = core::name_of(static_cast<core::Engine>(site.engine));
  view.ended_us = site.end_real_us;
  view.wall_us = collected(EndField::kWallTime, site.wall_us);
  if (!view.wall_us) view.started_us.reset();
  view.user_us = collected(EndField::kUserTime, site.user_us);
  view.system_us = collected(EndField::kSystemTime, site.system_us);
  view.memory_bytes = collected(EndField::kMemoryPeak, site.memory_peak);
  view.storage_read_bytes = collected(EndField::kReadBytes, site.read_bytes);
  view.storage_written_bytes =
      collected(EndField::kWriteBytes, site.write_bytes);
  view.oom_kills = collected(EndField::kOomKills, site.oom_kills);
  view.processes_not_seen = collected(EndField::kNotSeen, site.not_seen);
  if (view.result->reason == core::Reason::kCrashed)
    return view.engine.clear();  // nobody was there to count
  view.processes_seen = site.processes_seen;
  view.stragglers = site.stragglers;
}

void add_configuration(RecordView& view, const csa::Configuration& record) {
  switch (static_cast<csa::ConfigurationEvent>(record.event)) {
    case csa::ConfigurationEvent::kBoot:
      view.name = "boot";
      break;
    case csa::ConfigurationEvent::kFile:
      view.name = "new file";
      break;
    case csa::ConfigurationEvent::kOn:
      view.name = "accounting on";
      break;
    case csa::ConfigurationEvent::kOff:
      view.name = "accounting off";
      break;
    default:
      view.name = "unknown event";
  }
  view.ended_us = microseconds(record.curtime);
  view.booted_us = microseconds(record.boottime);
}

/// Records that have no site record of a kind of their own.
void add_others(RecordView& view, const Group& group) {
  if (group.start) {
    view.jid = group.start->jid;
    view.uid = known(group.start->uid);
    view.started_us = microseconds(group.start->btime);
    if (is_restart(*group.start)) {
      view.began_us = view.started_us;
      view.started_us = microseconds(group.start->rstime);
    }
    view.name = group.name;
    view.project = group.project;
    view.account = group.account;
  }
  if (group.configuration) add_configuration(view, *group.configuration);
  if (group.workload) {
    view.jid = group.workload->jid;
    view.uid = known(group.workload->uid);
    view.ended_us = microseconds(group.workload->time);
    view.name = text_of(group.workload->serv_provider,
                        sizeof group.workload->serv_provider);
  }
  if (group.job_header) {
    view.jid = group.job_header->jid;
    view.uid = known(group.job_header->uid);
    view.started_us = microseconds(group.job_header->btime);
  }
}

void add_opened(RecordView& view, const SiteOpened& site) {
  if (site.has_kinds != 0)
    view.switches = {.kinds = site.kinds,
                     .memory_kib = site.memory_kib,
                     .time_us = site.time_us};
  if (site.has_before == 0) return;
  view.before_instance = site.before_instance;
  view.before_key = site.before_key;
  view.torn_bytes = site.torn_bytes;
}

std::string_view sources_of(const SitePeaks& site) {
  constexpr std::uint8_t kBoth = kFromCgroup | kFromFollowed;
  switch (site.sources & kBoth) {
    case kFromCgroup:
      return "cgroup";
    case kFromFollowed:
      return "followed";
    case kBoth:
      return "cgroup+followed";
    default:
      return {};
  }
}

void add_peaks(RecordView& view, const SitePeaks& site) {
  const auto told = [&](std::uint32_t bit, std::uint64_t value) {
    return (site.present & bit) != 0 ? RecordView::Count(value) : std::nullopt;
  };
  RecordView::Count RecordView::* const kStalls[] = {
      &RecordView::cpu_some_us,    &RecordView::cpu_full_us,
      &RecordView::memory_some_us, &RecordView::memory_full_us,
      &RecordView::io_some_us,     &RecordView::io_full_us};
  for (unsigned i = 0; i < std::size(kStalls); ++i)
    view.*kStalls[i] = told(1U << i, site.stalls[i]);
  view.processes_peak = told(kHasProcessesPeak, site.processes);
  view.swap_peak_bytes = told(kHasSwapPeak, site.swap_bytes);
  view.collector = core::name_of(static_cast<core::Collector>(site.collector));
  view.totals_from = sources_of(site);
}

void add_loss(RecordView& view, const SiteLoss& site) {
  view.ended_us = microseconds(site.head.time);
  view.lost = site.count;
  view.first_lost_key = site.first_key;
  view.code = site.code;
}

/// exit_code, was_signalled, dumped_core from a whole wait status.
void explain_status(RecordView& view) {
  if (!view.wait_status) return;
  const std::int32_t status = *view.wait_status;
  view.was_signalled = !core::status_is_exit(status);
  view.dumped_core = core::dumped_core(status);
  view.exit_code.reset();
  if (!view.was_signalled) view.exit_code = core::exit_code_of(status);
}

}  // namespace

std::optional<std::uint64_t> project_of(const Group& group) {
  constexpr auto kNoProject = static_cast<std::uint64_t>(-2);
  if (!group.process || group.process->prid == kNoProject) return std::nullopt;
  if (group.site && group.process->prid == 0) return std::nullopt;
  return group.process->prid;
}

RecordView view_of(const Group& group) {
  RecordView view;
  view.kind = kind_name(group);
  view.offset = group.offset;
  if (group.site) {
    view.instance = group.site->head.instance;
    view.key = group.site->key;
  }
  add_others(view, group);
  if (group.process) add_process(view, group);
  if (group.end) add_end(view, group);
  if (const auto site = site_as<SiteProcess>(group, SiteKind::kProcess);
      site && group.process)
    refine_process(view, *site);
  if (const auto site = site_as<SiteStart>(group, SiteKind::kStart))
    add_asked(view, *site);
  if (const auto site = site_as<SiteLimits>(group, SiteKind::kLimits)) {
    view.jid = site->head.jid;
    view.uid = site->head.uid;
    view.ended_us = microseconds(site->head.time);
    add_asked(view, *site);
  }
  if (const auto site = site_as<SiteDaemon>(group, SiteKind::kDaemon))
    add_daemon(view, *site, group);
  if (const auto site = site_as<SiteEnd>(group, SiteKind::kEnd))
    refine_end(view, *site, group.detail);
  if (group.end && group.peaks) add_peaks(view, *group.peaks);
  if (const auto site = site_as<SiteLoss>(group, SiteKind::kLoss))
    add_loss(view, *site);
  if (const auto site = site_as<SiteOpened>(group, SiteKind::kOpened))
    add_opened(view, *site);
  explain_status(view);
  return view;
}

}  // namespace accounting
