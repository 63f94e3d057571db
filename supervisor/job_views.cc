// SPDX-License-Identifier: Apache-2.0
#include "supervisor/job_views.h"

#include <unistd.h>

#include <cstring>
#include <utility>

#include "core/array_machine.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

template <std::size_t Size, std::size_t N>
void copy_text(char (&to)[Size], const core::Text<N>& from) {
  std::memcpy(to, from.c_str(), std::min(Size - 1, from.size()));
}

/// Absent numbers leave their bit in `present` clear.
template <class T>
void copy_total(reaper::ScopeEnded& ended, std::uint32_t bit,
                std::uint64_t reaper::ScopeEnded::* field,
                const core::Maybe<T>& value) {
  if (!value) return;
  ended.present |= bit;
  if constexpr (requires { value->raw(); })
    ended.*field = value->raw();
  else
    ended.*field = *value;
}

}  // namespace

core::JobView row_view_of(const core::Job& job) {
  core::JobView view;
  view.jid = job.jid;
  view.name = job.spec.name;
  view.owner = job.owner;
  view.kind = job.spec.kind;
  view.engine = job.engine;
  view.state = job.state;
  view.freezing = job.freezing;
  view.created = job.created;
  view.started = job.started;
  view.ended = job.ended;
  view.result = job.result;
  return view;
}

core::JobView view_of(const core::Job& job, bool may_inspect,
                      std::string container) {
  core::JobView view = row_view_of(job);
  view.limits = job.spec.limits;
  view.terms = job.spec.terms;
  if (may_inspect) view.argv = job.spec.argv;
  // Its number may be another process's once it has ended.
  if (job.main != core::Pid(0) && !job.main_has_ended) view.main = job.main;
  view.totals = job.totals;
  if (job.main_exit) view.main_exit = *job.main_exit;
  view.processes_seen = job.processes_seen;
  view.stragglers = job.stragglers;
  view.straggler_names = job.straggler_names.view();
  view.container = std::move(container);
  view.parent = job.spec.parent;
  view.domain = job.spec.domain;
  view.service = job.spec.service;
  view.member = job.spec.member;
  view.tags = job.spec.tags;
  view.project = job.spec.project;
  view.account = job.spec.account;
  view.project_id = job.spec.project_id;
  if (core::has_followed(job) && job.state < core::JobState::kClosing)
    view.followed = static_cast<std::uint32_t>(job.followed->living.size());
  if (job.spec.kind != core::JobKind::kArray) return view;
  const core::ArrayProgress& progress = job.progress;
  view.engine = job.spec.engine.value_or(job.engine);  // of its members
  view.array = {
      .range = core::text_of(job.spec.array),
      .size = static_cast<std::uint32_t>(core::count_of(job.spec.array)),
      .made = core::members_made(job),
      .living = static_cast<std::uint32_t>(progress.open.size()),
      .ended = progress.ended,
      .failed = progress.failed,
      .dropped = static_cast<std::uint32_t>(progress.dropped.size())};
  return view;
}

reaper::ScopeEnded scope_ended_of(const core::Job& job) {
  using Ended = reaper::ScopeEnded;
  Ended ended;
  ended.jid = job.jid.raw();
  ended.started_boot_us = job.started.boot.raw();
  ended.ended_boot_us = job.ended.boot.raw();
  const core::JobTotals& totals = job.totals;
  copy_total(ended, Ended::kUserTime, &Ended::user_us, totals.user_time);
  copy_total(ended, Ended::kSystemTime, &Ended::system_us, totals.system_time);
  copy_total(ended, Ended::kMemoryPeak, &Ended::memory_peak,
             totals.memory_peak);
  copy_total(ended, Ended::kReadBytes, &Ended::read_bytes, totals.read_bytes);
  copy_total(ended, Ended::kWriteBytes, &Ended::write_bytes,
             totals.write_bytes);
  copy_total(ended, Ended::kNotSeen, &Ended::not_seen,
             totals.processes_not_seen);
  if (totals.oom_kills) {
    ended.present |= Ended::kOomKills;
    ended.oom_kills = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(*totals.oom_kills, UINT32_MAX));
  }
  ended.limit_value = job.result.limit.value;
  ended.limit_bound = job.result.limit.bound;
  ended.processes_seen = job.processes_seen;
  ended.stragglers = job.stragglers;
  ended.by_uid = job.result.by.raw();
  ended.wait_status = job.result.wait_status;
  ended.launch_code = job.result.launch.code;
  ended.reason = static_cast<std::uint8_t>(job.result.reason);
  ended.has_status = job.result.has_status ? 1 : 0;
  ended.limit_kind = static_cast<std::uint8_t>(job.result.limit.kind);
  ended.launch_stage = static_cast<std::uint8_t>(job.result.launch.stage);
  copy_text(ended.detail, job.result.detail);
  copy_text(ended.straggler_names, job.straggler_names);
  return ended;
}

std::optional<core::ProcessView> process_view(core::Pid pid) {
  const auto stat = sys::read_proc_stat(pid);
  if (!stat) return std::nullopt;
  core::ProcessView view;
  view.pid = pid;
  view.ppid = core::Pid(stat->ppid);
  view.command = stat->name();
  view.state = stat->state;
  view.cpu_us = stat->cpu_ticks * 1000000U /
                static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return view;
}

}  // namespace supervisor
