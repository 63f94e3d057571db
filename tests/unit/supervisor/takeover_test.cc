// SPDX-License-Identifier: Apache-2.0
// A job of which only the container is left.
#include "supervisor/takeover.h"

#include <doctest/doctest.h>

#include "fake_world.h"

namespace {

TEST_CASE("a job that is known by its container has the limits that it holds") {
  test::FakeContainers containers;
  containers.held_limits.memory = core::Bytes(64ULL << 20U);
  containers.held_limits.processes = 9;
  const core::Job job = supervisor::job_of_container(containers, core::JobId(5),
                                                     core::Collector::kWait);
  CHECK(job.state == core::JobState::kRunning);
  CHECK(job.spec.limits.memory == containers.held_limits.memory);
  CHECK(job.spec.limits.processes == containers.held_limits.processes);
}

}  // namespace
