// SPDX-License-Identifier: Apache-2.0
// The fields of everything that the journal holds, once for writing and for
// reading (event_codec.cc, which alone includes this). `io(a, b)` writes or
// reads each; `io.since(N, a, b)` those that journals before version N lack:
// they keep their defaults.
#pragma once

#include <type_traits>

#include "core/event_codec.h"

namespace core {

// `Of<T> auto&` takes a T& or a const T&. The
// bindings must name every field: one that is added to a structure and not
// here does not compile.
template <class S, class T>
concept Of = std::is_same_v<std::remove_const_t<S>, T>;

void fields(auto& io, Of<Moment> auto& m) {
  auto& [boot, real] = m;
  io(boot, real);
}
void fields(auto& io, Of<ResourceLimit> auto& l) {
  auto& [resource, soft, hard] = l;
  io(resource, soft, hard);
}
void fields(auto& io, Of<KillPlan> auto& p) {
  auto& [first_signal, grace] = p;
  io(first_signal, grace);
}
void fields(auto& io, Of<KillProgress> auto& p) {
  auto& [step, deadline, repeats] = p;
  io(step, deadline, repeats);
}
void fields(auto& io, Of<JobLimits> auto& l) {
  auto& [wall_time, cpu_time, memory, processes, open_files] = l;
  io(wall_time, cpu_time, memory, processes, open_files);
}
void fields(auto& io, Of<LimitTerms> auto& t) {
  auto& [kind, bound, soft, signal, action, grace] = t;
  io(kind, bound, soft, signal, action, grace);
}
void fields(auto& io, Of<LimitHit> auto& h) {
  auto& [kind, value, bound] = h;
  io(kind, value, bound);
}
void fields(auto& io, Of<LaunchFailure> auto& f) {
  auto& [stage, code] = f;
  io(stage, code);
}
void fields(auto& io, Of<IndexRange> auto& r) {
  auto& [first, last, step] = r;
  io(first, last, step);
}
void fields(auto& io, Of<ArrayRange> auto& r) {
  auto& [parts, at_most] = r;
  io(parts, at_most);
}
void fields(auto& io, Of<ArrayMember> auto& m) {
  auto& [array, index] = m;
  io(array, index);
}
void fields(auto& io, Of<ArrayProgress> auto& p) {
  auto& [made, ended, failed, highest_code, open, dropped] = p;
  io(made, ended, failed, highest_code, open, dropped);
}
void fields(auto& io, Of<JobSpec> auto& s) {
  auto& [name, argv, env, cwd, user, uid, gid, groups, umask, rlimits, kind,
         engine, stragglers, kill_plan, limits, terms, accepts_less, token,
         parent, domain, service, array, member, tags, requested, project,
         account, project_id, delegates, began] = s;
  io(name, argv, env, cwd, user, uid, gid, groups, umask, rlimits, kind, engine,
     stragglers, kill_plan, limits, accepts_less, token);
  io.since(3, parent, domain, service);
  io.since(5, terms);
  io.since(6, array, member, tags, requested);
  io.since(7, project, account, project_id);
  io.since(9, delegates);
  io.since(10, began);
}
void fields(auto& io, Of<JobTotals> auto& t) {
  auto& [user_time, system_time, memory_peak, read_bytes, write_bytes,
         oom_kills, processes_not_seen, processes] = t;
  io(user_time, system_time, memory_peak, read_bytes, write_bytes, oom_kills,
     processes_not_seen);
  io.since(4, processes);
}
void fields(auto& io, Of<JobPeaks> auto& p) {
  auto& [cpu_some, cpu_full, memory_some, memory_full, io_some, io_full,
         processes, swap] = p;
  io(cpu_some, cpu_full, memory_some, memory_full, io_some, io_full, processes,
     swap);
}
void fields(auto& io, Of<JobResult> auto& r) {
  auto& [reason, has_status, wait_status, limit, launch, by, detail] = r;
  io(reason, has_status, wait_status, limit, launch, by, detail);
}
void fields(auto& io, Of<CpuUse> auto& u) {
  auto& [user, system] = u;
  io(user, system);
}
void fields(auto& io, Of<Followed> auto& f) {
  auto& [pid, start_ticks, before] = f;
  io(pid, start_ticks, before);
}
void fields(auto& io, Of<FollowedProcesses> auto& f) {
  auto& [living, ended, unread, used] = f;
  io(living, ended, unread, used);
}
void fields(auto& io, Of<Job::Cancelled> auto& c) {
  auto& [by, who, is_gave_up] = c;
  io(by, who, is_gave_up);
}
void fields(auto& io, Of<Job> auto& j) {
  // Of those seen to end or alive so far, and of the processor time that was
  // read, nothing is kept: after a crash the container is read again, and the
  // job ends when it is found empty, or with an exit that is reported from then
  // on.
  auto& [jid, spec, owner, engine, state, created, started, ended, last_exit,
         populated, main, status, main_has_ended, main_is_stopped,
         reaper_was_lost, freezing, cpu, last_use, exited_cpu, kill, stragglers,
         straggler_names, processes_seen, main_exit, launch_failure, limit_hit,
         ran_out_of_memory, cancelled, detail, totals, result, soft_passed,
         is_held, departure, origin, collector, progress, followed, peaks] = j;
  io(jid, spec, owner, engine, state, created, started, ended, main, status,
     main_has_ended, main_is_stopped, reaper_was_lost, freezing, exited_cpu,
     kill, stragglers, straggler_names, processes_seen, main_exit,
     launch_failure, limit_hit, ran_out_of_memory, cancelled, detail, totals,
     result);
  io.since(3, is_held, departure, origin);
  io.since(4, collector);
  io.since(5, soft_passed);
  io.since(6, progress);
  io.since(8, followed);
  io.since(9, peaks);
}
void fields(auto& io, Of<JobSnapshot> auto& s) {
  auto& [job, state_entry] = s;
  io(job, state_entry);
}
void fields(auto& io, Of<InstanceCounters> auto& c) {
  auto& [hid, last_sequence, last_order, last_exit] = c;
  io(hid, last_sequence, last_order, last_exit);
}

void fields(auto& io, Of<event::Created> auto& e) {
  auto& [spec, owner, engine] = e;
  io(spec, owner, engine);
}
void fields(auto& io, Of<event::ContainerMade> auto& e) {
  auto& [collector] = e;
  io.since(4, collector);
}
void fields(auto& io, Of<event::ContainerFailed> auto& e) {
  auto& [why] = e;
  io(why);
}
void fields(auto& io, Of<event::Launched> auto& e) {
  auto& [pid] = e;
  io(pid);
}
void fields(auto& io, Of<event::LaunchFailed> auto& e) {
  auto& [failure, detail] = e;
  io(failure, detail);
}
void fields(auto& io, Of<event::ProcessExited> auto& e) {
  auto& [record] = e;
  io(record);
}
void fields(auto& io, Of<event::MainStopped> auto& e) {
  auto& [is_stopped] = e;
  io(is_stopped);
}
void fields(auto& io, Of<event::MainStatusLearned> auto& e) {
  auto& [is_known, wait_status] = e;
  io(is_known, wait_status);
}
void fields(auto& io, Of<event::Emptied> auto& e) {
  auto& [totals, peaks] = e;
  io(totals);
  io.since(9, peaks);
}
void fields(auto& io, Of<event::Populated> auto& e) {
  auto& [count, names] = e;
  io(count, names);
}
void fields(auto& io, Of<event::EndRequested> auto& e) {
  auto& [by, who, plan] = e;
  io(by, who, plan);
}
void fields(auto& io, Of<event::Signalled> auto& e) {
  auto& [by, signal, target, group] = e;
  io(by, signal, target);
  io.since(7, group);
}
void fields(auto& io, Of<event::FreezeRequested> auto& e) {
  auto& [by, freezes] = e;
  io(by, freezes);
}
void fields(auto& io, Of<event::FreezeDone> auto& e) {
  auto& [is_frozen] = e;
  io(is_frozen);
}
void fields(auto& io, Of<event::LimitsChanged> auto& e) {
  auto& [by, limits, terms] = e;
  io(by, limits);
  io.since(5, terms);
}
void fields(auto& io, Of<event::CpuRead> auto& e) {
  auto& [used, processors, is_still] = e;
  io(used, processors);
  io.since(11, is_still);
}
void fields(auto& io, Of<event::LimitPassed> auto& e) {
  auto& [kind, value, is_soft] = e;
  io(kind, value);
  io.since(5, is_soft);
}
void fields(auto& io, Of<event::TimerFired> auto& e) {
  auto& [timer] = e;
  io(timer);
}
void fields(auto& io, Of<event::Attached> auto& e) {
  auto& [pid, by, command, origin, followed] = e;
  io(pid, by, command, origin);
  io.since(8, followed);
}
void fields(auto& io, Of<event::FollowedEnded> auto& e) {
  auto& [record, used] = e;
  io(record, used);
}
void fields(auto& io, Of<event::Detached> auto& e) {
  auto& [pid, by] = e;
  io(pid, by);
}
void fields(auto& io, Of<event::JobDetached> auto& e) {
  auto& [by, count] = e;
  io(by, count);
}
void fields(auto& io, Of<event::SessionClosed> auto& e) {
  auto& [by] = e;
  io(by);
}
void fields(auto& io, Of<event::MemberMade> auto& e) {
  auto& [member] = e;
  io(member);
}
void fields(auto& io, Of<event::MemberEnded> auto& e) {
  auto& [member, code] = e;
  io(member, code);
}
void fields(auto& io, Of<event::MemberDropped> auto& e) {
  auto& [by, index] = e;
  io(by, index);
}
/// Events that say all by having happened.
template <class Event>
  requires std::is_empty_v<Event>
void fields(auto& /*io*/, Event& /*event*/) {}

}  // namespace core
