// SPDX-License-Identifier: Apache-2.0
// corral doctor: looks, judges, tells.
#include <unistd.h>

#include "cli/doctor_checks.h"
#include "cli/handlers.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table_view.h"
#include "cli/terminal_text.h"

namespace cli {
namespace {

Colour colour_of(CheckStatus status) {
  switch (status) {
    case CheckStatus::kOk:
      return Colour::kGood;
    case CheckStatus::kNote:
      return Colour::kStrong;
    case CheckStatus::kProblem:
      return Colour::kBad;
  }
  return Colour::kNone;
}

void append_padded(std::string& line, std::string_view text, std::size_t shown,
                   std::size_t width) {
  line += text;
  line.append(width > shown ? width - shown : 1, ' ');
}

void print_checks(const Findings& findings, const std::vector<Check>& checks) {
  const Screen screen = screen_of(STDOUT_FILENO);
  print("corral " CORRAL_VERSION " on Linux " + findings.kernel + ", " +
        findings.machine + "\n");
  for (const Check& check : checks) {
    const std::string_view status = word_of(check.status);
    std::string line = "  ";
    append_padded(line, coloured(screen, colour_of(check.status), status),
                  status.size(), 9);
    append_padded(line, check.name, check.name.size(), 14);
    line += printable(check.finding) + "\n";
    if (!check.fix.empty())
      line += std::string(25, ' ') + "fix: " + printable(check.fix) + "\n";
    print(line);
  }
}

Json json_of(const InstanceState& instance) {
  Json json;
  json["socket"] = instance.socket;
  json["is_running"] = instance.is_running;
  if (!instance.view) return json;
  const core::InstanceView& view = *instance.view;
  json["version"] = view.version;
  json["jobs_live"] = view.jobs_live;
  json["pacct"] = view.pacct;
  json["records_written"] = view.records_written;
  json["records_waiting"] = view.records_waiting;
  json["records_lost"] = view.records_lost;
  json["collector"] = core::name_of(view.collector);
  json["collector_why"] =
      view.collector_why.empty() ? Json() : Json(view.collector_why);
  json["supervisor_starts"] = view.supervisor_starts;
  return json;
}

Json json_of(const Check& check) {
  Json json;
  json["name"] = check.name;
  json["status"] = word_of(check.status);
  json["finding"] = check.finding;
  json["fix"] = check.fix.empty() ? Json() : Json(check.fix);
  return json;
}

constexpr core::Engine kEngines[] = {
    core::Engine::kCgroup2, core::Engine::kSubreaper, core::Engine::kPidns,
    core::Engine::kCgroup2Pidns};

/// What becomes of a limit with an engine, whether that is chosen or not.
core::HoldChoice hold_of(const Findings& findings, core::Engine engine,
                         core::LimitKind kind) {
  if (core::has_cgroup(engine) && !findings.facts.cgroup2_is_writable)
    return {.hold = core::Hold::kNothing, .lacking = "there is no such engine"};
  if (core::has_pid_namespace(engine) && !findings.pidns_problem.empty())
    return {.hold = core::Hold::kNothing, .lacking = "there is no such engine"};
  return core::choose_hold(kind, engine, findings.limits, findings.is_root);
}

Json limit_table(const Findings& findings) {
  Json table;
  for (const core::Engine engine : kEngines)
    for (const core::LimitKind kind : core::kLimitKinds) {
      const core::HoldChoice choice = hold_of(findings, engine, kind);
      Json& cell =
          table[std::string(core::name_of(engine))][core::row_of(kind).word];
      cell["verdict"] = core::verdict_of(choice);
      cell["held_by"] = core::name_of(choice.hold);
      cell["lacking"] = choice.lacking.empty() ? Json() : Json(choice.lacking);
    }
  return table;
}

int print_limit_table(const Findings& findings) {
  TableView table({{.title = "ENGINE"},
                   {.title = "LIMIT"},
                   {.title = "VERDICT"},
                   {.title = "HELD BY"},
                   {.title = "LACKING"}});
  for (const core::Engine engine : kEngines)
    for (const core::LimitKind kind : core::kLimitKinds) {
      const core::HoldChoice choice = hold_of(findings, engine, kind);
      table.add({{.text = std::string(core::name_of(engine))},
                 {.text = core::row_of(kind).word},
                 {.text = std::string(core::verdict_of(choice))},
                 {.text = std::string(core::name_of(choice.hold))},
                 {.text = std::string(choice.lacking)}});
    }
  print(table.render(screen_of(STDOUT_FILENO), TableView::Header::kShown));
  return kSuccess;
}

Json json_of(const Findings::Hierarchy& one) {
  Json json;
  json["version"] = one.where.version;
  json["name"] = text_or_null(one.where.name);
  json["controllers"] = one.where.controllers;
  json["mount"] = one.where.mount;
  json["cgroup"] = text_or_null(one.where.own);
  json["owner"] = maybe(one.owner);
  json["is_writable"] = one.is_writable;
  return json;
}

Json json_of(const Findings& findings, const std::vector<Check>& checks) {
  Json json;
  json["version"] = CORRAL_VERSION;
  json["kernel"] = findings.kernel;
  json["machine"] = findings.machine;
  json["engine"] = core::name_of(findings.choice.engine);
  json["engine_why"] = findings.choice.why;
  json["collectors"]["ebpf"] =
      findings.ebpf_problem.empty() ? Json() : Json(findings.ebpf_problem);
  json["collectors"]["taskstats"] = findings.taskstats_problem.empty()
                                        ? Json()
                                        : Json(findings.taskstats_problem);
  json["collectors"]["wait"] = Json();
  json["counts_delays"] = findings.counts_delays;
  Json& sources = json["event_sources"];
  sources["ebpf"] = text_or_null(findings.ebpf_problem);
  sources["proc-connector"] = text_or_null(findings.connector_problem);
  Json& facts = json["facts"];
  facts["has_cgroup2"] = findings.facts.has_cgroup2;
  facts["cgroup2_is_writable"] = findings.facts.cgroup2_is_writable;
  facts["has_cgroup_kill"] = findings.facts.has_cgroup_kill;
  facts["cgroup_base"] = text_or_null(findings.cgroup_base);
  facts["pidns_problem"] = text_or_null(findings.pidns_problem);
  Json& hierarchies = json["hierarchies"] = Json::array();
  for (const Findings::Hierarchy& one : findings.hierarchies)
    hierarchies.push_back(json_of(one));
  json["limit_table"] = limit_table(findings);
  Json& limits = json["limits"];
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::HoldChoice choice = core::choose_hold(
        kind, findings.choice.engine, findings.limits, findings.is_root);
    Json& limit = limits[core::row_of(kind).word];
    limit["held_by"] = core::name_of(choice.hold);
    limit["lacking"] = text_or_null(choice.lacking);
  }
  Json& programs = json["programs"];
  programs["corral-init"] = maybe(findings.programs.init);
  programs["corral-reaper"] = maybe(findings.programs.reaper);
  programs["corrald"] = maybe(findings.programs.supervisor);
  Json& instances = json["instances"] = Json::array();
  for (const InstanceState& instance : findings.instances) {
    Json entry = json_of(instance);
    entry["kind"] = word_of(instance.kind);
    instances.push_back(std::move(entry));
  }
  json["pacct"] = findings.pacct;
  json["pacct_problem"] = maybe(findings.pacct_problem);
  Json& list = json["checks"] = Json::array();
  for (const Check& check : checks)
    list.push_back(json_of(check));
  return json;
}

}  // namespace

int diagnose(const Arguments& arguments) {
  const Findings findings = look();
  if (arguments.has("limits") && !arguments.has("json"))
    return print_limit_table(findings);
  const std::vector<Check> checks = judge(findings);
  if (arguments.has("json"))
    print(json_line(json_of(findings, checks)));
  else
    print_checks(findings, checks);
  for (const Check& check : checks)
    if (check.status == CheckStatus::kProblem) return kFailure;
  return kSuccess;
}

}  // namespace cli
