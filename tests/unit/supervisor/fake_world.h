// SPDX-License-Identifier: Apache-2.0
// A JobService with a real journal and real links, whose effects run in a world
// of the test's own instead of the kernel.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/event_codec.h"
#include "supervisor/job_service.h"
#include "supervisor/providers.h"
#include "sys/clock.h"

namespace test {

/// Built beside this program.
inline std::string worker_program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() /
         "supervisor/worker-program";
}

/// Containers that are numbers.
class FakeContainers final : public supervisor::Containers {
 public:
  std::map<core::JobId, std::uint32_t> population;

  std::map<core::JobId, core::JobId> parents;
  core::JobLimits held_limits;

  void nest(core::JobId jid, core::JobId parent) override {
    parents[jid] = parent;
  }
  [[nodiscard]] core::JobId parent(core::JobId jid) const override {
    const auto at = parents.find(jid);
    return at == parents.end() ? core::kNoJob : at->second;
  }
  [[nodiscard]] bool has_nested(core::JobId jid) const override {
    for (const auto& [nested, parent] : parents)
      if (parent == jid) return true;
    return false;
  }
  std::vector<sys::UniqueFd> exits(core::JobId, const std::string&) override {
    return {};
  }
  core::Result<std::vector<sys::UniqueFd>> leaves(core::JobId) override {
    return {};
  }
  core::Result<void> make(core::JobId jid) override {
    population.try_emplace(jid, 0);
    return {};
  }
  core::Result<sys::UniqueFd> open(core::JobId) override {
    return sys::open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
  }
  core::Result<sys::UniqueFd> open_for_newcomer(core::JobId jid) override {
    return open(jid);
  }
  core::Result<sys::UniqueFd> open_own(core::JobId jid) override {
    return open(jid);
  }
  core::Result<std::uint64_t> id(core::JobId jid) override { return jid.raw(); }
  core::Result<bool> is_populated(core::JobId jid) override {
    const auto at = population.find(jid);
    return at != population.end() && at->second > 0;
  }
  supervisor::Inhabitants inhabitants(core::JobId jid) override {
    return {population[jid], "somebody"};
  }
  std::vector<core::Pid> members(core::JobId) override { return {}; }
  core::JobTotals totals(core::JobId) override { return {}; }
  void read_usage(core::UsageView& usage) override {
    usage.processes = population[usage.jid];
  }
  core::Result<void> hold(core::JobId, const core::LimitSet&) override {
    return {};
  }
  core::Result<void> delegate(core::JobId, core::Uid, core::Gid) override {
    return {};
  }
  core::JobLimits held(core::JobId /*jid*/) override { return held_limits; }
  supervisor::SoftMemoryEvents soft_memory_events(core::JobId,
                                                  std::uint64_t) override {
    return {};
  }
  core::Maybe<core::Bytes> memory_now(core::JobId) override { return {}; }
  core::Maybe<std::uint64_t> tasks_now(core::JobId) override { return {}; }
  std::uint64_t memory_kills(core::JobId) override { return 0; }
  core::Result<sys::UniqueFd> memory_events(core::JobId) override {
    return sys::UniqueFd();
  }
  core::Result<std::vector<sys::UniqueFd>> joins(core::JobId) override {
    return {};
  }
  core::Result<void> signal_all(core::JobId, core::SignalNumber) override {
    return {};
  }
  bool is_frozen(core::JobId) override { return false; }
  core::Result<void> remove(core::JobId jid) override {
    population.erase(jid);
    return {};
  }
  std::vector<core::JobId> all() override { return {}; }
  core::Moment made(core::JobId) override { return sys::now(); }
  [[nodiscard]] std::string events_path(core::JobId) const override {
    return {};
  }
  [[nodiscard]] std::string path(core::JobId) const override { return "/fake"; }
};

/// Remembers what was asked; a test answers or a subclass does.
class FakeEffects : public supervisor::EffectSink {
 public:
  struct Asked {
    core::JobId jid;
    core::Effect effect;
  };
  std::vector<Asked> asked;
  std::set<core::JobId> released;

  void run(const core::Job& job, const core::Effect& effect,
           std::uint64_t /*entry*/) override {
    asked.push_back({job.jid, effect});
  }
  void release(const core::Job& job) override { released.insert(job.jid); }

  template <class Effect>
  [[nodiscard]] bool has(core::JobId jid) const {
    for (const Asked& one : asked)
      if (one.jid == jid && std::holds_alternative<Effect>(one.effect))
        return true;
    return false;
  }
};

/// Everything that a service needs.
class Fixture {
 public:
  supervisor::EventLoop loop = *supervisor::EventLoop::make();
  sys::SocketPair store_ends = *sys::make_socket_pair();
  supervisor::StoreLink store{loop, *store_ends.first.duplicate()};
  supervisor::KeptHandles handles{store};
  supervisor::Lifetimes lifetimes{loop, handles};
  supervisor::ScopeLinks scopes{loop, handles};
  FakeContainers containers;
  supervisor::JobTable table;
  supervisor::Journal journal = *supervisor::Journal::create();
  supervisor::NameService names{loop, worker_program()};
  supervisor::SiteLimits site_limits{loop, "/nonexistent/limits.toml"};
  /// As many jids as are wanted, at once.
  supervisor::JidSource jids{
      loop,
      {.reserve = {},
       .remember = [](auto) {},
       .remember_free =
           [this](const auto& free) {
             return service.remember(supervisor::encode_item(free));
           }}};
  supervisor::JobService service{loop,
                                 {.user = core::Uid(::geteuid()),
                                  .rules = {.instance = core::Uid(::geteuid())},
                                  .hid = kHid,
                                  .view = {}},
                                 table,
                                 journal,
                                 jids};
  supervisor::Recorder recorder{
      loop, service, 1, {.pacct = "/nonexistent/pacct"}};
  supervisor::Launcher launcher{
      {.init = "/init", .pidns = "/pidns", .logs = "/nonexistent", .means = {}},
      containers,
      handles,
      scopes};
  supervisor::Admission admission{
      {.instance = core::Uid(::geteuid()),
       .rules = {.instance = core::Uid(::geteuid())},
       .facts = {.has_cgroup2 = true,
                 .cgroup2_is_writable = true,
                 .has_cgroup_kill = true},
       .engine = core::Engine::kCgroup2,
       .means = {}},
      table,
      names,
      site_limits};
  supervisor::Mover mover{loop, worker_program()};
  supervisor::ScopePlaces places{{.loop = loop,
                                  .table = table,
                                  .handles = handles,
                                  .containers = containers,
                                  .program = worker_program()}};
  supervisor::Providers providers{
      {.loop = loop,
       .table = table,
       .containers = containers,
       .may = [this](const auto& who, core::Verb verb,
                     core::Uid owner) { return service.may(who, verb, owner); },
       .listens =
           [this](bool listens) {
             is_listened_to = listens;
             if (!listens) return service.set_listener({});
             service.set_listener([this](const auto& job, const auto& event,
                                         core::JobState before) {
               providers.on_job_event(job, event, before);
             });
           },
       .rules = {.instance = core::Uid(::geteuid())},
       .obstacle = {}}};
  /// Of a collector that is not there.
  sys::UniqueFd nothing;
  supervisor::FollowedMap followed{{.jobs = nothing,
                                    .control = nothing,
                                    .members = nothing,
                                    .program = nothing,
                                    .link = nothing}};
  int settled = 0;
  bool is_listened_to = false;  ///< by providers

  static constexpr std::uint32_t kHid = 7;

  explicit Fixture(supervisor::EffectSink& effects) {
    core::InstanceCounters counters;
    counters.hid = kHid;
    std::vector<std::byte> bytes;
    core::encode(counters, bytes);
    (void)service.remember(bytes);
    jids.take_up(0, supervisor::JidBlock{.after = 0, .end = 1U << 30});
    lifetimes.set_end(
        [this](core::JobId jid) { service.end_with_creator(jid); });
    service.connect(
        {admission, effects, containers, handles, scopes, store, launcher,
         recorder, mover, places, providers, followed, lifetimes},
        {.on_reexec = [] {},
         .on_shut_down = [] {},
         .on_ended = [](core::JobId) {},
         .on_settled = [this] { ++settled; }});
  }

  [[nodiscard]] static core::Caller caller() {
    return {core::Uid(::geteuid()), core::Pid(::getpid())};
  }
  [[nodiscard]] static core::JobSpec detached(std::string token = {}) {
    core::JobSpec spec;
    spec.argv = {"true"};
    spec.env = {"A=b"};
    spec.kind = core::JobKind::kDetached;
    spec.token = std::move(token);
    return spec;
  }
};

inline std::vector<std::byte> bytes_of(const core::Job& job) {
  std::vector<std::byte> bytes;
  core::encode(core::JobSnapshot{job, 0}, bytes);
  return bytes;
}

}  // namespace test
