// SPDX-License-Identifier: Apache-2.0
// What limits a job passed, as a new supervisor learns it from the journal:
// readings are not in there, what they came to is.
#include <doctest/doctest.h>

#include "fake_world.h"
#include "sys/clock.h"

namespace {

namespace event = core::event;
using test::Fixture;

TEST_CASE("that a job did nothing for too long is known after a crash") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  auto& service = fixture.service;
  core::JobSpec spec = Fixture::detached("t");
  const core::Microseconds bound = core::seconds(10);
  core::set_terms(spec.limits, spec.terms,
                  {.kind = core::LimitKind::kIdleTime,
                   .bound = bound.raw(),
                   .soft = core::seconds(5).raw()});
  service.create(Fixture::caller(), spec, {}, [](const auto&) {});
  service.settle();
  const core::JobId jid = fixture.table.jobs().begin()->first;
  for (const core::EventBody& body :
       {core::EventBody(event::ContainerMade{}),
        core::EventBody(event::StartRecorded{}),
        core::EventBody(event::Launched{core::Pid(42)})})
    service.post(jid, body);
  service.settle();
  core::Moment when = sys::now();
  const auto read_after = [&](core::Microseconds pause) {
    when.boot = when.boot + pause;
    service.post_at(jid, when, event::CpuRead{.used = {}, .processors = 2});
    service.settle();
  };
  const auto replayed = [&] {
    auto restored = supervisor::replay(fixture.journal);
    REQUIRE(restored);
    return restored->table.find(jid)->job;
  };
  read_after({});
  read_after(core::seconds(6));
  const core::Job& job = fixture.table.find(jid)->job;
  REQUIRE(job.soft_passed != 0);
  CHECK(replayed().soft_passed == job.soft_passed);
  read_after(core::seconds(5));
  REQUIRE(job.limit_hit);
  const core::Job again = replayed();
  REQUIRE(again.limit_hit);
  CHECK(again.limit_hit->kind == core::LimitKind::kIdleTime);
  CHECK(again.limit_hit->value == job.limit_hit->value);
  CHECK(again.kill.step == job.kill.step);
}

}  // namespace
