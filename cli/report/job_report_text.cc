// SPDX-License-Identifier: Apache-2.0
#include "cli/report/job_report_text.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/job_text.h"
#include "cli/limit_json.h"
#include "cli/report/efficiency.h"
#include "cli/report/job_counters.h"
#include "cli/report/use_text.h"
#include "cli/table_view.h"
#include "core/ids.h"
#include "core/job_result.h"

namespace cli {

namespace {

using accounting::JobFacts;
using accounting::JobProcess;
using Count = JobFacts::Count;

std::string time_of(const Count& us) {
  return us ? short_time(core::Microseconds(*us)) : std::string();
}
std::string size_of(const Count& bytes) {
  return bytes ? short_size(core::Bytes(*bytes)) : std::string();
}
std::string date_of(const Count& us) {
  return us ? cli::date_of(core::RealTime(*us)) : std::string();
}
std::string number_of(const Count& number) {
  return number ? std::to_string(*number) : std::string();
}

std::string owner(const JobFacts& job) {
  if (!job.uid) return {};
  return user_name(core::Uid(*job.uid)) + " (" + std::to_string(*job.uid) + ")";
}

std::string group(const JobFacts& job) {
  if (!job.gid) return {};
  const std::string number = std::to_string(*job.gid);
  accounting::UseRow row;
  row.key = number;
  return shown_name(accounting::UseKey::kGroup, row) + " (" + number + ")";
}

std::string memory(const JobFacts& job) {
  std::string text = size_of(job.memory_bytes);
  if (!text.empty() && job.is_memory_of_process) text += ", largest process";
  return text;
}

/// Of its cgroup, or else of its processes.
std::string storage(const JobFacts& job, const accounting::UseSum& sum) {
  std::string text = size_text(sum);
  if (!text.empty() && job.is_storage_of_processes)
    text += ", by its processes";
  return text;
}

/// CSA's own records know its number alone.
std::string project(const JobFacts& job) {
  return job.project_name.empty() ? number_of(job.project) : job.project_name;
}

struct Fact {
  std::string_view title;
  std::string (*text)(const JobFacts&);  ///< empty: a dash
};

constexpr Fact kFacts[] = {
    {.title = "owner", .text = owner},
    {.title = "group", .text = group},
    {.title = "project", .text = project},
    {.title = "account",
     .text = [](const JobFacts& job) { return job.account; }},
    {.title = "node", .text = [](const JobFacts& job) { return job.node; }},
    {.title = "result", .text = result_text},
    {.title = "engine",
     .text =
         [](const JobFacts& job) {
           return job.end ? job.end->engine : std::string();
         }},
    {.title = "started",
     .text = [](const JobFacts& job) { return date_of(job.started_us); }},
    {.title = "ended",
     .text = [](const JobFacts& job) { return date_of(job.ended_us); }},
    {.title = "wall time",
     .text = [](const JobFacts& job) { return time_of(job.wall_us); }},
    {.title = "user time",
     .text = [](const JobFacts& job) { return time_text(job.user_us); }},
    {.title = "system time",
     .text = [](const JobFacts& job) { return time_text(job.system_us); }},
    {.title = "peak memory", .text = memory},
    {.title = "read from disks",
     .text =
         [](const JobFacts& job) {
           return storage(job, job.storage_read_bytes);
         }},
    {.title = "written to disks",
     .text =
         [](const JobFacts& job) {
           return storage(job, job.storage_written_bytes);
         }},
    {.title = "processes",
     .text =
         [](const JobFacts& job) {
           return std::to_string(job.processes.size());
         }},
};

/// In a column of that width.
std::string fact_line(std::string_view title, const std::string& value,
                      std::size_t width) {
  std::string line = "  " + std::string(title);
  line.append(width - line.size(), ' ');
  return line + (value.empty() ? "-" : printable(value)) + "\n";
}

std::string facts_text(const JobFacts& job) {
  constexpr std::size_t kColumn = 20;
  std::string text;
  for (const Fact& fact : kFacts)
    text += fact_line(fact.title, fact.text(job), kColumn);
  return text;
}

std::string counters_text(const JobFacts& job) {
  constexpr std::size_t kColumn = 26;
  std::string text = "  COUNTED\n";
  for (const CounterRow& row : counter_rows(job))
    text += fact_line(row.title, row.text, kColumn);
  return text;
}

std::string limits_text(const JobFacts& job, const Screen& screen) {
  TableView table({{.title = "  ASKED"},
                   {.title = "LIMIT", .align = Align::kRight},
                   {.title = "USED", .align = Align::kRight},
                   {.title = "OF IT", .align = Align::kRight}});
  for (const AskedUse& use : asked_uses(job)) {
    std::string name = "  " + std::string(core::name_of(use.asked.kind));
    if (use.asked.is_of_request) name += " (request)";
    table.add({{.text = name},
               {.text = asked_text(use)},
               {.text = used_text(use)},
               {.text = share_text(use)}});
  }
  return table.render(screen, TableView::Header::kShown);
}

std::string changes_text(const JobFacts& job) {
  std::string text;
  for (const accounting::LimitsChange& change : job.changes) {
    text += "  limits changed " + date_of(change.when_us);
    if (change.by) text += " by " + printable(user_name(core::Uid(*change.by)));
    text += ": ";
    for (const accounting::AskedLimit& bound : change.bounds)
      text += std::string(&bound == change.bounds.data() ? "" : ", ") +
              std::string(core::name_of(bound.kind)) + " " +
              asked_text({.asked = bound, .used = {}, .share = {}});
    text += change.bounds.empty() ? "none\n" : "\n";
  }
  return text;
}

/// Branches as deep as can be read; below that all stand at one depth.
std::string branch_of(const JobProcess& process) {
  constexpr std::size_t kDeepest = 30;
  return std::string(2 * std::min(process.depth, kDeepest), ' ');
}

std::string processes_text(const JobFacts& job, const Screen& screen) {
  TableView table({{.title = "PID", .align = Align::kRight},
                   {.title = "BEGAN", .align = Align::kRight},
                   {.title = "WALL", .align = Align::kRight},
                   {.title = "USER-CPU", .align = Align::kRight},
                   {.title = "SYS-CPU", .align = Align::kRight},
                   {.title = "MEM-PEAK", .align = Align::kRight},
                   {.title = "END"},
                   {.title = "PROCESS"}});
  for (const JobProcess& process : job.processes) {
    Count began;
    if (job.started_us && process.started_us)
      began =
          *process.started_us - std::min(*process.started_us, *job.started_us);
    const std::string mark = process.is_inclusive ? "*" : "";
    const auto marked = [&mark](std::string text) {
      return text.empty() ? text : text + mark;
    };
    table.add({{.text = number_of(process.pid)},
               {.text = began ? "+" + time_of(began) : std::string()},
               {.text = time_of(process.wall_us)},
               {.text = marked(time_of(process.user_us))},
               {.text = marked(time_of(process.system_us))},
               {.text = marked(size_of(process.memory_bytes))},
               {.text = outcome_of(process)},
               {.text = branch_of(process) + process.name}});
  }
  return table.render(screen, TableView::Header::kShown);
}

Json asked_json(const JobFacts& job) {
  Json list = Json::array();
  for (const AskedUse& use : asked_uses(job)) {
    Json object;
    object["limit"] = core::row_of(use.asked.kind).word;
    object["asked"] = use.asked.bound;
    object["used"] = maybe(use.used);
    object["share"] = maybe(use.share);
    object["of_request"] = use.asked.is_of_request;
    list.push_back(std::move(object));
  }
  return list;
}

Json changes_json(const JobFacts& job) {
  Json list = Json::array();
  for (const accounting::LimitsChange& change : job.changes) {
    Json object;
    object["when_us"] = maybe(change.when_us);
    object["by_uid"] = maybe(change.by);
    object["asked"] = Json::object();
    for (const accounting::AskedLimit& bound : change.bounds)
      object["asked"][core::row_of(bound.kind).word] = bound.bound;
    list.push_back(std::move(object));
  }
  return list;
}

Json process_json(const JobProcess& process, bool is_billed) {
  Json object;
  object["depth"] = process.depth;
  object["pid"] = maybe(process.pid);
  object["ppid"] = maybe(process.ppid);
  object["name"] = text_or_null(process.name);
  object["started_us"] = maybe(process.started_us);
  object["ended_us"] = maybe(process.ended_us);
  object["wall_us"] = maybe(process.wall_us);
  object["user_us"] = maybe(process.user_us);
  object["system_us"] = maybe(process.system_us);
  object["peak_resident_bytes"] = maybe(process.memory_bytes);
  put_counters(object, process);
  if (is_billed) object["units"] = maybe(process.units);
  object["exit_code"] = maybe(process.exit_code);
  object["signal"] = nullptr;
  if (process.signal.value_or(0) != 0)
    object["signal"] = core::signal_name(*process.signal).view();
  object["was_signalled"] = process.signal.has_value();
  object["dumped_core"] = process.dumped_core;
  object["includes_children"] = process.is_inclusive;
  return object;
}

}  // namespace

std::string outcome_of(const JobProcess& process) {
  if (process.signal) {
    std::string text =
        *process.signal == 0
            ? "a signal"
            : std::string(core::signal_name(*process.signal).view());
    return process.dumped_core ? text + ", core" : text;
  }
  return process.exit_code ? "exit " + std::to_string(*process.exit_code)
                           : std::string();
}

std::string result_text(const JobFacts& job) {
  if (!job.end) return "its end is not in the files";
  if (!job.end->result) return "ended; why is not recorded";
  return std::string(core::word_of(job.end->result->reason)) + ": " +
         std::string(core::sentence_of(*job.end->result).view());
}

std::string title_of(const JobFacts& job) {
  if (!job.name.empty() || job.processes.empty()) return job.name;
  return job.processes.front().name;
}

std::string job_report_text(const JobFacts& job, const Screen& screen) {
  std::string text =
      "job " + coloured(screen, Colour::kStrong,
                        core::display(core::JobId(job.jid)).view());
  if (const std::string title = title_of(job); !title.empty())
    text += " (" + printable(title) + ")";
  text += "\n" + facts_text(job) + "\n" + counters_text(job);
  if (!job.asked.empty()) text += "\n" + limits_text(job, screen);
  text += changes_text(job);
  for (const std::string& hint : hints_of(job))
    text += "\nhint: " + hint;
  if (!hints_of(job).empty()) text += "\n";
  if (job.processes.empty()) return text;
  text += "\n" + processes_text(job, screen);
  if (std::ranges::any_of(job.processes, &JobProcess::is_inclusive))
    text += "*: with the children that it waited for\n";
  return text;
}

Json job_report_json(const JobFacts& job) {
  Json object;
  object["jid"] = core::display(core::JobId(job.jid)).view();
  object["name"] = text_or_null(job.name);
  object["uid"] = maybe(job.uid);
  object["user"] = nullptr;
  if (job.uid) object["user"] = user_name(core::Uid(*job.uid));
  object["gid"] = maybe(job.gid);
  object["project"] = text_or_null(job.project_name);
  object["project_number"] = maybe(job.project);
  object["account"] = text_or_null(job.account);
  object["node"] = text_or_null(job.node);
  object["has_ended"] = job.end.has_value();
  object["result"] = nullptr;
  object["sentence"] = nullptr;
  object["exit_code"] = nullptr;
  object["limit"] = nullptr;
  const accounting::RecordView end = job.end.value_or(accounting::RecordView());
  if (end.result) {
    object["result"] = core::word_of(end.result->reason);
    object["sentence"] = core::sentence_of(*end.result).view();
    object["exit_code"] = maybe(end.exit_code);
    if (end.result->reason == core::Reason::kOverLimit)
      object["limit"] = passed_json(end.result->limit);
  }
  object["engine"] = text_or_null(end.engine);
  object["started_us"] = maybe(job.started_us);
  object["ended_us"] = maybe(job.ended_us);
  object["wall_us"] = maybe(job.wall_us);
  put_sum(object, "user_us", job.user_us);
  put_sum(object, "system_us", job.system_us);
  object["memory_peak_bytes"] = maybe(job.memory_bytes);
  object["memory_is_of_process"] = job.is_memory_of_process;
  put_sum(object, "storage_read_bytes", job.storage_read_bytes);
  put_sum(object, "storage_written_bytes", job.storage_written_bytes);
  object["storage_is_of_processes"] = job.is_storage_of_processes;
  put_counters(object, job);
  object["asked"] = asked_json(job);
  object["limit_changes"] = changes_json(job);
  object["hints"] = hints_of(job);
  Json processes = Json::array();
  for (const JobProcess& process : job.processes)
    processes.push_back(process_json(process, job.is_billed));
  object["processes"] = std::move(processes);
  return object;
}

}  // namespace cli
