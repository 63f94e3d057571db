// SPDX-License-Identifier: Apache-2.0
#include "supervisor/record_maker.h"

#include <string_view>
#include <variant>

#include "accounting/charge_encode.h"
#include "accounting/csa_encode.h"
#include "accounting/limits_encode.h"
#include "accounting/peaks_encode.h"
#include "core/gpid.h"
#include "core/job_name.h"
#include "core/limit_terms.h"
#include "supervisor/followed_map.h"

namespace supervisor {

namespace {

/// What the job is called in its start record: its name, else its program.
core::Text<64> title_of(const core::JobSpec& spec) {
  if (!spec.name.empty()) return std::string_view(spec.name);
  if (spec.argv.empty()) return {};
  return core::name_of_program(spec.argv.front());
}

void add_bounds(const core::Job& job, accounting::StartOfJob& to) {
  for (const core::LimitKind kind : core::kLimitKinds)
    to.add_asked(kind, core::bound_of(job.spec.limits, job.spec.terms, kind));
}

accounting::StartOfJob start_of(const accounting::RecordKey& key,
                                const core::Job& job) {
  accounting::StartOfJob start;
  start.key = key;
  start.jid = job.jid;
  start.uid = job.spec.uid;
  start.when = job.created;
  start.name = title_of(job.spec);
  add_bounds(job, start);
  return start;
}

accounting::StartOfJob limits_of(const accounting::RecordKey& key,
                                 const core::Job& job,
                                 const core::effect::RecordLimits& changed) {
  accounting::StartOfJob limits;
  limits.key = key;
  limits.jid = job.jid;
  limits.uid = changed.by;
  limits.when = changed.when;
  add_bounds(job, limits);
  return limits;
}

accounting::EndOfJob end_of(const accounting::RecordKey& key,
                            const core::Job& job) {
  return {.key = key,
          .jid = job.jid,
          .uid = job.spec.uid,
          .gid = job.spec.gid,
          .started = job.started,
          .ended = job.ended,
          .result = job.result,
          .totals = job.totals,
          .processes_seen = job.processes_seen,
          .stragglers = job.stragglers,
          .engine = job.engine};
}

accounting::EndFacts facts_of(const core::Job& job) {
  accounting::EndFacts facts;
  if (job.peaks) facts.peaks = *job.peaks;
  facts.collector = job.collector;
  if (core::has_cgroup(job.engine) && job.totals.user_time)
    facts.sources |= accounting::kFromCgroup;
  if (job.followed) facts.sources |= accounting::kFromFollowed;
  return facts;
}

accounting::RecordBytes process_of(const accounting::RecordKey& key,
                                   const core::ExitRecord& record) {
  accounting::RecordBytes bytes =
      encode(accounting::ProcessEnd{.key = key, .record = record});
  accounting::number_process(bytes,
                             core::make_gpid({}, core::Pid(record.pid)).raw());
  return bytes;
}

PendingRecord pending(std::uint64_t key, core::JobId jid, RecordKind kind,
                      const accounting::RecordBytes& bytes) {
  const auto view = bytes.view();
  return {.key = key,
          .jid = jid,
          .kind = kind,
          .bytes = {view.begin(), view.end()}};
}

PendingRecord charged(const core::Job& job, std::uint64_t key, RecordKind kind,
                      accounting::RecordBytes bytes) {
  accounting::charge(bytes, job.spec.project_id);
  return pending(key, job.jid, kind, bytes);
}

}  // namespace

std::optional<PendingRecord> make_record(std::uint64_t instance,
                                         std::uint64_t key,
                                         const core::Job& job,
                                         const core::Effect& effect) {
  using accounting::encode;
  const accounting::RecordKey full_key = {.instance = instance, .key = key};
  if (std::holds_alternative<core::effect::RecordStart>(effect))
    return pending(key, job.jid, RecordKind::kStart,
                   encode(start_of(full_key, job), job.spec.project,
                          job.spec.account, job.spec.began));
  const auto* process = std::get_if<core::effect::RecordProcess>(&effect);
  if (process != nullptr && !process->record.has(kCollected))
    return charged(job, key, RecordKind::kProcess,
                   process_of(full_key, process->record));
  if (std::holds_alternative<core::effect::RecordEnd>(effect))
    return charged(job, key, RecordKind::kEnd,
                   encode(end_of(full_key, job), facts_of(job)));
  if (const auto* limits = std::get_if<core::effect::RecordLimits>(&effect))
    return pending(key, job.jid, RecordKind::kTold,
                   encode_limits(limits_of(full_key, job, *limits)));
  return std::nullopt;
}

}  // namespace supervisor
