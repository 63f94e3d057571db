// SPDX-License-Identifier: Apache-2.0
#include "supervisor/effect_runner.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "core/limit_watch.h"
#include "supervisor/followed_members.h"
#include "supervisor/job_members.h"
#include "supervisor/job_views.h"
#include "supervisor/log.h"
#include "sys/cgroup.h"
#include "sys/clock.h"
#include "sys/pid_fd.h"
#include "sys/process_tree.h"

namespace supervisor {

namespace {

namespace effect = core::effect;
namespace event = core::event;

/// So many are signalled in less time than asking a worker takes.
constexpr std::size_t kMostSignalledHere = 64;

/// A process that ended between two steps is no error.
bool is_gone(const core::Error& error) {
  return error.code == ESRCH || error.code == ENOENT || error.code == ENODEV;
}

/// Who attaches puts back himself whom he brought too late.
constexpr unsigned kTriesBeforeLetOut = 3;

void complain(core::JobId jid, const char* verb, const core::Error& error) {
  spdlog::error("cannot {} the processes of job {}: {}", verb,
                core::display(jid).view(), text_of(error.message()));
}

/// Whether the main process is followed, and there is no container beside it.
bool is_all_followed(const core::Job& job) {
  return !core::has_cgroup(job.engine) && job.followed && job.main &&
         job.followed->has(*job.main);
}

}  // namespace

/// One effect of one job: a row for each.
struct EffectRunner::Doer {
  EffectRunner& runner;
  const core::Job& job;
  std::uint64_t entry;

  void operator()(const effect::MakeContainer&) { runner.make_container(job); }
  void operator()(const effect::RecordStart& start) {
    runner.parts_.recorder.record(job, start, entry);
  }
  void operator()(const effect::Launch&) { runner.launch(job); }
  void operator()(const effect::Signal& signal) { runner.signal(job, signal); }
  void operator()(const effect::Freeze& freeze) {
    runner.freeze(job.jid, freeze.freezes);
  }
  void operator()(const effect::HoldLimits&) { runner.hold_limits(job); }
  void operator()(const effect::ReadCpu&) { runner.read_cpu(job); }
  void operator()(const effect::KillAll&) { runner.kill(job, KillHow::kPlain); }
  void operator()(const effect::FreezeAndKill&) {
    runner.kill(job, KillHow::kFrozen);
  }
  void operator()(const effect::Inspect&) {
    runner.parts_.inspector.inspect_soon(job.jid);
  }
  void operator()(const effect::SetTimer& timer) {
    runner.parts_.watch.set_timer(job.jid, timer.timer, timer.deadline);
  }
  void operator()(const effect::ClearTimer& timer) {
    runner.parts_.watch.clear_timer(job.jid, timer.timer);
  }
  void operator()(const effect::RecordProcess& process) {
    runner.parts_.recorder.record(job, process, entry);
  }
  void operator()(const effect::RecordEnd& end) {
    runner.parts_.recorder.record(job, end, entry);
  }
  void operator()(const effect::RecordLimits& limits) {
    runner.parts_.recorder.record(job, limits, entry);
  }
  void operator()(const effect::RemoveContainer&) {
    runner.remove_container(job.jid, job.engine);
  }
  void operator()(const effect::WatchMain&) { runner.watch_main(job); }
  void operator()(const effect::ForgetMain&) {
    runner.parts_.watch.forget_main(job.jid);
    runner.parts_.handles.drop(job.jid, HandleKind::kMain);
  }
  void operator()(const effect::WatchFollowed&) {
    runner.followers_.watch(job);
  }
  void operator()(const effect::Announce&) {}  // JobService's own
  void operator()(const effect::TellLimit&) {}
  void operator()(const effect::MakeMember&) {}
  void operator()(const effect::EndMembers&) {}
};

void EffectRunner::run(const core::Job& job, const core::Effect& effect,
                       std::uint64_t entry) {
  std::visit(Doer{.runner = *this, .job = job, .entry = entry}, effect);
}

void EffectRunner::make_container(const core::Job& job) {
  if (!core::has_cgroup(job.engine))
    return parts_.sink.post(job.jid, event::ContainerMade{});
  if (job.spec.parent != core::kNoJob)
    parts_.containers.nest(job.jid, job.spec.parent);
  auto made = parts_.containers.make(job.jid);
  if (made &&
      (job.spec.limits.has_more_than_wall_time() || !job.spec.terms.empty()))
    made = hold(job);
  if (made && job.spec.delegates)
    made = parts_.containers.delegate(job.jid, job.spec.uid, job.spec.gid);
  if (made) return enrol(job);
  spdlog::error("job {} has no container: {}", core::display(job.jid).view(),
                text_of(made.error().message()));
  parts_.sink.post(job.jid,
                   event::ContainerFailed{made.error().message().view()});
}

/// Before anything lives in it.
void EffectRunner::enrol(const core::Job& job) {
  const auto id = parts_.containers.id(job.jid);
  if (!id) return parts_.sink.post(job.jid, event::ContainerMade{});
  parts_.collection.enrol(
      {.jid = job.jid, .cgroup = *id, .project_id = job.spec.project_id},
      [this, jid = job.jid](core::Collector collector) {
        parts_.sink.post(jid, event::ContainerMade{collector});
      });
}

core::Result<void> EffectRunner::hold(const core::Job& job) {
  core::LimitSet set = {.limits = job.spec.limits, .terms = job.spec.terms};
  const auto soft = core::open_soft_bound(job, core::LimitKind::kMemory);
  if (!soft) {
    core::LimitTerms hard =
        core::terms_of(set.limits, set.terms, core::LimitKind::kMemory);
    hard.soft.reset();
    core::set_terms(set.limits, set.terms, hard);
  }
  TRY(parts_.containers.hold(job.jid, set));
  sys::UniqueFd events = TRY(parts_.containers.memory_events(job.jid));
  if (events.is_open()) parts_.watch.watch_memory(job.jid, std::move(events));
  if (soft) watch_soft_memory(job.jid, *soft);
  return {};
}

/// What the kernel holds for the whole job; the rest is the machine's, or was
/// given to the processes when they began.
void EffectRunner::hold_limits(const core::Job& job) {
  if (!core::has_cgroup(job.engine)) return;
  const auto held = hold(job);
  if (held || is_gone(held.error())) return;
  if (held.error().code == EBUSY && job.spec.limits.memory) {
    event::LimitPassed passed{.kind = core::LimitKind::kMemory, .value = {}};
    if (const auto peak = parts_.containers.totals(job.jid).memory_peak)
      passed.value = peak->raw();
    return parts_.sink.post(job.jid, passed);
  }
  complain(job.jid, "limit", held.error());
}

bool EffectRunner::note_memory(core::JobId jid) {
  const core::JobTotals totals = parts_.containers.totals(jid);
  if (parts_.containers.memory_kills(jid) == 0 || !totals.memory_peak)
    return false;
  parts_.sink.post(jid, event::LimitPassed{.kind = core::LimitKind::kMemory,
                                           .value = totals.memory_peak->raw()});
  return true;
}

void EffectRunner::watch_soft_memory(core::JobId jid, std::uint64_t soft) {
  SoftMemoryEvents watched = parts_.containers.soft_memory_events(jid, soft);
  if (watched.events.is_open())
    parts_.watch.watch_soft_memory(jid, std::move(watched.events));
  if (!watched.file.empty()) parts_.watch.watch_soft_memory(jid, watched.file);
  note_soft_memory(jid);  // it may have been passed before that
}

void EffectRunner::note_soft_memory(core::JobId jid) {
  // Whether that is above the bound is the machine's to say.
  if (const auto used = parts_.containers.memory_now(jid))
    parts_.sink.post(jid, event::LimitPassed{.kind = core::LimitKind::kMemory,
                                             .value = used->raw(),
                                             .is_soft = true});
}

void EffectRunner::read_cpu(const core::Job& job) {
  core::Microseconds used;
  if (!core::has_cgroup(job.engine)) {
    used = sys::cpu_time_of(scope_members(job, parts_.scopes));
  } else {
    const core::JobTotals totals = parts_.containers.totals(job.jid);
    used = totals.user_time.value_or(core::Microseconds()) +
           totals.system_time.value_or(core::Microseconds());
  }
  const core::CpuUse followed =
      use_of_followed(job, parts_.collection.followed());
  used = used + followed.user + followed.system;
  core::JobId around = job.spec.parent;
  while (around != core::kNoJob && !parts_.containers.is_frozen(around))
    around = parts_.containers.parent(around);
  const long processors = std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L);
  parts_.sink.post(
      job.jid,
      event::CpuRead{.used = used,
                     .processors = static_cast<std::uint32_t>(processors),
                     .is_still = around != core::kNoJob});
}

void EffectRunner::launch(const core::Job& job) {
  auto order = parts_.launcher.order_for(job);
  parts_.handles.flush();  // its scope's end, before the order for the scope
  if (order) return parts_.reaper.launch(*std::move(order));
  const core::Error& error = order.error();
  spdlog::error("job {} cannot be launched: {}", core::display(job.jid).view(),
                text_of(error.message()));
  parts_.sink.post(
      job.jid,
      event::LaunchFailed{.failure = {.stage = core::LaunchStage::kDescriptors,
                                      .code = error.code},
                          .detail = error.subject.view()});
}

void EffectRunner::signal(const core::Job& job, const effect::Signal& asked) {
  if (asked.target == core::SignalTarget::kGroup) {
    const int code = signal_group(job, asked.group, asked.signal,
                                  {.containers = parts_.containers,
                                   .scopes = parts_.scopes,
                                   .followed = parts_.collection.followed()});
    if (code != 0)
      complain(job.jid, "signal",
               {.code = code, .op = "signal", .subject = {}});
    return;
  }
  if (asked.target != core::SignalTarget::kAll)
    return signal_contained(job, asked);
  // First who is found by his parents: they may end by it.
  const FollowedMap& followed = parts_.collection.followed();
  signal_followed(job, followed, asked.signal);
  if (asked.wakes) signal_followed(job, followed, core::kSigcont);
  if (!is_all_followed(job)) signal_contained(job, asked);
}

void EffectRunner::signal_contained(const core::Job& job,
                                    const effect::Signal& asked) {
  const bool is_many =
      core::has_cgroup(job.engine) &&
      asked.target == core::SignalTarget::kAll &&
      parts_.containers.members(job.jid).size() > kMostSignalledHere;
  if (is_many) return signal_by_worker(job.jid, asked);
  signal_here(job, asked.signal, asked.target);
  if (asked.wakes) signal_here(job, core::kSigcont, asked.target);
}

void EffectRunner::signal_here(const core::Job& job, core::SignalNumber signal,
                               core::SignalTarget target) {
  if (!core::has_cgroup(job.engine)) {
    if (parts_.scopes.is_open(job.jid))
      return parts_.scopes.signal(job.jid, signal, target);
    const bool is_followed = target == core::SignalTarget::kAll && job.main &&
                             job.followed && job.followed->has(*job.main);
    if (!is_followed) signal_main(job.jid, signal);
    return;
  }
  if (target == core::SignalTarget::kMain) return signal_main(job.jid, signal);
  const auto sent = parts_.containers.signal_all(job.jid, signal);
  if (!sent && !is_gone(sent.error()))
    complain(job.jid, "signal", sent.error());
}

void EffectRunner::signal_by_worker(core::JobId jid,
                                    const effect::Signal& asked) {
  const auto directory = parts_.containers.open(jid);
  if (!directory) {
    if (!is_gone(directory.error())) complain(jid, "signal", directory.error());
    return;
  }
  parts_.killer.signal_all(directory->get(), asked.signal, asked.wakes,
                           [jid](const core::Result<void>& sent) {
                             if (!sent && !is_gone(sent.error()))
                               complain(jid, "signal", sent.error());
                           });
}

void EffectRunner::signal_main(core::JobId jid,
                               core::SignalNumber signal) const {
  const int pidfd = parts_.handles.find(jid, HandleKind::kMain);
  if (pidfd < 0) return;  // nobody whom we know
  const auto sent = sys::signal_process(pidfd, signal);
  if (!sent && !is_gone(sent.error())) complain(jid, "signal", sent.error());
}

/// A scope that was stopped with its job kills nobody and tells no end.
void EffectRunner::wake_scope(const core::Job& job) const {
  const core::Pid scope = scope_of(job, parts_.scopes);
  if (scope == core::Pid()) return;
  // Its link is open, so it lives and the number is its own.
  if (const auto pidfd = sys::PidFd::open(scope))
    (void)pidfd->signal(core::kSigcont);
}

void EffectRunner::freeze(core::JobId jid, bool freezes) {
  auto directory = parts_.containers.open(jid);
  if (!directory) {
    if (!is_gone(directory.error())) complain(jid, "freeze", directory.error());
    return parts_.sink.post(jid, event::FreezeDone{false});
  }
  if (!freezes) {
    // At once, so that the signal after it finds them running.
    const auto thawed = sys::Cgroup(*std::move(directory)).thaw();
    if (!thawed && !is_gone(thawed.error()))
      complain(jid, "thaw", thawed.error());
    return;
  }
  parts_.killer.freeze(
      directory->get(), [this, jid](const core::Result<void>& frozen) {
        if (!frozen && !is_gone(frozen.error()) && frozen.error().code != ETIME)
          complain(jid, "freeze", frozen.error());
        parts_.sink.post(jid, event::FreezeDone{frozen.has_value()});
      });
}

void EffectRunner::kill(const core::Job& job, KillHow how) {
  // as long as its parents lead to it
  kill_followed(job, parts_.collection.followed());
  kill_contained(job, how);
}

void EffectRunner::kill_contained(const core::Job& job, KillHow how) {
  const core::JobId jid = job.jid;
  wake_scope(job);
  if (job.state == core::JobState::kLaunching) parts_.places.shut(jid);
  if (!core::has_cgroup(job.engine)) {
    if (parts_.scopes.is_open(jid)) return parts_.scopes.kill(jid);
    return signal_main(jid, core::kSigkill);
  }
  // The namespace's init has no place in the cgroup, and ends by its scope.
  if (core::has_pid_namespace(job.engine) && parts_.scopes.is_open(jid))
    parts_.scopes.kill(jid);
  const auto directory = parts_.containers.open(jid);
  if (!directory) {
    if (!is_gone(directory.error())) complain(jid, "kill", directory.error());
    return;  // the kill plan's next step tries again
  }
  auto done = [this, jid](core::Result<void> killed) {
    if (!killed && !is_gone(killed.error()))
      complain(jid, "kill", killed.error());
    parts_.inspector.inspect_soon(jid);
  };
  if (how == KillHow::kPlain)
    parts_.killer.kill_all(directory->get(), std::move(done));
  else
    parts_.killer.freeze_and_kill(directory->get(), std::move(done));
}

void EffectRunner::remove_container(core::JobId jid, core::Engine engine) {
  const core::JobId around = parts_.containers.parent(jid);
  if (core::has_cgroup(engine)) {
    if (const auto id = parts_.containers.id(jid))
      parts_.collection.withdraw(jid, *id);
    // Jobs within are empty too, and about to go.
    const bool has_nested = parts_.containers.has_nested(jid);
    const auto removed = parts_.containers.remove(jid);
    if (!removed) {
      if (!removals_.contains(jid) && !has_nested)
        spdlog::warn("the container of job {} does not go: {}; trying again",
                     core::display(jid).view(),
                     text_of(removed.error().message()));
      return try_removal_again(jid, engine);
    }
  }
  removals_.erase(jid);
  parts_.sink.post(jid, event::ContainerRemoved{});
  // The one around it may have waited for this, which was the last within.
  const auto waiting = removals_.find(around);
  if (waiting == removals_.end() || parts_.containers.has_nested(around))
    return;
  waiting->second.tries = 0;
  waiting->second.timer.set(sys::boot_now());
}

void EffectRunner::try_removal_again(core::JobId jid, core::Engine engine) {
  Removal& removal = removals_[jid];
  if (!removal.timer.is_set())
    removal.timer = Timer(
        parts_.loop, [this, jid, engine] { remove_container(jid, engine); });
  if (removal.tries >= kTriesBeforeLetOut) let_out(jid);
  const auto pause =
      core::milliseconds(std::uint64_t{20} << std::min(removal.tries++, 11U));
  removal.timer.set(sys::boot_now() + pause);
}

/// The job was empty, so who is in there was brought by an attach whose
/// supervisor died before it was written down, or from outside: no process of
/// the job's. It would keep the container, and nobody could take it out.
void EffectRunner::let_out(core::JobId jid) {
  if (parts_.containers.has_nested(jid)) return;
  const std::uint32_t count = parts_.containers.inhabitants(jid).count;
  auto directory = parts_.containers.open(jid);
  auto leaves = parts_.containers.leaves(jid);
  Move move{.pid = {},
            .from = {},
            .to = parts_.containers.exits(jid, {}),
            .joins = {}};
  if (count == 0 || !directory || !leaves || move.to.empty()) return;
  move.from = *std::move(directory);
  move.joins = *std::move(leaves);
  parts_.mover.move(std::move(move), [jid](const auto& moved) {
    if (moved)
      spdlog::warn(
          "{} processes that came into the container of job {} after "
          "its end were let out of it",
          *moved, core::display(jid).view());
    else if (!is_gone(moved.error()))
      complain(jid, "let out", moved.error());
  });
}

void EffectRunner::watch_main(const core::Job& job) {
  const int pidfd = parts_.handles.find(job.jid, HandleKind::kMain);
  // The inspector finds out when it is empty; of one that was attached it is
  // not asked before.
  if (pidfd < 0 && job.spec.kind == core::JobKind::kAttached)
    return parts_.sink.post(job.jid, event::MainStatusLearned{});
  if (pidfd < 0) return;
  parts_.watch.watch_main(job.jid, pidfd);
}

void EffectRunner::release(const core::Job& job) {
  parts_.watch.forget(job.jid);
  followers_.forget(job.jid);
  parts_.inspector.forget(job.jid);
  parts_.scopes.tell_ended(job.jid, scope_ended_of(job));
  parts_.scopes.close(job.jid);
  parts_.places.close(job.jid);
  parts_.handles.drop_all(job.jid);
}

}  // namespace supervisor
