// SPDX-License-Identifier: Apache-2.0
// Jobs in every state and events of every kind, for the tests of the machine.
#pragma once

#include <string>
#include <vector>

#include "core/job_machine.h"

namespace samples {

inline constexpr core::JobId kJob{0x17};
inline constexpr core::Pid kMainPid{500};

inline core::Moment at(std::uint64_t second) {
  return {.boot = core::BootTime(second * 1000000),
          .real = core::RealTime(1795303530000000 + second * 1000000)};
}

inline core::JobEvent event_at(std::uint64_t second, core::EventBody body) {
  return {.job = kJob, .when = at(second), .body = std::move(body)};
}

inline core::JobSpec spec() {
  core::JobSpec spec;
  spec.name = "sample";
  spec.argv = {"make", "-j2"};
  spec.env = {"PATH=/bin"};
  spec.kill_plan = {.first_signal = core::kSigterm, .grace = core::seconds(5)};
  return spec;
}

inline core::event::Created created(core::JobSpec from = spec()) {
  return {.spec = std::move(from),
          .owner = core::Uid(1000),
          .engine = core::Engine::kCgroup2};
}

inline core::event::ProcessExited exited(core::Pid pid,
                                         std::int32_t status = 0) {
  core::event::ProcessExited event;
  event.record.pid = pid.raw();
  event.record.wait_status = status;
  event.record.mark(core::Counters::kStatus);
  return event;
}

inline core::event::Populated populated(std::uint32_t count) {
  return {.count = count, .names = "sleep"};
}

inline core::event::EndRequested end_requested(
    core::KillPlan plan = {}, const char* who = "uid 7 (alice)") {
  return {.by = core::Uid(7), .who = who, .plan = plan};
}

/// The job after these events, a second apart.
inline core::Step fold(const std::vector<core::EventBody>& events) {
  core::Step step = core::begin(event_at(0, events.at(0)));
  for (std::size_t i = 1; i < events.size(); ++i)
    step = core::step(std::move(step.job), event_at(i, events[i]));
  return step;
}

/// The shortest way to each state.
inline std::vector<core::EventBody> way_to(core::JobState state,
                                           core::JobSpec from = spec()) {
  namespace event = core::event;
  const std::vector<core::EventBody> whole = {
      created(std::move(from)), event::ContainerMade{},
      event::StartRecorded{},   event::Launched{.pid = kMainPid},
      exited(kMainPid),         event::Emptied{},
      event::EndRecorded{},     event::ContainerRemoved{}};
  const auto steps = static_cast<std::ptrdiff_t>(state) + 1;
  return {whole.begin(), whole.begin() + steps};
}

inline core::Job job_in(core::JobState state, core::JobSpec from = spec()) {
  return fold(way_to(state, std::move(from))).job;
}

inline core::Job running(core::JobSpec from = spec()) {
  return job_in(core::JobState::kRunning, std::move(from));
}

/// What an event makes of a job, so many seconds after its beginning.
inline core::Step after(core::Job job, std::uint64_t second,
                        core::EventBody event) {
  return core::step(std::move(job), event_at(second, std::move(event)));
}

/// Everything of a job that an event can change, as text.
inline std::string digest(const core::Job& job) {
  const auto number = [](auto value) { return std::to_string(value) + ' '; };
  std::string text(core::name_of(job.state));
  text += ' ' + number(job.started.boot.raw()) + number(job.ended.boot.raw());
  text += number(job.main ? job.main->raw() : -1);
  text += number(job.status.value_or(-1)) + number(int{job.main_has_ended}) +
          number(int{job.main_is_stopped}) + number(int{job.reaper_was_lost}) +
          number(static_cast<int>(job.freezing));
  text += number(static_cast<int>(job.kill.step)) +
          number(job.kill.deadline.raw()) + number(job.kill.repeats);
  const core::KillPlan& plan = job.spec.kill_plan;
  text += number(plan.first_signal.raw()) + number(plan.grace.raw());
  text += number(job.stragglers) + std::string(job.straggler_names.view()) +
          ' ' + number(job.processes_seen);
  text += number(int{job.launch_failure.has_value()}) +
          number(int{job.limit_hit.has_value()}) +
          number(int{job.ran_out_of_memory}) +
          number(int{job.cancelled.has_value()});
  text += number(int{job.is_held}) + number(static_cast<int>(job.departure));
  text += std::string(core::sentence_of(job.result).view());
  return text;
}

template <class T>
std::size_t count_of(const std::vector<core::Effect>& effects) {
  std::size_t count = 0;
  for (const core::Effect& effect : effects)
    if (std::holds_alternative<T>(effect)) ++count;
  return count;
}

template <class T>
const T* find(const std::vector<core::Effect>& effects) {
  for (const core::Effect& effect : effects)
    if (const T* found = std::get_if<T>(&effect)) return found;
  return nullptr;
}

}  // namespace samples
