// SPDX-License-Identifier: Apache-2.0
#include "accounting/job_facts.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "core/array_range.h"
#include "core/exit_record.h"
#include "core/ids.h"

namespace accounting {

namespace {

using Count = RecordView::Count;

constexpr std::uint64_t kSecond = 1000000;  // usec
constexpr std::size_t kNoParent = static_cast<std::size_t>(-1);

JobProcess process_of(const RecordView& view) {
  JobProcess process;
  process.name = view.name;
  process.pid = view.pid;
  process.ppid = view.ppid;
  process.wall_us = view.wall_us;
  process.started_us = view.started_us;
  process.ended_us = view.ended_us;
  // CSA tells a start to the second; an end of Corral's is exact.
  if (view.ended_us && view.wall_us)
    process.started_us =
        *view.ended_us - std::min(*view.ended_us, *view.wall_us);
  if (!view.ended_us && view.started_us && view.wall_us)
    process.ended_us = *view.started_us + *view.wall_us;
  process.user_us = view.user_us;
  process.system_us = view.system_us;
  process.memory_bytes = view.memory_bytes;
  process.storage_read_bytes = view.storage_read_bytes;
  process.storage_written_bytes = view.storage_written_bytes;
  for (std::size_t i = 0; i < kJobCounters.size(); ++i)
    process.counters[i] = view.*kJobCounters[i].member;
  process.gpid = view.gpid;
  process.collector = view.collector;
  process.exit_code = view.exit_code;
  if (view.was_signalled)
    process.signal = view.wait_status ? core::signal_of(*view.wait_status) : 0;
  process.dumped_core = view.dumped_core;
  process.is_inclusive = view.is_inclusive.value_or(false);
  return process;
}

/// Processes by their pids, each list by start.
using ByPid = std::unordered_map<std::uint64_t, std::vector<std::size_t>>;

/// The youngest process of that pid that began no later and ended no earlier
/// than the child began; times are known to the second at worst.
std::size_t parent_of(const std::vector<JobProcess>& all, std::size_t child,
                      const ByPid& by_pid) {
  const JobProcess& process = all[child];
  if (!process.ppid || !process.started_us) return kNoParent;
  const auto found = by_pid.find(*process.ppid);
  if (found == by_pid.end()) return kNoParent;
  const std::uint64_t begin = *process.started_us;
  for (const std::uint64_t slack : {std::uint64_t{0}, kSecond})
    for (auto at = found->second.rbegin(); at != found->second.rend(); ++at) {
      const JobProcess& parent = all[*at];
      if (*at == child || *parent.started_us > begin + slack) continue;
      if (parent.ended_us && *parent.ended_us + slack < begin) break;
      return *at;
    }
  return kNoParent;
}

/// What `count` tells of each process, summed up. Of those that were counted
/// with children none has waited for another, so their sum is no less than what
/// they say; beside such that were counted alone nobody knows who is in whom.
template <class CountOf>
UseSum sum_of(const JobFacts& job, const CountOf& count) {
  const auto inclusive = static_cast<std::size_t>(
      std::ranges::count_if(job.processes, &JobProcess::is_inclusive));
  const bool is_mixed = inclusive > 0 && inclusive < job.processes.size();
  UseSum sum;
  for (const JobProcess& process : job.processes)
    if (inclusive == 0)
      sum.add(count(process));
    else
      sum.add_at_least(is_mixed ? Count() : count(process));
  if (job.end) sum.unknown += job.end->processes_not_seen.value_or(0);
  return sum;
}

template <class CountOf>
UseSum largest_of(const JobFacts& job, const CountOf& count) {
  UseSum largest;
  for (const JobProcess& process : job.processes)
    largest.raise(count(process));
  if (job.end) largest.unknown += job.end->processes_not_seen.value_or(0);
  return largest;
}

/// What the end says of the whole job, else the sum.
template <class CountOf>
UseSum total_of(const JobFacts& job, const Count& told, const CountOf& count) {
  if (!told) return sum_of(job, count);
  UseSum total;
  total.add(told);
  return total;
}

void add_counters(JobFacts& job) {
  for (std::size_t i = 0; i < kJobCounters.size(); ++i) {
    const auto count = [i](const JobProcess& p) { return p.counters[i]; };
    job.counters[i] = kJobCounters[i].fold == JobCounter::Fold::kLargest
                          ? largest_of(job, count)
                          : sum_of(job, count);
  }
  const auto add_collector = [&job](std::string_view name) {
    if (!name.empty() &&
        std::ranges::find(job.collectors, name) == job.collectors.end())
      job.collectors.push_back(name);
  };
  if (job.end) add_collector(job.end->collector);
  for (const JobProcess& process : job.processes)
    add_collector(process.collector);
}

/// Without a name an array's members are called by its jid.
bool is_member_of(std::string_view name, const JobWanted& array) {
  const auto member = core::parse_member_word(name);
  if (!member) return false;
  if (!array.jid) return member->array == array.name;
  const auto jid = core::parse_job_id(member->array);
  return jid && jid->raw() == *array.jid && member->array.starts_with("0x");
}

/// What the end record does not say.
void complete(JobFacts& job) {
  const bool is_told = job.end && job.end->result;
  if (job.end) job.wall_us = job.end->wall_us;
  if (job.end && !job.wall_us && !is_told && job.started_us && job.ended_us)
    job.wall_us = *job.ended_us - std::min(*job.started_us, *job.ended_us);
  const RecordView told = is_told ? *job.end : RecordView();
  job.user_us = total_of(job, told.user_us,
                         [](const JobProcess& p) { return p.user_us; });
  job.system_us = total_of(job, told.system_us,
                           [](const JobProcess& p) { return p.system_us; });
  job.storage_read_bytes =
      total_of(job, told.storage_read_bytes,
               [](const JobProcess& p) { return p.storage_read_bytes; });
  job.storage_written_bytes =
      total_of(job, told.storage_written_bytes,
               [](const JobProcess& p) { return p.storage_written_bytes; });
  job.is_storage_of_processes =
      !told.storage_read_bytes && job.storage_read_bytes.get();
  job.memory_bytes = told.memory_bytes;
  add_counters(job);
  if (job.memory_bytes) return;
  job.is_memory_of_process = true;
  for (const JobProcess& process : job.processes)
    job.memory_bytes =
        std::max(job.memory_bytes, process.memory_bytes);  // absent is less
}

}  // namespace

std::vector<JobProcess> in_tree_order(std::vector<JobProcess> processes) {
  std::ranges::stable_sort(processes, {},
                           [](const JobProcess& p) { return p.started_us; });
  ByPid by_pid;
  for (std::size_t i = 0; i < processes.size(); ++i)
    if (processes[i].pid && processes[i].started_us)
      by_pid[*processes[i].pid].push_back(i);
  std::vector<std::vector<std::size_t>> children(processes.size());
  std::vector<std::size_t> roots;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const std::size_t parent = parent_of(processes, i, by_pid);
    (parent == kNoParent ? roots : children[parent]).push_back(i);
  }
  std::vector<JobProcess> ordered;
  ordered.reserve(processes.size());
  std::vector<bool> is_done(processes.size());
  const auto place = [&](std::size_t root) {
    std::vector<std::pair<std::size_t, std::size_t>> open = {{root, 0}};
    while (!open.empty()) {
      const auto [at, depth] = open.back();
      open.pop_back();
      if (is_done[at]) continue;
      is_done[at] = true;
      processes[at].depth = depth;
      ordered.push_back(std::move(processes[at]));
      for (auto child = children[at].rbegin(); child != children[at].rend();
           ++child)
        open.emplace_back(*child, depth + 1);
    }
  };
  for (const std::size_t root : roots)
    place(root);
  // Those that are each other's parents hang on nothing: a root is made.
  for (std::size_t i = 0; i < is_done.size(); ++i)
    if (!is_done[i]) place(i);
  return ordered;
}

JobFacts& JobFinder::last_job(std::uint64_t jid) {
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job)
    if (job->jid == jid) return *job;
  return add_job(jid);
}

JobFacts& JobFinder::open_job(std::uint64_t jid) {
  JobFacts& job = last_job(jid);
  return job.end ? add_job(jid) : job;
}

JobFacts& JobFinder::add_job(std::uint64_t jid) {
  JobFacts& job = jobs_.emplace_back();
  job.jid = jid;
  job.node = node_;
  return job;
}

void JobFinder::add(const Group& group) {
  if (!group.is_sound || group.is_torn) return;
  if (group.configuration) {
    const auto& name = group.configuration->name.nodename;
    node_.assign(name, ::strnlen(name, sizeof name));
    return;
  }
  if (group.workload && billing_) weights_.add(*group.workload);
  const RecordView view = view_of(group);
  lost_ += view.lost.value_or(0);
  if (!view.jid || *view.jid == 0) return;
  if (group.start && member_.empty() && is_member_of(view.name, wanted_))
    member_ = view.name;
  // Of a name the start alone says whether it is the job.
  if (!wanted_.jid && group.start && view.name == wanted_.name) {
    jobs_.clear();
    lost_before_.reset();
    add_job(*view.jid);
  }
  const std::optional<std::uint64_t> jid =
      wanted_.jid || jobs_.empty() ? wanted_.jid
                                   : std::optional(jobs_.front().jid);
  if (!jid || view.jid != jid) return;
  if (group.start) add_start(view);
  if (group.process) add_process(view, group);
  if (group.workload) add_request(group);
  if (view.kind == "limits") add_limits(view);
  if (group.end) add_end(view);
  count_lost(view);
}

void JobFinder::count_lost(const RecordView& view) {
  if (!view.key) return;  // who writes no keys tells no losses
  JobFacts& job = last_job(*view.jid);
  job.lost = job.lost.value_or(0) + lost_ - lost_before_.value_or(lost_);
  lost_before_ = lost_;
}

void JobFinder::add_start(const RecordView& view) {
  JobFacts& job = open_job(*view.jid);
  job.name = view.name;
  job.project_name = view.project;
  job.account = view.account;
  job.uid = view.uid;
  job.started_us = view.started_us;
  for (const auto& [kind, bound] : view.asked)
    job.asked.push_back({.kind = kind, .bound = bound});
}

void JobFinder::add_process(const RecordView& view, const Group& group) {
  JobFacts& job = last_job(*view.jid);
  job.processes.push_back(process_of(view));
  // One that is counted with its children would be billed for them again.
  if (billing_ && !view.is_inclusive.value_or(false))
    job.processes.back().units = billing_->units(group);
  if (const auto project = project_of(group)) job.project = project;
  if (!job.uid) job.uid = view.uid;
  if (!job.gid) job.gid = view.gid;
  if (!job.started_us) job.started_us = job.processes.back().started_us;
}

/// What a workload manager says that the request was promised.
void JobFinder::add_request(const Group& group) {
  JobFacts& job = last_job(group.workload->jid);
  const auto ask = [&job](core::LimitKind kind, std::int64_t count,
                          std::int64_t unit) {
    if (count <= 0 || count >= INT64_MAX / unit) return;
    const auto value = static_cast<std::uint64_t>(count * unit);
    for (AskedLimit& asked : job.asked)
      if (asked.kind == kind) {
        if (asked.is_of_request) asked.bound = std::max(asked.bound, value);
        return;
      }
    job.asked.push_back({.kind = kind, .bound = value, .is_of_request = true});
  };
  constexpr std::int64_t kKilobyte = 1024;
  constexpr std::int64_t kProcessor = 100;  // percent
  ask(core::LimitKind::kMemory, group.workload->mem_reserved, kKilobyte);
  ask(core::LimitKind::kCpuRate, group.workload->ncpus, kProcessor);
}

void JobFinder::add_limits(const RecordView& view) {
  JobFacts& job = last_job(*view.jid);
  std::erase_if(job.asked,
                [](const AskedLimit& asked) { return !asked.is_of_request; });
  LimitsChange change = {
      .when_us = view.ended_us, .by = view.uid, .bounds = {}};
  for (const auto& [kind, bound] : view.asked)
    change.bounds.push_back({.kind = kind, .bound = bound});
  job.asked.insert(job.asked.begin(), change.bounds.begin(),
                   change.bounds.end());
  job.changes.push_back(std::move(change));
}

void JobFinder::add_end(const RecordView& view) {
  JobFacts& job = open_job(*view.jid);
  job.end = view;
  job.ended_us = view.ended_us;
  if (!job.uid) job.uid = view.uid;
  // Other programs' ends have the group of whoever wrote them.
  if (view.gid && (view.key || !job.gid)) job.gid = view.gid;
  if (!job.started_us) job.started_us = view.started_us;
  if (view.wall_us && view.ended_us)
    job.started_us = *view.ended_us - std::min(*view.ended_us, *view.wall_us);
}

void JobFinder::bill(JobFacts& job) const {
  job.is_billed = true;
  ExactSum sum;
  for (const JobProcess& process : job.processes) {
    if (!process.units) return;
    sum.add(*process.units);
  }
  const bool is_whole =
      !job.end || job.end->processes_not_seen.value_or(0) == 0;
  if (is_whole && !job.processes.empty())
    job.units = sum.value() * weights_.of(job.jid);
}

std::vector<JobFacts> JobFinder::finish() && {
  if (billing_) weights_.settle(*billing_);
  for (JobFacts& job : jobs_) {
    if (billing_) bill(job);
    job.processes = in_tree_order(std::move(job.processes));
    complete(job);
  }
  return std::move(jobs_);
}

}  // namespace accounting
