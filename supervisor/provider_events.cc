// SPDX-License-Identifier: Apache-2.0
// What providers are told, and what they put into their aggregates. The rest of
// Providers is providers.cc.
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <variant>

#include "core/attach_rules.h"
#include "supervisor/candidate.h"
#include "supervisor/providers.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

namespace event = core::event;

using core::Answer;
using core::ProviderEvent;
using core::ProviderEventKind;
using core::Refusal;
using core::Verb;

/// What a line about a job says, without what is large.
core::Job facts_for_line(const core::Job& job) {
  core::Job facts;
  facts.jid = job.jid;
  facts.spec.name = job.spec.name;
  facts.spec.kind = job.spec.kind;
  facts.owner = job.owner;
  facts.engine = job.engine;
  facts.state = job.state;
  facts.freezing = job.freezing;
  facts.main = job.main;
  facts.main_has_ended = job.main_has_ended;
  facts.result = job.result;
  return facts;
}

/// What a job's own event says of one of its processes; nothing: no process.
/// `is_covered`: a source tells of births and ends.
struct ProcessTeller {
  bool is_covered;

  using Told = std::optional<ProviderEvent>;
  static ProviderEvent of(ProviderEventKind kind, core::Pid pid) {
    ProviderEvent told;
    told.kind = kind;
    told.pid = pid;
    return told;
  }

  Told operator()(const event::Launched& launched) const {
    if (is_covered) return std::nullopt;
    return of(ProviderEventKind::kAttach, launched.pid);
  }
  Told operator()(const event::Attached& attached) const {
    ProviderEvent told = of(ProviderEventKind::kAttach, attached.pid);
    told.command = attached.command;
    return told;
  }
  Told operator()(const event::Detached& detached) const {
    return of(ProviderEventKind::kDetach, detached.pid);
  }
  Told operator()(const event::JobDetached& /*all*/) const {
    return of(ProviderEventKind::kDetach, {});
  }
  Told operator()(const event::ProcessExited& exited) const {
    if (is_covered) return std::nullopt;
    ProviderEvent told =
        of(ProviderEventKind::kExit, core::Pid(exited.record.pid));
    if (exited.record.has(core::Counters::kStatus))
      told.status = exited.record.wait_status;
    const std::string_view name(exited.record.comm, sizeof exited.record.comm);
    told.command = name.substr(0, name.find('\0'));
    return told;
  }
  /// No source covers who is followed.
  Told operator()(const event::FollowedEnded& ended) const {
    return ProcessTeller{.is_covered =
                             false}(event::ProcessExited{ended.record});
  }
  template <class Other>
  Told operator()(const Other& /*other*/) const {
    return std::nullopt;
  }
};

}  // namespace

// --- what is told ---

void Providers::tell(const Place& place, const ProviderEvent& event) {
  const auto at = registrations_.find(place.provider);
  if (at == registrations_.end() || !at->second.request.events.has(event.kind))
    return;
  Registration& one = at->second;
  one.outlet.tell(
      core::provider_line(++one.number, place.aggregate, event).view());
  arrange();
}

void Providers::tell_of(core::JobId jid, core::JobId until,
                        const ProviderEvent& event) {
  watched_.for_each_place(jid, until,
                          [this, &event](core::JobId by, const Place& place) {
                            ProviderEvent told = event;
                            told.jid = by;
                            tell(place, told);
                          });
}

void Providers::tell_job(const Place& place, const core::Job& job) {
  const auto at = registrations_.find(place.provider);
  if (at == registrations_.end() ||
      !at->second.request.events.has(ProviderEventKind::kJob))
    return;
  Registration& one = at->second;
  one.outlet.tell(
      core::provider_line(++one.number, place.aggregate, sys::now().real, job)
          .view());
  arrange();
}

void Providers::tell_state(const core::Job& job) {
  for (const Place& place : watched_.places_of(job.jid))
    tell_job(place, job);
}

void Providers::on_news(const ProcessNews& news) {
  const core::Moment now = sys::now();
  ProviderEvent event;
  event.kind = news.kind;
  event.when = core::RealTime(now.real.raw() - (now.boot - news.when).raw());
  event.pid = news.pid;
  event.other = news.other;
  if (news.kind == ProviderEventKind::kExit) event.status = news.status;
  event.command = news.command;
  for (const Place& place : watched_.places_of(news.member))
    tell(place, event);
  tell_of(watched_.job_of(news.job), watched_.job_of(news.origin), event);
}

void Providers::lose(core::ProviderId provider, ProviderEventKind kind,
                     std::uint64_t count) {
  const auto at = registrations_.find(provider);
  if (at == registrations_.end() || !at->second.request.events.has(kind))
    return;
  at->second.outlet.add_lost(count);
  at->second.number += count;
  arrange();
}

void Providers::on_lost(Slot slot, ProviderEventKind kind,
                        std::uint64_t count) {
  for (const Place& place : watched_.places_of(slot))
    lose(place.provider, kind, count);
  watched_.for_each_place(watched_.job_of(slot), core::kNoJob,
                          [&](core::JobId /*by*/, const Place& place) {
                            lose(place.provider, kind, count);
                          });
}

void Providers::on_lost_of_all(std::uint64_t count) {
  for (const auto& [id, one] : registrations_)
    if (one.request.events.needs_source())
      for (const ProviderEventKind kind :
           {ProviderEventKind::kFork, ProviderEventKind::kExec,
            ProviderEventKind::kExit})
        if (one.request.events.has(kind)) {
          lose(id, kind, count);
          break;
        }
}

void Providers::in_order(std::function<void()> call) {
  if (source() != nullptr)
    source()->in_order(std::move(call));
  else
    call();
}

bool Providers::is_covered(const core::Job& job) const {
  return source() != nullptr && core::has_cgroup(job.engine);
}

/// Whoever registered as `job` is told of every job.
void Providers::follow_new(const core::Job& job) {
  for (const auto& [id, one] : registrations_)
    if (one.request.name == core::kJobProvider &&
        site_.may(one.caller, Verb::kInspect, job.owner))
      (void)watched_.add(job.jid, {.provider = id, .aggregate = job.jid.raw()});
}

void Providers::on_job_event(const core::Job& job, const core::JobEvent& event,
                             core::JobState before) {
  const bool is_new = std::holds_alternative<event::Created>(event.body);
  if (is_new) follow_new(job);
  if (std::holds_alternative<event::ContainerMade>(event.body))
    watched_.refresh(job.jid);
  auto told =
      std::visit(ProcessTeller{.is_covered = is_covered(job)}, event.body);
  const auto* const attached = std::get_if<event::Attached>(&event.body);
  const bool is_in = attached != nullptr && attached->followed.start_ticks == 0;
  if (is_in || std::holds_alternative<event::Detached>(event.body))
    watched_.moved(told->pid, job.jid, is_in);
  if (told) {
    told->when = event.when.real;
    in_order([this, jid = job.jid, told = *told] {
      tell_of(jid, core::kNoJob, told);
    });
  }
  if (job.state == before && !is_new) return;
  if (watched_.places_of(job.jid).empty()) return;
  in_order([this, facts = facts_for_line(job)] {
    tell_state(facts);
    if (facts.state == core::JobState::kEnded) watched_.forget(facts.jid);
  });
}

// --- aggregates ---

Answer<const core::Job*> Providers::find_job(const core::Caller& caller,
                                             core::JobId jid) const {
  const TableEntry* const entry = site_.table.find(jid);
  if (entry == nullptr)
    return refuse(Refusal::kNoSuchJob, "there is no " + core::job_text(jid));
  if (!site_.may(caller, Verb::kInspect, entry->job.owner))
    return refuse(Refusal::kAccessDenied,
                  core::job_text(jid) + " belongs to uid " +
                      std::to_string(entry->job.owner.raw()) + ", not to uid " +
                      std::to_string(caller.uid.raw()),
                  Verb::kInspect);
  if (entry->job.state >= core::JobState::kEnded)
    return core::refuse_ended(jid);
  return &entry->job;
}

Answer<void> Providers::attach(const core::Caller& caller,
                               std::string_view name, std::uint64_t aggregate,
                               core::AggregateMember member) {
  const Place place{.provider = TRY(find(caller, name)),
                    .aggregate = aggregate};
  if (name == core::kJobProvider)
    return std::unexpected(core::invalid(
        "the aggregates of provider 'job' are the jobs; AttachPid brings "
        "processes into them"));
  if (member.job != core::kNoJob) return attach_job(caller, place, member.job);
  return attach_process(caller, place, std::move(member.process));
}

/// Who is in it already is told as attached; one that is born meanwhile may be
/// told twice.
Answer<void> Providers::attach_job(const core::Caller& caller,
                                   const Place& place, core::JobId jid) {
  const core::Job* const job = TRY(find_job(caller, jid));
  if (!watched_.add(jid, place)) return {};
  watched_.refresh_wanted();
  tell_job(place, *job);
  ProviderEvent event;
  event.when = sys::now().real;
  event.jid = jid;
  for (const core::Pid pid : site_.containers.members(jid)) {
    event.pid = pid;
    tell(place, event);
  }
  return {};
}

Answer<void> Providers::check_room(const core::Caller& caller) const {
  const auto at = attached_.find(caller.uid);
  if (caller.uid == core::Uid(0) || caller.uid == core::Uid(::geteuid()) ||
      at == attached_.end() || at->second < bounds_.processes_of_user)
    return {};
  return refuse(Refusal::kTooMany,
                "uid " + std::to_string(caller.uid.raw()) + " has attached " +
                    std::to_string(at->second) +
                    " processes by themselves already; a job can be attached");
}

Answer<void> Providers::attach_process(const core::Caller& caller,
                                       const Place& place,
                                       core::ProcessRef process) {
  const FoundProcess found = TRY(find_process(std::move(process)));
  TRY(core::detail::check_kind(found.facts));
  TRY(core::detail::check_owner(caller, found.facts, site_.rules));
  const std::string text = core::detail::process_text(found.facts);
  const bool asks =
      registrations_.at(place.provider).request.events.needs_source();
  if (source() == nullptr || !asks)
    return refuse(Refusal::kNotSupported,
                  "nobody tells of the forks and the end of " + text + ": " +
                      (asks ? why_
                            : "the provider asks for none of fork, exec and "
                              "exit") +
                      "; a job can be attached");
  TRY(check_room(caller));
  const auto added = watched_.add(found.facts.pid, place);
  if (!added)
    return refuse(Refusal::kTooMany,
                  "too many are watched already for " + text);
  if (found.pidfd.has_exited()) {
    (void)watched_.remove(found.facts.pid, place);
    return refuse(Refusal::kNoSuchProcess, text + " has ended");
  }
  if (!*added) return {};
  ++attached_[caller.uid];
  ProviderEvent event;
  event.when = sys::now().real;
  event.pid = found.facts.pid;
  event.command = found.facts.command;
  in_order([this, place, event] { tell(place, event); });
  return {};
}

Answer<void> Providers::detach(const core::Caller& caller,
                               std::string_view name, std::uint64_t aggregate,
                               core::AggregateMember member) {
  const Place place{.provider = TRY(find(caller, name)),
                    .aggregate = aggregate};
  if (member.job == core::kNoJob)
    return detach_process(caller, place, std::move(member.process));
  if (name == core::kJobProvider || !watched_.remove(member.job, place))
    return std::unexpected(
        core::invalid(core::job_text(member.job) +
                      " is not in that aggregate, expected one that is"));
  return {};
}

Answer<void> Providers::detach_process(const core::Caller& caller,
                                       const Place& place,
                                       core::ProcessRef process) {
  const FoundProcess found = TRY(find_process(std::move(process)));
  TRY(core::detail::check_owner(caller, found.facts, site_.rules));
  const auto removed = watched_.remove(found.facts.pid, place);
  if (!removed || !*removed)
    return std::unexpected(
        core::invalid(core::detail::process_text(found.facts) +
                      " is not in that aggregate by itself, expected one that "
                      "is"));
  ProviderEvent event;
  event.kind = ProviderEventKind::kDetach;
  event.when = sys::now().real;
  event.pid = found.facts.pid;
  event.command = found.facts.command;
  in_order([this, place, event] { tell(place, event); });
  return {};
}

}  // namespace supervisor
