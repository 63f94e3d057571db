// SPDX-License-Identifier: Apache-2.0
// Makes events and jobs at random, for the tests of how they are written.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "core/event_codec.h"

/// Makes values out of a seed. Every field differs from its default somewhere.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::uint64_t number() { return random_(); }
  std::uint32_t small() { return static_cast<std::uint32_t>(random_()); }
  std::int32_t whole() { return static_cast<std::int32_t>(random_()); }
  bool flag() { return (random_() & 1U) != 0; }
  template <class Enum>
  Enum one_of(Enum first, Enum last) {
    const auto low = static_cast<std::uint64_t>(first);
    const auto high = static_cast<std::uint64_t>(last);
    return static_cast<Enum>(low + random_() % (high - low + 1));
  }
  std::string text(std::size_t most = 40) {
    std::string text(random_() % (most + 1), '\0');
    for (char& c : text)
      c = static_cast<char>(random_());
    return text;
  }
  template <std::size_t N>
  core::Text<N> note() {
    return core::Text<N>(text(N));
  }
  template <class Make>
  auto maybe(const Make& make) -> std::optional<decltype(make())> {
    if (flag()) return std::nullopt;
    return make();
  }
  template <class Make>
  auto list(const Make& make) -> std::vector<decltype(make())> {
    std::vector<decltype(make())> items;
    for (std::uint64_t i = random_() % 6; i > 0; --i)
      items.push_back(make());
    return items;
  }

  core::Moment moment() {
    return {core::BootTime(number()), core::RealTime(number())};
  }
  core::KillPlan plan() {
    return {core::SignalNumber(whole()), core::Microseconds(number())};
  }
  core::LaunchFailure failure() {
    return {one_of(core::LaunchStage::kNone, core::LaunchStage::kLast),
            whole()};
  }
  core::LimitHit limit_hit() {
    return {one_of(core::LimitKind::kNone, core::LimitKind::kWallTime),
            number(), number()};
  }
  core::LimitTerms terms() {
    return {one_of(core::LimitKind::kNone, core::LimitKind::kLast),
            maybe([&] { return number(); }),
            maybe([&] { return number(); }),
            core::SignalNumber(whole()),
            core::SignalNumber(whole()),
            maybe([&] { return core::Microseconds(number()); })};
  }
  core::Engine engine() {
    return one_of(core::Engine::kCgroup2, core::Engine::kSubreaper);
  }
  core::ExitRecord record() {
    core::ExitRecord record;
    record.sequence = number();
    record.jid = number();
    record.wait_status = whole();
    record.comm[3] = 'x';
    record.checksum = small();
    return record;
  }
  core::JobTotals totals() {
    const auto time = [&] { return core::Microseconds(number()); };
    const auto size = [&] { return core::Bytes(number()); };
    const auto sum = [&] { return number(); };
    return {maybe(time), maybe(time), maybe(size), maybe(size),
            maybe(size), maybe(sum),  maybe(sum),  maybe(sum)};
  }
  core::JobPeaks peaks() {
    const auto time = [&] { return core::Microseconds(number()); };
    const auto count = [&] { return number(); };
    const auto size = [&] { return core::Bytes(number()); };
    return {maybe(time), maybe(time), maybe(time),  maybe(time),
            maybe(time), maybe(time), maybe(count), maybe(size)};
  }
  core::JobSpec spec();
  core::Job job();
  core::EventBody body(std::size_t index);

 private:
  std::mt19937_64 random_;
};

inline core::JobSpec Maker::spec() {
  core::JobSpec spec;
  spec.name = text();
  spec.argv = list([&] { return text(200); });
  spec.env = list([&] { return text(); });
  spec.cwd = text();
  spec.user = text();
  spec.uid = core::Uid(small());
  spec.gid = core::Gid(small());
  spec.groups = list([&] { return core::Gid(small()); });
  spec.umask = small();
  spec.rlimits =
      list([&] { return core::ResourceLimit{whole(), number(), number()}; });
  spec.kind = one_of(core::JobKind::kForeground, core::JobKind::kLast);
  spec.engine = maybe([&] { return engine(); });
  spec.stragglers = one_of(core::Stragglers::kEnd, core::Stragglers::kLinger);
  spec.kill_plan = plan();
  for (const core::LimitKind kind : core::kLimitKinds)
    core::set_bound(spec.limits, kind, maybe([&] { return number(); }));
  spec.terms = list([&] { return terms(); });
  spec.accepts_less = flag();
  spec.token = text();
  spec.parent = core::JobId(number());
  spec.domain = text();
  spec.service = text();
  spec.array.parts =
      list([&] { return core::IndexRange{small(), small(), small()}; });
  spec.array.at_most = small();
  spec.member = {core::JobId(number()), small()};
  spec.tags = list([&] { return text(); });
  spec.requested = core::JobId(number());
  spec.project = text();
  spec.account = text();
  spec.project_id = number();
  spec.delegates = flag();
  spec.began = maybe([&] { return core::RealTime(number()); });
  return spec;
}

inline core::Job Maker::job() {
  core::Job job;
  job.jid = core::JobId(number());
  job.spec = spec();
  job.owner = core::Uid(small());
  job.engine = engine();
  job.state = one_of(core::JobState::kPreparing, core::JobState::kLast);
  job.created = moment();
  job.started = moment();
  job.ended = moment();
  job.main = maybe([&] { return core::Pid(whole()); });
  job.status = maybe([&] { return whole(); });
  job.main_has_ended = flag();
  job.main_is_stopped = flag();
  job.reaper_was_lost = flag();
  job.freezing = one_of(core::Freezing::kNo, core::Freezing::kLast);
  job.kill = {one_of(core::KillStep::kNone, core::KillStep::kFrozenKilled),
              core::BootTime(number()), small()};
  job.stragglers = small();
  job.straggler_names = note<120>();
  job.processes_seen = small();
  if (!flag()) job.main_exit = record();
  job.launch_failure = maybe([&] { return failure(); });
  job.limit_hit = maybe([&] { return limit_hit(); });
  job.soft_passed = small();
  job.ran_out_of_memory = flag();
  if (!flag())
    job.cancelled =
        core::Job::Cancelled{core::Uid(small()), note<96>(), flag()};
  job.detail = note<96>();
  job.totals = totals();
  if (!flag()) job.peaks = peaks();
  job.result.reason = one_of(core::Reason::kNone, core::Reason::kLast);
  job.result.has_status = flag();
  job.result.wait_status = whole();
  job.result.limit = limit_hit();
  job.result.launch = failure();
  job.result.by = core::Uid(small());
  job.result.detail = note<96>();
  job.is_held = flag();
  job.departure =
      one_of(core::Job::Departure::kNone, core::Job::Departure::kLast);
  job.origin = text();
  job.progress = {small(), small(), small(), 7, {}, {small(), small()}};
  job.progress.open = list([&] { return core::JobId(number()); });
  return job;
}

inline core::EventBody Maker::body(std::size_t index) {
  namespace event = core::event;
  switch (index) {
    case 0:
      return event::Created{spec(), core::Uid(small()), engine()};
    case 1:
      return event::ContainerMade{
          one_of(core::Collector::kWait, core::Collector::kEbpf)};
    case 2:
      return event::ContainerFailed{core::Text<96>(text(90))};
    case 3:
      return event::StartRecorded{};
    case 4:
      return event::Launched{core::Pid(whole())};
    case 5:
      return event::LaunchFailed{failure(), note<96>()};
    case 6:
      return event::ProcessExited{record()};
    case 7:
      return event::MainStopped{flag()};
    case 8:
      return event::ReaperLost{};
    case 9:
      return event::MainStatusLearned{flag(), whole()};
    case 10:
      return event::Emptied{totals(), peaks()};
    case 11:
      return event::Populated{small(), note<120>()};
    case 12:
      return event::EndRequested{core::Uid(small()), note<96>(), plan()};
    case 13:
      return event::Signalled{
          core::Uid(small()), core::SignalNumber(whole()),
          one_of(core::SignalTarget::kAll, core::SignalTarget::kGroup),
          core::Pid(whole())};
    case 14:
      return event::TimerFired{
          one_of(core::JobTimer::kLimit, core::JobTimer::kLast)};
    case 15:
      return event::OutOfMemory{};
    case 16:
      return event::EndRecorded{};
    case 17:
      return event::ContainerRemoved{};
    case 18:
      return event::FreezeRequested{core::Uid(small()), flag()};
    case 19:
      return event::FreezeDone{flag()};
    case 20:
      return event::LimitsChanged{.by = core::Uid(small()),
                                  .limits = spec().limits,
                                  .terms = spec().terms};
    case 21:
      return event::CpuRead{.used = core::Microseconds(number()),
                            .processors = small()};
    case 23:
      return event::Attached{.pid = core::Pid(whole()),
                             .by = core::Uid(small()),
                             .command = note<16>(),
                             .origin = text()};
    case 24:
      return event::Detached{.pid = core::Pid(whole()),
                             .by = core::Uid(small())};
    case 25:
      return event::JobDetached{.by = core::Uid(small()), .count = small()};
    case 26:
      return event::SessionClosed{.by = core::Uid(small())};
    case 27:
      return event::CollectorLost{};
    case 28:
      return event::MemberMade{core::JobId(number())};
    case 29:
      return event::MemberEnded{core::JobId(number()),
                                static_cast<std::uint8_t>(small())};
    case 30:
      return event::MemberDropped{core::Uid(small()), small()};
    case 31:
      return event::FollowedEnded{.record = record()};
    default:
      return event::LimitPassed{core::LimitKind::kMemory,
                                maybe([&] { return number(); }), flag()};
  }
}
