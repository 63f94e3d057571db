// SPDX-License-Identifier: Apache-2.0
#include "supervisor/collection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "accounting/kernel_exit.h"
#include "supervisor/log.h"
#include "sys/bpf_map.h"
#include "sys/clock.h"
#include "sys/collector_facts.h"

namespace supervisor {

namespace {

/// The names of its parts in the store, in the order of CollectorPart.
constexpr std::string_view kNames[] = {
    "collect.link",    "collect.jobs",   "collect.ring", "collect.control",
    "collect.members", "collect.forked", "collect.forks"};
static_assert(std::size(kNames) == accounting::kCollectorParts + 1);
/// Without the rest it works too.
constexpr std::size_t kNeeded = 4;
constexpr std::size_t kForks = accounting::kCollectorParts;

/// Loading takes 30 ms; on a machine that is emulated, a second.
constexpr core::Microseconds kLoadPatience = core::seconds(20);
/// How long it stays without any job.
constexpr core::Microseconds kIdlePatience = core::seconds(60);
/// Of taskstats: memory that is taken only as it is filled.
constexpr std::uint64_t kUsualRing = std::uint64_t{64} << 20U;

}  // namespace

Collection::Collection(EventLoop& loop, Keepers keepers, Recorder& recorder,
                       CollectionSite site, Changed changed)
    : loop_(loop),
      store_(keepers.store),
      reaper_(keepers.reaper),
      recorder_(recorder),
      site_(std::move(site)),
      changed_(std::move(changed)),
      followed_({.jobs = parts_[1],
                 .control = parts_[3],
                 .members = parts_[4],
                 .program = parts_[5],
                 .link = parts_[6]}),
      taskstats_(loop, store_, site_.program,
                 [this](std::string_view why) { on_taskstats(why); }),
      patience_(loop, [this] { give_up("it was not loaded within 20 s"); }),
      idle_(loop, [this] { on_idle(); }) {}

bool Collection::adopt(std::string_view name, sys::UniqueFd& fd) {
  if (taskstats_.adopt(name, fd)) return true;
  const auto* const at = std::ranges::find(kNames, name);
  if (at == std::end(kNames)) return false;
  parts_[std::distance(std::begin(kNames), at)] = std::move(fd);
  return true;
}

/// Empty: it is worth a try.
std::string_view Collection::obstacle_to(core::Collector collector) const {
  if (!site_.has_cgroups) return "jobs have no cgroup to be known by";
  if (site_.asked == core::Collector::kWait) return "'wait' was asked for";
  if (site_.program.empty()) return "corral-collect is not installed";
  if (site_.asked && site_.asked != collector)
    return collector == core::Collector::kEbpf ? "'taskstats' was asked for"
                                               : "'ebpf' was asked for";
  return collector == core::Collector::kEbpf ? sys::obstacle_to_ebpf()
                                             : sys::obstacle_to_taskstats();
}

void Collection::resume() {
  const std::string_view obstacle = obstacle_to(core::Collector::kEbpf);
  const bool is_whole = std::all_of(
      parts_, parts_ + kNeeded, [](const auto& fd) { return fd.is_open(); });
  // Also where it was not asked for: its jobs are counted by it.
  if (is_whole || taskstats_.has_ring()) {
    kind_ = is_whole ? core::Collector::kEbpf : core::Collector::kTaskstats;
    if (!is_whole) (void)taskstats_.start(0);  // its ring is there
    has_forks_ = parts_[kForks].is_open();
    set_ring();
    idle_.set(sys::boot_now() + kIdlePatience);
    return settle(State::kRunning, "it was there already");
  }
  if (obstacle.empty())
    return changed_(core::Collector::kEbpf, "to be loaded with the first job");
  why_not_better_ = "not ebpf: " + std::string(obstacle);
  if (!obstacle_to(core::Collector::kTaskstats).empty())
    return settle(State::kImpossible, obstacle);
  kind_ = core::Collector::kTaskstats;
  changed_(kind_, "to be begun with the first job; " + why_not_better_);
}

void Collection::put_again() {
  if (running() == core::Collector::kEbpf) keep_parts();
  taskstats_.put_again();
}

void Collection::set_ring() {
  if (kind_ == core::Collector::kTaskstats)
    return recorder_.set_ring(taskstats_.part(0), taskstats_.part(1),
                              taskstats_.part(2));
  recorder_.set_ring(part(accounting::CollectorPart::kRing),
                     part(accounting::CollectorPart::kControl));
}

void Collection::keep_parts() {
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (parts_[i].is_open()) store_.put(kNames[i], parts_[i].get());
}

/// The link last, and first to go: without it what is held is nothing.
void Collection::hold_again() {
  if (running() != core::Collector::kEbpf) {
    tell_reaper();
    return let_go();
  }
  for (std::size_t i = std::size(kNames); i-- > 0;)
    if (parts_[i].is_open()) reaper_.hold(kNames[i], parts_[i].get());
  tell_reaper();  // it relies on what it holds, whoever dies
}

void Collection::tell_reaper() {
  reaper_.tell_counted(has_uncounted_ ? core::Collector::kWait : running());
}

void Collection::let_go() {
  for (const std::string_view name : kNames)
    reaper_.let_go(name);
}

void Collection::note_creator(core::JobId jid, core::Pid pid) {
  if (kind_ == core::Collector::kTaskstats || state_ != State::kRunning)
    creators_[jid] = pid;
}

void Collection::enrol(const EnrolledJob& job, Enrolled done) {
  if (state_ == State::kRunning && kind_ == core::Collector::kTaskstats) {
    const auto creator = creators_.extract(job.jid);
    return taskstats_.enrol(
        job.jid, creator.empty() ? core::Pid() : creator.mapped(),
        job.project_id,
        [done = std::move(done)] { done(core::Collector::kTaskstats); });
  }
  if (state_ == State::kRunning || state_ == State::kImpossible) {
    const auto who =
        state_ == State::kRunning ? put(job) : core::Collector::kWait;
    if (!core::counts_all(who) && !std::exchange(has_uncounted_, true))
      tell_reaper();
    return done(who);
  }
  waiting_.push_back({.job = job, .done = std::move(done)});
  if (state_ == State::kAbsent) load();
}

void Collection::enrol_again(const JobTable& table) {
  for (const auto& [jid, entry] : table.jobs())
    has_uncounted_ |= entry.job.state < core::JobState::kEnded &&
                      !core::counts_all(entry.job.collector);
  tell_reaper();
  if (running() != core::Collector::kTaskstats) return;
  for (const auto& [jid, entry] : table.jobs())
    if (entry.job.state < core::JobState::kEnded &&
        entry.job.collector == core::Collector::kTaskstats)
      taskstats_.enrol_again(jid, entry.job.spec.project_id);
}

void Collection::note_member(core::JobId jid, core::Pid pid) {
  taskstats_.note_member(jid, pid);
}

void Collection::begin_move(std::function<void()> done) {
  if (running() != core::Collector::kTaskstats) return done();
  taskstats_.begin_move(std::move(done));
}

void Collection::end_move() {
  if (running() == core::Collector::kTaskstats) taskstats_.end_move();
}

void Collection::barrier(std::function<void()> done) {
  if (running() != core::Collector::kTaskstats) return done();
  taskstats_.barrier(std::move(done));
}

core::Collector Collection::put(const EnrolledJob& job) {
  const auto done =
      sys::insert(part(accounting::CollectorPart::kJobs), job.cgroup,
                  corral_job{.jid = job.jid.raw(),
                             .exits = 0,
                             .lost = 0,
                             .project_id = job.project_id,
                             .roots = 0,
                             .unfollowed = 0});
  // Asked again after a crash: it goes on counting.
  if (done || done.error().code == EEXIST) return core::Collector::kEbpf;
  spdlog::warn("the processes of job {} are counted by who reaps them: {}",
               core::display(job.jid).view(), text_of(done.error().message()));
  return core::Collector::kWait;
}

core::Collector Collection::counting(std::uint64_t cgroup) const {
  if (running() != core::Collector::kEbpf) return running();
  const auto job = sys::look_up<std::uint64_t, corral_job>(
      part(accounting::CollectorPart::kJobs), cgroup);
  return job ? core::Collector::kEbpf : core::Collector::kWait;
}

void Collection::follow(const FollowedMap::Owner& job,
                        const core::Followed& process) {
  if (running() != core::Collector::kEbpf) return;
  const bool was_at_work = followed_.is_at_work();
  followed_.follow(job, process);
  if (was_at_work || !followed_.is_at_work()) return;
  has_forks_ = true;
  store_.put(kNames[kForks], parts_[kForks].get());
  reaper_.hold(kNames[kForks], parts_[kForks].get());
}

void Collection::keep_followed(const core::Job& job) {
  if (running() != core::Collector::kEbpf || !job.followed) return;
  followed_.keep_only(job.jid, job.followed->living);
  let_forks_go();
}

/// Nobody is followed any more: what the others hold goes too.
void Collection::let_forks_go() {
  if (!has_forks_ || followed_.is_at_work()) return;
  has_forks_ = false;
  reaper_.let_go(kNames[kForks]);
  store_.drop_soon(kNames[kForks]);
}

void Collection::withdraw(core::JobId jid, std::uint64_t cgroup) {
  creators_.erase(jid);
  if (state_ != State::kRunning) return;
  if (kind_ == core::Collector::kEbpf) {
    followed_.forget(jid);
    let_forks_go();
    (void)sys::erase(part(accounting::CollectorPart::kJobs), cgroup);
  }
  taskstats_.withdraw(jid);
  idle_.set(sys::boot_now() + kIdlePatience);
}

bool Collection::is_idle() const {
  if (kind_ == core::Collector::kTaskstats) return !taskstats_.has_jobs();
  return sys::is_empty_map<std::uint64_t>(
      part(accounting::CollectorPart::kJobs));
}

void Collection::add_totals(core::JobId jid, std::uint64_t cgroup,
                            core::JobTotals& totals) const {
  if (running() == core::Collector::kTaskstats)
    return taskstats_.add_totals(jid, totals);
  if (running() != core::Collector::kEbpf) return;
  const auto job = sys::look_up<std::uint64_t, corral_job>(
      part(accounting::CollectorPart::kJobs), cgroup);
  if (!job) return;
  totals.processes = job->exits;
  totals.processes_not_seen = job->lost;
}

void Collection::load() {
  state_ = State::kLoading;
  patience_.set(sys::boot_now() + kLoadPatience);
  if (kind_ == core::Collector::kTaskstats)
    begin_taskstats();
  else
    load_ebpf();
}

void Collection::begin_taskstats() {
  const auto begun =
      taskstats_.start(site_.ring != 0 ? site_.ring : kUsualRing);
  if (!begun) give_up(begun.error().message().view());
}

/// Its worker works, or cannot.
void Collection::on_taskstats(std::string_view why) {
  if (!why.empty()) return give_up(why);
  if (state_ != State::kLoading) return;  // it was started again
  set_ring();
  store_.when_flushed([this] { settle(State::kRunning, why_not_better_); });
}

void Collection::load_ebpf() {
  loader_.emplace(loop_,
                  WorkerPlan{.name = "collect",
                             .words = {"corral-collect", "--load",
                                       std::to_string(site_.ring)},
                             .program = site_.program},
                  WorkerProcess::Handlers{
                      .on_packet = [this](auto packet) { on_reply(packet); },
                      .on_descriptors =
                          [this](std::span<sys::UniqueFd> fds) {
                            if (fds.size() == accounting::kCollectorParts)
                              std::ranges::move(fds, std::begin(parts_));
                          },
                      .on_death =
                          [this] {
                            if (state_ == State::kLoading &&
                                kind_ == core::Collector::kEbpf)
                              give_up("corral-collect ended without an answer");
                          },
                      .on_start = {}});
  loader_->start();
}

void Collection::on_reply(std::span<const std::byte> packet) {
  accounting::CollectorReply reply;
  if (state_ != State::kLoading || packet.size() != sizeof reply) return;
  std::memcpy(&reply, packet.data(), sizeof reply);
  reply.why[sizeof reply.why - 1] = '\0';
  if (reply.magic != accounting::kCollectorMagic) return;
  if (reply.code != 0 || part(accounting::CollectorPart::kControl) < 0)
    return give_up(reply.why);
  loader_->retire();
  keep_parts();
  set_ring();
  // In the store before the first job believes in it.
  store_.when_flushed(
      [this, why = std::string(reply.why)] { settle(State::kRunning, why); });
}

void Collection::give_up(std::string_view why) {
  if (loader_) loader_->retire();
  if (site_.asked == kind_)
    spdlog::error("the collector '{}' was asked for: {}", core::name_of(kind_),
                  why);
  const bool was_ebpf = kind_ == core::Collector::kEbpf;
  if (was_ebpf && obstacle_to(core::Collector::kTaskstats).empty()) {
    why_not_better_ = "not ebpf: " + std::string(why);
    kind_ = core::Collector::kTaskstats;
    return load();
  }
  const std::string words(why);
  if (!was_ebpf) {
    recorder_.forget_ring();
    taskstats_.stop();
  }
  settle(State::kImpossible,
         was_ebpf || why_not_better_.empty()
             ? words
             : why_not_better_ + "; not taskstats: " + words);
}

void Collection::settle(State state, std::string_view why) {
  state_ = state;
  patience_.clear();
  if (running() == core::Collector::kEbpf)
    hold_again();
  else
    tell_reaper();
  changed_(running(), why);
  for (const Waiting& waiting : std::exchange(waiting_, {}))
    enrol(waiting.job, waiting.done);
}

/// What the disk has refused is in the ring, and nowhere else. The scribe tries
/// again by itself; here a look after the next such while will do.
void Collection::on_idle() {
  if (state_ != State::kRunning || !is_idle()) return;
  const std::uint64_t waiting = recorder_.in_ring();
  if (waiting == 0) return unload();
  spdlog::warn("{} records of processes wait for the accounting file", waiting);
  idle_.set(sys::boot_now() + kIdlePatience);
}

void Collection::unload() {
  let_go();
  has_uncounted_ = false;
  has_forks_ = false;
  for (const std::string_view name : kNames)
    store_.drop_soon(name);
  recorder_.forget_ring();
  for (sys::UniqueFd& fd : parts_)
    fd.reset();
  loader_.reset();
  if (kind_ == core::Collector::kTaskstats) taskstats_.stop();
  state_ = State::kAbsent;
  tell_reaper();
  changed_(kind_, "to be loaded with the next job");
}

}  // namespace supervisor
