// SPDX-License-Identifier: Apache-2.0
// corral show: all facts of jobs. One table says which facts, in which order
// and in which words.
#include <unistd.h>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_list.h"
#include "cli/job_text.h"
#include "cli/output.h"
#include "cli/terminal_text.h"
#include "core/job_sentence.h"
#include "core/limit_terms_text.h"
#include "sys/clock.h"

namespace cli {
namespace {

using Job = core::JobView;

template <class T>
std::string number(const core::Maybe<T>& value) {
  if (!value) return "not collected";
  if constexpr (requires { value->raw(); })
    return std::to_string(value->raw());
  else
    return std::to_string(*value);
}

std::string time_used(const core::Maybe<core::Microseconds>& time) {
  if (!time) return "not collected";
  return std::string(core::seconds_text(time->raw()).view());
}

std::string size(const core::Maybe<core::Bytes>& bytes) {
  if (!bytes) return "not collected";
  return short_size(*bytes) + " (" + std::to_string(bytes->raw()) + " bytes)";
}

std::string age(const Job& job) {
  const auto time = age_of(job, sys::boot_now());
  return time ? std::string(core::seconds_text(time->raw()).view()) : "";
}

std::string owner(const Job& job) {
  return user_name(job.owner) + " (" + std::to_string(job.owner.raw()) + ")";
}

std::string main_process(const Job& job) {
  return job.main ? std::to_string(job.main->raw()) : std::string();
}

std::string parent(const Job& job) {
  return job.parent == core::kNoJob ? std::string()
                                    : core::display(job.parent).c_str();
}

std::string array_of(const Job& job) {
  if (job.member.array == core::kNoJob) return {};
  return "number " + std::to_string(job.member.index) + " of " +
         core::display(job.member.array).c_str();
}

std::string tags(const Job& job) {
  std::string text;
  for (const std::string& tag : job.tags)
    text.append(text.empty() ? "" : " ").append(tag);
  return text;
}

std::string project(const Job& job) {
  if (job.project_id == 0) return job.project;
  return job.project + " (" + std::to_string(job.project_id) + ")";
}

std::string members(const Job& job) {
  const core::ArrayView& array = job.array;
  if (array.range.empty()) return {};
  return array.range + ": " + std::to_string(array.size) + ", " +
         std::to_string(array.made) + " made, " + std::to_string(array.living) +
         " living, " + std::to_string(array.ended) + " ended, " +
         std::to_string(array.failed) + " failed" +
         (array.dropped > 0
              ? ", " + std::to_string(array.dropped) + " never made"
              : "");
}

std::string result(const Job& job) {
  if (!has_ended(job)) return {};
  return std::string(core::word_of(job.result.reason)) + ": " +
         std::string(core::sentence_of(job).view());
}

std::string limits(const Job& job) {
  std::string text;
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::LimitTerms terms = core::terms_of(job.limits, job.terms, kind);
    const core::LimitRow row = core::row_of(kind);
    if (terms.is_empty()) continue;
    if (!text.empty()) text += ", ";
    text.append(row.name).append(" ");
    if (terms.bound) text.append(core::shown_bound(kind, *terms.bound));
    if (terms.bound && terms.soft) text += ", ";
    if (terms.soft)
      text.append("soft ").append(core::shown_bound(kind, *terms.soft));
  }
  return text;
}

std::string stragglers(const Job& job) {
  if (job.stragglers == 0) return {};
  return std::to_string(job.stragglers) + ": " + job.straggler_names;
}

struct Fact {
  std::string_view title;
  std::string (*text)(const Job&);  ///< empty: the line is left out
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Fact kFacts[] = {
    {"name", [](const Job& job) { return job.name; }},
    {"owner", owner},
    {"kind",
     [](const Job& job) { return std::string(core::name_of(job.kind)); }},
    {"nested in", parent},
    {"array", array_of},
    {"members", members},
    {"tags", tags},
    {"project", project},
    {"account", [](const Job& job) { return job.account; }},
    {"domain", [](const Job& job) { return job.domain; }},
    {"service", [](const Job& job) { return job.service; }},
    {"engine",
     [](const Job& job) { return std::string(core::name_of(job.engine)); }},
    {"container", [](const Job& job) { return job.container; }},
    {"state", [](const Job& job) { return std::string(state_word(job)); }},
    {"result", result},
    {"command", command_line},
    {"main process", main_process},
    {"limits", limits},
    {"created", [](const Job& job) { return date_of(job.created.real); }},
    {"started", [](const Job& job) { return date_of(job.started.real); }},
    {"ended", [](const Job& job) { return date_of(job.ended.real); }},
    {"wall time", age},
    {"user time",
     [](const Job& job) { return time_used(job.totals.user_time); }},
    {"system time",
     [](const Job& job) { return time_used(job.totals.system_time); }},
    {"peak memory",
     [](const Job& job) { return size(job.totals.memory_peak); }},
    {"read", [](const Job& job) { return size(job.totals.read_bytes); }},
    {"written", [](const Job& job) { return size(job.totals.write_bytes); }},
    {"oom kills", [](const Job& job) { return number(job.totals.oom_kills); }},
    {"ended processes",
     [](const Job& job) { return std::to_string(job.processes_seen); }},
    {"not seen",
     [](const Job& job) { return number(job.totals.processes_not_seen); }},
    {"ended at the end", stragglers},
};
// NOLINTEND(modernize-use-designated-initializers)

void print_facts(const Job& job, const Screen& screen) {
  print("job " +
        coloured(screen, Colour::kStrong, core::display(job.jid).view()) +
        "\n");
  constexpr std::size_t kColumn = 18;
  for (const Fact& fact : kFacts) {
    const std::string text = fact.text(job);
    if (text.empty()) continue;
    std::string line = "  " + std::string(fact.title);
    line.append(kColumn + 2 - line.size(), ' ');
    print(line + printable(text) + "\n");
  }
}

}  // namespace

int show_job(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  const auto jobs =
      named_jobs(*client, arguments.operands(),
                 arguments.has("pid") ? select_job_of_process : select_job);
  if (!jobs) return complain(jobs.error());
  const Screen screen = screen_of(STDOUT_FILENO);
  for (const Job& job : *jobs) {
    if (arguments.has("json"))
      print(job_json(job));
    else
      print_facts(job, screen);
  }
  return kSuccess;
}

}  // namespace cli
