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
constexpr std::string_view kNames[] = {"collect.link", "collect.jobs",
                                       "collect.ring", "collect.control"};
static_assert(std::size(kNames) == accounting::kCollectorParts);

/// Loading takes 30 ms; on a machine that is emulated, a second.
constexpr core::Microseconds kLoadPatience = core::seconds(20);
/// How long it stays without any job.
constexpr core::Microseconds kIdlePatience = core::seconds(60);

}  // namespace

Collection::Collection(EventLoop& loop, Keepers keepers, Recorder& recorder,
                       CollectionSite site, Changed changed)
    : loop_(loop),
      store_(keepers.store),
      reaper_(keepers.reaper),
      recorder_(recorder),
      site_(std::move(site)),
      changed_(std::move(changed)),
      patience_(loop, [this] { give_up("it was not loaded within 20 s"); }),
      idle_(loop, [this] {
        if (is_running() && sys::is_empty_map<std::uint64_t>(
                                part(accounting::CollectorPart::kJobs)))
          unload();
      }) {}

bool Collection::adopt(std::string_view name, sys::UniqueFd& fd) {
  const auto* const at = std::ranges::find(kNames, name);
  if (at == std::end(kNames)) return false;
  parts_[std::distance(std::begin(kNames), at)] = std::move(fd);
  return true;
}

void Collection::resume() {
  std::string_view obstacle;
  if (!site_.has_cgroups)
    obstacle = "jobs have no cgroup to be known by";
  else if (site_.asked == core::Collector::kWait)
    obstacle = "'wait' was asked for";
  else if (site_.program.empty())
    obstacle = "corral-collect is not installed";
  else
    obstacle = sys::obstacle_to_ebpf();
  const bool is_whole =
      std::ranges::all_of(parts_, [](const auto& fd) { return fd.is_open(); });
  // Also where it was not asked for: its jobs are counted by it.
  if (is_whole) {
    recorder_.set_ring(part(accounting::CollectorPart::kRing),
                       part(accounting::CollectorPart::kControl));
    idle_.set(sys::boot_now() + kIdlePatience);
    return settle(State::kRunning, "it was there already");
  }
  if (!obstacle.empty()) return settle(State::kImpossible, obstacle);
  changed_(core::Collector::kEbpf, "to be loaded with the first job");
}

void Collection::put_again() {
  if (is_running()) keep_parts();
}

void Collection::keep_parts() {
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    store_.put(kNames[i], parts_[i].get());
}

/// The link last, and first to go: without it what is held is nothing.
void Collection::hold_again() {
  if (!is_running()) return let_go();
  for (std::size_t i = std::size(kNames); i-- > 0;)
    reaper_.hold(kNames[i], parts_[i].get());
}

void Collection::let_go() {
  for (const std::string_view name : kNames)
    reaper_.let_go(name);
}

void Collection::enrol(core::JobId jid, std::uint64_t cgroup, Enrolled done) {
  if (state_ == State::kRunning) return done(put(jid, cgroup));
  if (state_ == State::kImpossible) return done(core::Collector::kWait);
  waiting_.push_back({.jid = jid, .cgroup = cgroup, .done = std::move(done)});
  if (state_ == State::kAbsent) load();
}

core::Collector Collection::put(core::JobId jid, std::uint64_t cgroup) {
  const auto done =
      sys::insert(part(accounting::CollectorPart::kJobs), cgroup,
                  corral_job{.jid = jid.raw(), .exits = 0, .lost = 0});
  // Asked again after a crash: it goes on counting.
  if (done || done.error().code == EEXIST) return core::Collector::kEbpf;
  spdlog::warn("the processes of job {} are counted by who reaps them: {}",
               core::display(jid).view(), text_of(done.error().message()));
  return core::Collector::kWait;
}

core::Collector Collection::counting(std::uint64_t cgroup) const {
  if (!is_running()) return core::Collector::kWait;
  const auto job = sys::look_up<std::uint64_t, corral_job>(
      part(accounting::CollectorPart::kJobs), cgroup);
  return job ? core::Collector::kEbpf : core::Collector::kWait;
}

void Collection::withdraw(std::uint64_t cgroup) {
  if (!is_running()) return;
  (void)sys::erase(part(accounting::CollectorPart::kJobs), cgroup);
  idle_.set(sys::boot_now() + kIdlePatience);
}

void Collection::add_totals(std::uint64_t cgroup,
                            core::JobTotals& totals) const {
  if (!is_running()) return;
  const auto job = sys::look_up<std::uint64_t, corral_job>(
      part(accounting::CollectorPart::kJobs), cgroup);
  if (!job) return;
  totals.processes = job->exits;
  totals.processes_not_seen = job->lost;
}

void Collection::load() {
  state_ = State::kLoading;
  patience_.set(sys::boot_now() + kLoadPatience);
  loader_.emplace(loop_,
                  WorkerPlan{.name = "collect",
                             .words = {"corral-collect", "--load",
                                       std::to_string(site_.ring)},
                             .program = site_.program},
                  WorkerProcess::Handlers{
                      .on_packet = [this](auto packet) { on_reply(packet); },
                      .on_descriptors =
                          [this](std::span<sys::UniqueFd> fds) {
                            if (fds.size() == std::size(parts_))
                              std::ranges::move(fds, std::begin(parts_));
                          },
                      .on_death =
                          [this] {
                            if (state_ == State::kLoading)
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
  recorder_.set_ring(part(accounting::CollectorPart::kRing),
                     part(accounting::CollectorPart::kControl));
  // In the store before the first job believes in it.
  store_.when_flushed(
      [this, why = std::string(reply.why)] { settle(State::kRunning, why); });
}

void Collection::give_up(std::string_view why) {
  if (loader_) loader_->retire();
  if (site_.asked == core::Collector::kEbpf)
    spdlog::error("the collector 'ebpf' was asked for: {}", why);
  settle(State::kImpossible, why);
}

void Collection::settle(State state, std::string_view why) {
  state_ = state;
  patience_.clear();
  if (is_running()) hold_again();
  changed_(is_running() ? core::Collector::kEbpf : core::Collector::kWait, why);
  for (const Waiting& job : std::exchange(waiting_, {}))
    enrol(job.jid, job.cgroup, job.done);
}

void Collection::unload() {
  let_go();
  for (const std::string_view name : kNames)
    store_.drop(name);
  recorder_.forget_ring();
  for (sys::UniqueFd& fd : parts_)
    fd.reset();
  loader_.reset();
  settle(State::kAbsent, "to be loaded with the next job");
}

}  // namespace supervisor
