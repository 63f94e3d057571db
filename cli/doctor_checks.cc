// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_checks.h"

#include <algorithm>

#include "core/provider_event.h"
#include "sys/cgroup2_mount.h"

namespace cli {
namespace {

/// What an engine promises (docs/DESIGN.md, "Containment").
std::string_view promise_of(core::Engine engine) {
  switch (engine) {
    case core::Engine::kCgroup2:
      return "no process without root leaves its job";
    case core::Engine::kSubreaper:
      return "holds against daemons and accidents, not against a process of "
             "the same user that kills its reaper";
    case core::Engine::kPidns:
      return "no process leaves its job; its init's end is the end of all";
    case core::Engine::kCgroup2Pidns:
      return "no process leaves its job, and none sees another";
  }
  return "";
}

Check check_engine(const Findings& findings) {
  const core::EngineChoice& choice = findings.choice;
  Check check{.name = "engine",
              .status = CheckStatus::kOk,
              .finding = std::string(core::name_of(choice.engine)) + ": " +
                         std::string(choice.why) + "; " +
                         std::string(promise_of(choice.engine)),
              .fix = {}};
  if (findings.cgroup_base.starts_with(sys::kInstanceCgroup2Mount))
    check.finding += std::string("; an instance has mounted it on '") +
                     sys::kInstanceCgroup2Mount + "'";
  if (core::has_cgroup(choice.engine)) return check;
  check.status = findings.facts.base_is_elsewhere ? CheckStatus::kProblem
                                                  : CheckStatus::kNote;
  if (findings.facts.base_is_elsewhere) {
    check.fix = "name a directory in cgroup v2 in CORRAL_CGROUP_BASE, or none";
    return check;
  }
  if (findings.facts.has_cgroup2)
    check.fix =
        "for cgroup2 run as root or in a delegated cgroup: 'systemd-run "
        "--user --scope -p Delegate=yes corral ...'";
  else if (findings.mount_problem.empty())
    check.fix = std::string("a system instance mounts it for itself, on '") +
                sys::kInstanceCgroup2Mount + "'";
  else
    check.fix =
        "for cgroup2 mount a cgroup v2 hierarchy on /sys/fs/cgroup; an "
        "instance cannot do that here: " +
        findings.mount_problem;
  return check;
}

/// "memory, of version 1: '/sys/fs/cgroup/memory/x' is owned by root".
Check check_hierarchy(const Findings::Hierarchy& one) {
  std::string text;
  for (const std::string& controller : one.where.controllers)
    text.append(text.empty() ? "" : "+").append(controller);
  if (!one.where.name.empty())
    text.append(text.empty() ? "" : "+").append("name=").append(one.where.name);
  if (text.empty()) text = "no controller";
  text += ", of version " + std::to_string(one.where.version) + ": ";
  if (!one.owner)
    text += "our own cgroup is not seen at '" + one.where.mount + "'";
  else
    text += "'" + one.where.own + "' is owned by " + *one.owner +
            (one.is_writable ? "" : ", and not for us to write");
  return {.name = "cgroups",
          .status = CheckStatus::kOk,
          .finding = std::move(text),
          .fix = {}};
}

/// The engine that is nobody's choice but the caller's.
Check check_pidns(const Findings& findings) {
  const bool works = findings.pidns_problem.empty();
  return {.name = "pidns",
          .status = works ? CheckStatus::kOk : CheckStatus::kNote,
          .finding = works ? "a job can have a pid namespace of its own: "
                             "'corral run --engine pidns'"
                           : "the engine pidns cannot work here: " +
                                 findings.pidns_problem,
          .fix = works ? ""
                       : "it needs corral-pidns beside corral-init, and root "
                         "or user namespaces (sysctl "
                         "user.max_user_namespaces)"};
}

/// Why the collector is not the one that is used; empty: it could be.
std::string problem_of(const Findings& findings, std::string_view collector,
                       const std::string& problem) {
  const std::string_view asked = findings.collector_asked;
  if (!core::has_cgroup(findings.choice.engine))
    return "jobs have no cgroup to be known by";
  if (!asked.empty() && asked != "auto" && asked != collector)
    return "CORRAL_COLLECTOR says '" + std::string(asked) + "'";
  return problem;
}

/// Who counts what the processes of jobs use, and why nothing better.
Check check_collector(const Findings& findings) {
  const std::string ebpf = problem_of(findings, "ebpf", findings.ebpf_problem);
  const std::string taskstats =
      problem_of(findings, "taskstats", findings.taskstats_problem);
  Check check{.name = "collector",
              .status = CheckStatus::kOk,
              .finding = "ebpf: every process of a job, each for itself",
              .fix = {}};
  if (ebpf.empty()) return check;
  const std::string_view asked = findings.collector_asked;
  const bool is_wanted =
      asked == "ebpf" || (asked == "taskstats" && !taskstats.empty());
  check.status = is_wanted ? CheckStatus::kProblem : CheckStatus::kNote;
  if (taskstats.empty()) {
    check.finding =
        "taskstats: every process of a job, each for itself, without the calls "
        "of its I/O; not ebpf: " +
        ebpf;
    return check;
  }
  check.finding =
      "wait: those that the reaper waits for, with whom they waited for; not "
      "ebpf: " +
      ebpf;
  if (taskstats != ebpf) check.finding += "; not taskstats: " + taskstats;
  return check;
}

/// What the best collector would tell, if the kernel counted it.
Check check_delays(const Findings& findings) {
  if (!problem_of(findings, "ebpf", findings.ebpf_problem).empty() &&
      !problem_of(findings, "taskstats", findings.taskstats_problem).empty())
    return {.name = "delays",
            .status = CheckStatus::kNote,
            .finding = "no collector tells what processes wait for",
            .fix = {}};
  if (findings.counts_delays)
    return {.name = "delays",
            .status = CheckStatus::kOk,
            .finding =
                "what processes wait for block devices and swap is "
                "counted, and so is what they wait for a processor",
            .fix = {}};
  return {.name = "delays",
          .status = CheckStatus::kNote,
          .finding =
              "what processes wait for block devices and swap is in no "
              "record: kernel.task_delayacct is not 1, "
              "or not there",
          .fix =
              "'sysctl kernel.task_delayacct=1', and in /etc/sysctl.d for "
              "every boot"};
}

/// Who tells providers of the forks and execs of processes.
Check check_events(const Findings& findings) {
  const auto is_tried = [&findings](core::EventSource source) {
    const std::string& asked = findings.events_asked;
    return asked.empty() || asked == "auto" || asked == core::name_of(source);
  };
  struct Source {
    core::EventSource source;
    std::string_view sees;
    std::string_view problem;
  };
  const Source sources[] = {{.source = core::EventSource::kEbpf,
                             .sees = "the members of their aggregates only",
                             .problem = findings.ebpf_problem},
                            {.source = core::EventSource::kConnector,
                             .sees = "every process of the machine",
                             .problem = findings.connector_problem}};
  Check check{
      .name = "events", .status = CheckStatus::kNote, .finding = {}, .fix = {}};
  std::string reasons;
  for (const Source& one : sources) {
    const std::string name(core::name_of(one.source));
    const std::string_view problem =
        is_tried(one.source) ? one.problem : "CORRAL_EVENT_SOURCE says so";
    if (problem.empty()) {
      if (reasons.empty()) check.status = CheckStatus::kOk;
      check.finding = name + ": providers are told by who sees " +
                      std::string(one.sees) + reasons;
      return check;
    }
    reasons += "; not " + name + ": " + std::string(problem);
  }
  if (core::parse_event_source(findings.events_asked)
          .value_or(core::EventSource::kNone) != core::EventSource::kNone) {
    check.status = CheckStatus::kProblem;
    check.fix = "set CORRAL_EVENT_SOURCE to 'auto', or to none at all";
  }
  check.finding = "none: providers are told of no fork and no exec" + reasons;
  return check;
}

Check check_program(std::string_view name,
                    const std::optional<std::string>& path,
                    std::string_view consequence) {
  if (path)
    return {
        .name = name, .status = CheckStatus::kOk, .finding = *path, .fix = {}};
  return {.name = name,
          .status = CheckStatus::kProblem,
          .finding = "not found, so " + std::string(consequence),
          .fix =
              "install it where corral-command is, or name its directory in "
              "CORRAL_LIBEXEC"};
}

Check check_instance(const InstanceState& instance) {
  const bool is_system = instance.kind == sys::InstanceKind::kSystem;
  Check check{.name = is_system ? "system" : "private",
              .status = CheckStatus::kOk,
              .finding = {},
              .fix = {}};
  if (!instance.is_running) {
    check.status = CheckStatus::kNote;
    check.finding = "no instance listens at '" + instance.socket + "'";
    if (!is_system) check.fix = "none is needed; 'corral run -d' starts it";
    return check;
  }
  if (!instance.view) {
    check.status = CheckStatus::kProblem;
    check.finding = "'" + instance.socket + "': " + instance.problem;
    check.fix = "end its corrald: it is started again and loses nothing";
    return check;
  }
  check.finding = "running at '" + instance.socket + "', version " +
                  instance.view->version + ", " +
                  std::to_string(instance.view->jobs_live) + " live jobs, " +
                  std::string(core::name_of(instance.view->engine)) + ", " +
                  std::string(core::name_of(instance.view->collector));
  if (!instance.view->collector_why.empty())
    check.finding += " (" + instance.view->collector_why + ")";
  return check;
}

Check check_stopped(const InstanceState::Stopped& process) {
  return {.name = process.name,
          .status = CheckStatus::kProblem,
          .finding = "process " + std::to_string(process.pid.raw()) +
                     " does not answer: " + process.silence.why,
          .fix = process.silence.fix};
}

Check check_instance_records(const core::InstanceView& view) {
  Check check{.name = "records",
              .status = CheckStatus::kOk,
              .finding = "'" + view.pacct + "': " +
                         std::to_string(view.records_written) + " written, " +
                         std::to_string(view.records_waiting) + " waiting, " +
                         std::to_string(view.records_lost) + " lost",
              .fix = {}};
  if (view.records_waiting == 0 && view.records_lost == 0) return check;
  check.status = CheckStatus::kProblem;
  check.fix = "make room on the disk of '" + view.pacct +
              "': what waits is written then";
  return check;
}

Check check_pacct(const Findings& findings) {
  if (!findings.pacct_problem)
    return {.name = "accounting",
            .status = CheckStatus::kOk,
            .finding = "'" + findings.pacct + "' can be written",
            .fix = {}};
  return {.name = "accounting",
          .status = CheckStatus::kProblem,
          .finding = "'" + findings.pacct + "': " + *findings.pacct_problem,
          .fix = "name a file that you can write in CORRAL_PACCT"};
}

Check check_runtime(const Findings& findings) {
  const auto& fault = findings.runtime_fault;
  return {.name = "runtime",
          .status = fault ? CheckStatus::kProblem : CheckStatus::kOk,
          .finding = fault ? fault->found
                           : "'" + findings.runtime +
                                 "' is or can be a private instance's",
          .fix = fault ? fault->fix : std::string()};
}

Check check_variable(const VariableFault& fault) {
  return {.name = "environment",
          .status = CheckStatus::kProblem,
          .finding = fault.found + ", so every other command is refused",
          .fix = "set it to " + fault.expected + ", or unset it"};
}

Check check_bus(const Findings& findings) {
  if (!findings.bus_problem)
    return {.name = "libsystemd",
            .status = CheckStatus::kOk,
            .finding = "found; instances can be spoken to",
            .fix = {}};
  return {.name = "libsystemd",
          .status = CheckStatus::kProblem,
          .finding = *findings.bus_problem +
                     ", so instances cannot be spoken "
                     "to",
          .fix = "install libsystemd0"};
}

/// Of an instance's jobs, whose processes are the caller's.
Check check_limits(const Findings& findings) {
  Check check{
      .name = "limits", .status = CheckStatus::kOk, .finding = {}, .fix = {}};
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::HoldChoice choice = core::choose_hold(
        kind, findings.choice.engine, findings.limits, findings.is_root);
    if (!check.finding.empty()) check.finding += ", ";
    check.finding.append(core::row_of(kind).word).append(": ");
    check.finding.append(core::name_of(choice.hold));
    if (choice.lacking.empty()) continue;
    check.status = CheckStatus::kNote;
    check.finding += " (less)";
    check.fix =
        "limits that hold less than asked are refused without "
        "'--accept-less'";
  }
  return check;
}

Check check_site(const Findings::SiteLimits& site) {
  const bool is_good = site.problem.empty();
  return {.name = "site limits",
          .status = is_good ? CheckStatus::kOk : CheckStatus::kProblem,
          .finding = is_good ? "'" + site.file +
                                   "': " + std::to_string(site.rules) + " rules"
                             : site.problem + ", so only root can make jobs",
          .fix = is_good ? std::string()
                         : "mend it; no restart is needed (limits.toml(5))"};
}

Check check_settings(const Findings::SiteSettings& site) {
  Check check = {.name = "site settings",
                 .status = CheckStatus::kOk,
                 .finding = "'" + site.file + "' is right",
                 .fix = {}};
  if (site.faults.empty()) return check;
  check.status = CheckStatus::kProblem;
  check.finding = site.faults.front();
  if (site.faults.size() > 1)
    check.finding +=
        " (and " + std::to_string(site.faults.size() - 1) + " more)";
  check.finding += ", so nothing of the file holds";
  check.fix = "mend it, then 'corral daemon-reexec' (corral.toml(5))";
  return check;
}

}  // namespace

std::vector<Check> judge(const Findings& findings) {
  std::vector<Check> checks;
  checks.reserve(findings.variable_faults.size());
  for (const VariableFault& fault : findings.variable_faults)
    checks.push_back(check_variable(fault));
  checks.push_back(check_engine(findings));
  for (const Findings::Hierarchy& one : findings.hierarchies)
    checks.push_back(check_hierarchy(one));
  checks.push_back(check_pidns(findings));
  checks.push_back(check_limits(findings));
  checks.push_back(check_collector(findings));
  checks.push_back(check_delays(findings));
  checks.push_back(check_events(findings));
  if (findings.site) checks.push_back(check_site(*findings.site));
  for (const Findings::SiteSettings& settings : findings.settings)
    checks.push_back(check_settings(settings));
  checks.push_back(check_program("corral-init", findings.programs.init,
                                 "no job can be run"));
  checks.push_back(check_program("corral-reaper", findings.programs.reaper,
                                 "no private instance can be started"));
  checks.push_back(check_program("corrald", findings.programs.supervisor,
                                 "no private instance can be started"));
  checks.push_back(check_bus(findings));
  checks.push_back(check_runtime(findings));
  checks.push_back(check_pacct(findings));
  for (const InstanceState& instance : findings.instances) {
    // Where one runs, its other places are of no interest.
    const bool is_elsewhere = std::ranges::any_of(
        findings.instances, [&instance](const InstanceState& other) {
          return other.is_running && other.kind == instance.kind;
        });
    if (instance.is_running || !is_elsewhere)
      checks.push_back(check_instance(instance));
    for (const auto& process : instance.stopped)
      checks.push_back(check_stopped(process));
    if (instance.view) checks.push_back(check_instance_records(*instance.view));
  }
  return checks;
}

std::string_view word_of(CheckStatus status) {
  switch (status) {
    case CheckStatus::kOk:
      return "ok";
    case CheckStatus::kNote:
      return "note";
    case CheckStatus::kProblem:
      return "problem";
  }
  return "";
}

}  // namespace cli
