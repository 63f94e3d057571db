// SPDX-License-Identifier: Apache-2.0
// corral show: all facts of jobs. One table says which facts, in which order
// and in which words.
#include <unistd.h>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_list.h"
#include "cli/job_selection.h"
#include "cli/job_text.h"
#include "cli/output.h"
#include "cli/process_facts.h"
#include "cli/terminal_text.h"
#include "core/job_sentence.h"
#include "core/limit_terms_text.h"
#include "core/try.h"
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
    if (const std::string manner = manner_text(terms); !manner.empty())
      text.append(" (").append(manner).append(")");
  }
  return text;
}

std::string not_held(const Job& job) {
  std::string text;
  for (const std::string& sentence : job.not_held)
    text.append(text.empty() ? "" : "; ").append(sentence);
  return text;
}

std::string followed(const Job& job) {
  if (job.followed == 0) return {};
  return std::to_string(job.followed) + " where they are";
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
    {"not held", not_held},
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
    {"followed", followed},
    {"ends with",
     [](const Job& job) {
       return std::string(job.has_lifetime ? "its creator" : "");
     }},
    {"ended at the end", stragglers},
};
// NOLINTEND(modernize-use-designated-initializers)

struct ProcessFact {
  std::string_view title;
  std::string (*text)(const ProcessFacts&);
};

std::string path(const ProcessFacts& process) {
  std::string text;
  for (const core::JobId jid : process.path)
    text.append(text.empty() ? "" : " / ").append(core::display(jid).view());
  return text;
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr ProcessFact kProcessFacts[] = {
    {"gpid", [](const auto& one) { return std::to_string(one.gpid.raw()); }},
    {"command", [](const auto& one) { return one.command.value_or(""); }},
    {"owner",
     [](const auto& one) {
       return one.user ? user_name(*one.user) + " (" +
                             std::to_string(one.user->raw()) + ")"
                       : std::string();
     }},
    {"main process",
     [](const auto& one) { return std::string(one.is_main ? "yes" : "no"); }},
    {"membership", [](const auto& one) { return std::string(one.membership); }},
    {"jobs", path},
};
// NOLINTEND(modernize-use-designated-initializers)

void print_line(std::string_view title, const std::string& text) {
  constexpr std::size_t kColumn = 18;
  if (text.empty()) return;
  std::string line = "  " + std::string(title);
  line.append(kColumn + 2 - line.size(), ' ');
  print(line + printable(text) + "\n");
}

void print_process(const ProcessFacts& process, const Screen& screen) {
  print("process " +
        coloured(screen, Colour::kStrong, std::to_string(process.pid.raw())) +
        "\n");
  for (const ProcessFact& fact : kProcessFacts)
    print_line(fact.title, fact.text(process));
}

void print_facts(const Job& job, const Screen& screen) {
  print("job " +
        coloured(screen, Colour::kStrong, core::display(job.jid).view()) +
        "\n");
  for (const Fact& fact : kFacts)
    print_line(fact.title, fact.text(job));
}

core::Answer<void> show_process(bus::Client& client, core::Pid pid,
                                const Arguments& arguments) {
  const core::JobId jid = TRY(client.find_by_pid(pid));
  const Job job = TRY(client.show(jid));
  const ProcessFacts process = TRY(process_facts(client, pid, job));
  if (arguments.has("json")) {
    print(process_json(job, process));
    return {};
  }
  const Screen screen = screen_of(STDOUT_FILENO);
  print_process(process, screen);
  print_facts(job, screen);
  return {};
}

int show_processes(bus::Client& client, const Arguments& arguments) {
  for (const std::string& word : arguments.operands()) {
    const auto pid = parse_pid(word);
    const auto shown = pid ? show_process(client, *pid, arguments)
                           : core::Answer<void>(std::unexpected(pid.error()));
    if (!shown) return complain(shown.error());
  }
  return kSuccess;
}

}  // namespace

int show_job(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  if (arguments.has("pid")) return show_processes(*client, arguments);
  const auto jobs = named_jobs(*client, arguments.operands(), select_job);
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
