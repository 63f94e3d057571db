// SPDX-License-Identifier: Apache-2.0
#include "cli/job_json.h"

#include "cli/job_text.h"
#include "cli/json_text.h"
#include "cli/limit_json.h"
#include "core/job_sentence.h"
#include "sys/clock.h"

namespace cli {
namespace {

Json time_or_null(core::RealTime time) {
  if (time.raw() == 0) return nullptr;
  return time.raw();
}

void add_identity(Json& json, const core::JobView& job) {
  json["jid"] = core::display(job.jid).view();
  json["name"] = text_or_null(job.name);
  json["owner"] = job.owner.raw();
  json["user"] = maybe(known_user_name(job.owner));
  json["kind"] = core::name_of(job.kind);
  json["engine"] = core::name_of(job.engine);
  json["state"] = core::name_of(job.state);
  json["freezer_state"] = core::name_of(job.freezing);
  json["parent"] = job.parent == core::kNoJob
                       ? Json()
                       : Json(core::display(job.parent).view());
  json["domain"] = text_or_null(job.domain);
  json["service"] = text_or_null(job.service);
  const bool is_member = job.member.array != core::kNoJob;
  json["array"] =
      is_member ? Json(core::display(job.member.array).view()) : Json();
  json["array_index"] = is_member ? Json(job.member.index) : Json();
  json["members"] = nullptr;
  if (!job.array.range.empty())
    json["members"] = {
        {"range", job.array.range},    {"size", job.array.size},
        {"made", job.array.made},      {"living", job.array.living},
        {"ended", job.array.ended},    {"failed", job.array.failed},
        {"dropped", job.array.dropped}};
  json["tags"] = job.tags;
  json["project"] = text_or_null(job.project);
  json["account"] = text_or_null(job.account);
  json["project_id"] = job.project_id == 0 ? Json() : Json(job.project_id);
  json["argv"] = job.argv.empty() ? Json() : Json(job.argv);
  json["main_pid"] = maybe(job.main);
}

/// In microseconds, bytes or a count, as the limit is; null: none.
void add_limits(Json& json, const core::JobView& job) {
  Json limits;
  Json soft;
  Json manners = Json::object();
  for (const core::LimitKind kind : core::kLimitKinds) {
    const char* const word = core::row_of(kind).word;
    const core::LimitTerms terms = core::terms_of(job.limits, job.terms, kind);
    limits[word] = maybe(terms.bound);
    soft[word] = maybe(terms.soft);
    if (Json manner = manner_json(terms); !manner.empty())
      manners[word] = std::move(manner);
  }
  json["limits"] = std::move(limits);
  json["soft_limits"] = std::move(soft);
  json["limit_actions"] = std::move(manners);
}

void add_times(Json& json, const core::JobView& job) {
  json["created_us"] = time_or_null(job.created.real);
  json["started_us"] = time_or_null(job.started.real);
  json["ended_us"] = time_or_null(job.ended.real);
  json["age_us"] = maybe(age_of(job, sys::boot_now()));
}

void add_result(Json& json, const core::JobView& job) {
  const core::JobResult& result = job.result;
  const bool is_over = has_ended(job);
  const bool has_status = is_over && result.has_status;
  const bool is_exit = has_status && core::status_is_exit(result.wait_status);
  json["result"] = is_over ? Json(core::word_of(result.reason)) : Json();
  json["sentence"] = is_over ? Json(core::sentence_of(job).view()) : Json();
  json["exit_code"] =
      is_exit ? Json(core::exit_code_of(result.wait_status)) : Json();
  const bool is_signal = has_status && !is_exit;
  json["signal"] =
      is_signal
          ? Json(core::signal_name(core::signal_of(result.wait_status)).view())
          : Json();
  json["limit"] = nullptr;
  if (is_over && result.reason == core::Reason::kOverLimit)
    json["limit"] = passed_json(result.limit);
  json["shell_code"] = is_over ? Json(core::shell_code(result)) : Json();
}

void add_totals(Json& json, const core::JobView& job) {
  json["user_us"] = maybe(job.totals.user_time);
  json["system_us"] = maybe(job.totals.system_time);
  json["memory_peak_bytes"] = maybe(job.totals.memory_peak);
  json["storage_read_bytes"] = maybe(job.totals.read_bytes);
  json["storage_written_bytes"] = maybe(job.totals.write_bytes);
  json["oom_kills"] = maybe(job.totals.oom_kills);
  json["processes_not_seen"] = maybe(job.totals.processes_not_seen);
  json["processes_seen"] = job.processes_seen;
  json["followed"] = job.followed;
  json["with_caller"] = job.has_lifetime;
  json["not_held"] = job.not_held;
  json["stragglers"] = job.stragglers;
  json["straggler_names"] = text_or_null(job.straggler_names);
  json["container"] = text_or_null(job.container);
}

Json object_of(const core::JobView& job) {
  Json json;
  add_identity(json, job);
  add_limits(json, job);
  add_times(json, job);
  add_result(json, job);
  add_totals(json, job);
  return json;
}

Json object_of(const core::ProcessView& process) {
  Json json;
  json["pid"] = process.pid.raw();
  json["ppid"] = process.ppid.raw();
  json["command"] = process.command;
  json["state"] = std::string(1, process.state);
  json["cpu_us"] = process.cpu_us;
  return json;
}

}  // namespace

std::string job_json(const core::JobView& job) {
  return json_line(object_of(job));
}

std::string process_json(const core::JobView& job,
                         const ProcessFacts& process) {
  Json json = object_of(job);
  Json path = Json::array();
  for (const core::JobId jid : process.path)
    path.push_back(core::display(jid).view());
  json["process"] = {{"pid", process.pid.raw()},
                     {"gpid", process.gpid.raw()},
                     {"command", maybe(process.command)},
                     {"owner", maybe(process.user)},
                     {"is_main", process.is_main},
                     {"membership", process.membership},
                     {"jids", std::move(path)}};
  return json_line(json);
}

std::string jobs_json(const std::vector<core::JobView>& jobs) {
  Json array = Json::array();
  for (const core::JobView& job : jobs)
    array.push_back(object_of(job));
  return json_line(array);
}

std::string counted_json(
    const std::vector<core::JobView>& jobs,
    const std::vector<std::optional<std::size_t>>& counts) {
  Json array = Json::array();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Json json = object_of(jobs[i]);
    json["process_count"] = counts[i] ? Json(*counts[i]) : Json();
    array.push_back(std::move(json));
  }
  return json_line(array);
}

std::string trees_json(const std::vector<JobWithProcesses>& jobs) {
  Json array = Json::array();
  for (const JobWithProcesses& tree : jobs) {
    Json json = object_of(tree.job);
    Json processes;
    if (tree.processes) {
      processes = Json::array();
      for (const core::ProcessView& process : *tree.processes)
        processes.push_back(object_of(process));
    }
    json["processes"] = std::move(processes);
    array.push_back(std::move(json));
  }
  return json_line(array);
}

std::string created_json(core::JobId jid, std::string_view name,
                         std::string_view instance) {
  Json json;
  json["jid"] = core::display(jid).view();
  json["name"] = text_or_null(name);
  json["instance"] = instance;
  return json_line(json);
}

std::string killed_json(core::JobId jid,
                        std::optional<core::SignalNumber> signal,
                        std::optional<bool> is_ended) {
  Json json;
  json["jid"] = core::display(jid).view();
  json["signal"] = nullptr;
  if (signal && signal->raw() == 0)
    json["signal"] = 0;
  else if (signal)
    json["signal"] = core::signal_name(signal->raw()).view();
  json["ended"] = is_ended ? Json(*is_ended) : Json();
  return json_line(json);
}

std::string frozen_json(core::JobId jid, bool is_frozen) {
  Json json;
  json["jid"] = core::display(jid).view();
  json["freezer_state"] =
      core::name_of(is_frozen ? core::Freezing::kFrozen : core::Freezing::kNo);
  return json_line(json);
}

std::string attached_json(core::JobId jid, const std::vector<core::Pid>& pids) {
  Json json;
  json["jid"] = core::display(jid).view();
  json["pids"] = Json::array();
  for (const core::Pid pid : pids)
    json["pids"].push_back(pid.raw());
  return json_line(json);
}

std::string opened_json(const core::OpenedSession& opened) {
  Json json;
  json["jid"] = core::display(opened.jid).view();
  json["existing"] = opened.is_existing;
  return json_line(json);
}

std::string detached_json(core::JobId jid, std::uint32_t count) {
  Json json;
  json["jid"] = core::display(jid).view();
  json["count"] = count;
  return json_line(json);
}

}  // namespace cli
