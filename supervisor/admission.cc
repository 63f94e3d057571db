// SPDX-License-Identifier: Apache-2.0
#include "supervisor/admission.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "core/domain.h"
#include "core/job_name.h"
#include "core/job_result.h"
#include "core/job_tag.h"
#include "core/job_token.h"
#include "core/limit_rules.h"
#include "core/limit_terms_text.h"
#include "reaper/launch_block.h"
#include "supervisor/charging.h"
#include "supervisor/log.h"
#include "supervisor/rate_limits.h"
#include "sys/pid_namespace_check.h"

namespace supervisor {

namespace {

using core::Refusal;

/// Four times what exec takes (execve(2)): the kernel's own refusal is clearer.
constexpr std::size_t kLargestSpec = 8U << 20;

std::string engine_text(core::Engine engine) {
  return "engine '" + std::string(core::name_of(engine)) + "'";
}

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

/// A part of a request that must hold, and what is said when it does not.
struct Requirement {
  bool (*holds)(const core::JobSpec& spec);
  const char* otherwise;
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Requirement kRequirements[] = {
    {[](const core::JobSpec& spec) {
       return !core::has_command(spec.kind) || !spec.argv.empty();
     },
     "no program was named, expected at least one argument"},
    {[](const core::JobSpec& spec) {
       return core::has_command(spec.kind) || spec.argv.empty();
     },
     "a program was named for a job that is made of processes that exist"},
    {[](const core::JobSpec& spec) {
       return std::ranges::none_of(spec.argv, has_nul) &&
              std::ranges::none_of(spec.env, has_nul) && !has_nul(spec.cwd);
     },
     "a text holds a NUL byte"},
    {[](const core::JobSpec& spec) {
       return std::ranges::all_of(spec.env, [](const std::string& variable) {
         return variable.find('=') != std::string::npos;
       });
     },
     "the environment holds an entry without '=', expected NAME=value"},
    {[](const core::JobSpec& spec) {
       return spec.cwd.empty() || spec.cwd.starts_with('/');
     },
     "the working directory is relative, expected an absolute path"},
    {[](const core::JobSpec& spec) {
       return spec.rlimits.size() <= reaper::kMostLimits &&
              std::ranges::all_of(spec.rlimits, [](const auto& limit) {
                return limit.resource >= 0 && limit.resource < RLIM_NLIMITS;
              });
     },
     "a resource limit is unknown, see getrlimit(2)"},
    {[](const core::JobSpec& spec) {
       return core::is_signal(spec.kill_plan.first_signal.raw());
     },
     "the first signal of the kill plan is no signal, expected 1 to 64"},
    {[](const core::JobSpec& spec) { return core::are_tags(spec.tags); },
     "a tag is none, see corral-run(1)"},
    {[](const core::JobSpec& spec) {
       return (spec.kind == core::JobKind::kArray) == !spec.array.is_empty();
     },
     "indices are those of an array, and an array needs them"},
    {[](const core::JobSpec& spec) {
       return spec.kind != core::JobKind::kArray || spec.parent == core::kNoJob;
     },
     "an array is nested in no job"},
};
// NOLINTEND(modernize-use-designated-initializers)

std::size_t size_of(const core::JobSpec& spec) {
  std::size_t size = 0;
  for (const auto* texts : {&spec.argv, &spec.env})
    for (const std::string& text : *texts)
      size += text.size() + 1;
  return size;
}

/// The site's word for what the job is (limits.toml(5)).
std::string_view domain_of(const core::JobSpec& spec) {
  if (!spec.domain.empty()) return spec.domain;
  return core::is_launched_apart(spec.kind) ? core::kBatchDomain
                                            : core::kInteractiveDomain;
}

std::unexpected<core::Refused> refuse_more(const core::JobSpec& spec,
                                           core::LimitKind kind,
                                           const core::LimitSet& allowed,
                                           std::string_view domain) {
  const core::LimitRow row = core::row_of(kind);
  const auto amount = [&](const core::JobLimits& limits,
                          const core::TermsList& terms) {
    return core::shown_bound(kind,
                             core::bound_of(limits, terms, kind).value_or(0));
  };
  const std::string uid = std::to_string(spec.uid.raw());
  return refuse(Refusal::kAccessDenied,
                "the site allows uid " + uid + " at most " +
                    amount(allowed.limits, allowed.terms) + " of " + row.name +
                    " in the domain '" + std::string(domain) + "', and " +
                    amount(spec.limits, spec.terms) +
                    " was asked for; 'corral limit explain " + uid + " " +
                    std::string(domain) + "' shows the rule");
}

}  // namespace

void Admission::admit(const core::Caller& caller, core::JobSpec spec,
                      Done done) {
  const bool enters = enters_itself(caller, spec);
  CallerState state =
      callers_.read(caller.pid, core::is_launched_apart(spec.kind) || !enters);
  if (!enters && state.job == core::kNoJob && job_around_)
    state.job = job_around_(caller.pid);
  if (auto checked = check(caller, spec, state); !checked)
    return done(std::unexpected(std::move(checked).error()));
  if (!spec.engine) spec.engine = engine_for(caller, spec, state);
  if (spec.user.empty() && state.gid) spec.gid = *state.gid;
  find_user(caller, std::move(spec),
            [this, caller,
             done = std::move(done)](core::Answer<core::JobSpec> found) {
              if (!found) return done(std::move(found));
              const TableEntry* const outer = table_.find(found->parent);
              if (auto settled = settle_charge(
                      caller, policy_.rules,
                      outer != nullptr ? &outer->job.spec : nullptr, *found);
                  !settled)
                return done(std::unexpected(std::move(settled).error()));
              limit_by_site(caller, *std::move(found), done);
            });
}

/// The site's limits hold for who asks for none, and bound who asks for more
/// unless that is root.
void Admission::limit_by_site(const core::Caller& caller, core::JobSpec spec,
                              const Done& done) {
  const core::Uid uid = spec.uid;
  const std::string domain(domain_of(spec));
  // A project that nobody vouches for allows nothing more.
  const std::string project =
      policy_.rules.projects.empty() ? std::string() : spec.project;
  const bool is_root = caller.uid == core::Uid(0);
  site_.find(uid, domain, project,
             [this, is_root, domain, done,
              spec = std::move(spec)](const auto& allowed) mutable {
               if (!allowed) spdlog::error("{}", allowed.error().text);
               if (!allowed && !is_root)
                 return done(std::unexpected(allowed.error()));
               const core::LimitSet asked = {.limits = spec.limits,
                                             .terms = spec.terms};
               const auto over = core::bound_by(
                   spec.limits, spec.terms, allowed.value_or(core::LimitSet{}));
               if (over && !is_root)
                 return done(refuse_more(spec, *over, *allowed, domain));
               drop_what_none_holds(asked, spec);
               // Whose processes they are decides what the kernel can hold.
               if (auto held = check_limits(spec); !held) {
                 spec.limits = asked.limits;
                 spec.terms = asked.terms;
                 if (check_limits(spec))
                   held.error().text =
                       "the site's limits: " + held.error().text +
                       "; 'corral limit explain " +
                       std::to_string(spec.uid.raw()) + " " + domain +
                       "' shows the rule";
                 return done(std::unexpected(std::move(held).error()));
               }
               narrow(spec.parent, spec.limits, spec.terms);
               done(std::move(spec));
             });
}

/// Of the site's limits those that a job without a command, or root's, cannot
/// have: they would be refused if they were asked for.
void Admission::drop_what_none_holds(const core::LimitSet& asked,
                                     core::JobSpec& spec) const {
  const bool is_roots = spec.uid == core::Uid(0) && !spec.accepts_less;
  if (core::has_command(spec.kind) && !is_roots) return;
  for (const core::LimitKind kind : core::kLimitKinds) {
    if (core::terms_of(spec.limits, spec.terms, kind).is_empty() ||
        !core::terms_of(asked.limits, asked.terms, kind).is_empty() ||
        division_of(spec).hold_of(kind).hold != core::Hold::kNothing)
      continue;
    spdlog::warn("the site's limit '{}' is not held for a job of uid {}: it {}",
                 core::row_of(kind).word, spec.uid.raw(),
                 division_of(spec).hold_of(kind).lacking);
    core::set_terms(spec.limits, spec.terms, {.kind = kind});
  }
}

core::Answer<void> Admission::check(const core::Caller& caller,
                                    const core::JobSpec& spec,
                                    const CallerState& state) const {
  for (const Requirement& requirement : kRequirements)
    if (!requirement.holds(spec))
      return refuse(Refusal::kInvalid, requirement.otherwise);
  if (!spec.name.empty() && !core::is_job_name(spec.name))
    return refuse(
        Refusal::kInvalid,
        "the name is '" + spec.name + "', expected " + core::kJobNameExpected);
  if (!spec.token.empty() && !core::is_token(spec.token))
    return refuse(Refusal::kInvalid, "the token is '" + spec.token +
                                         "', expected " + core::kTokenExpected);
  if (size_of(spec) > kLargestSpec)
    return refuse(Refusal::kInvalid, "arguments and environment are " +
                                         std::to_string(size_of(spec)) +
                                         " bytes, expected at "
                                         "most " +
                                         std::to_string(kLargestSpec));
  TRY(check_room(caller, spec));
  TRY(check_engine(caller, spec, state));
  TRY(check_nested(caller, spec));
  if (core::is_launched_apart(spec.kind) && !state.sandbox.empty())
    return refuse(Refusal::kSandboxed,
                  "process " + std::to_string(caller.pid.raw()) +
                      " is confined by " + state.sandbox +
                      ", which a detached job would escape; run it in the "
                      "foreground");
  return {};
}

core::Answer<void> Admission::check_engine(const core::Caller& caller,
                                           const core::JobSpec& spec,
                                           const CallerState& state) const {
  const bool wants_cgroup = spec.engine && core::has_cgroup(*spec.engine);
  if (wants_cgroup &&
      core::choose_engine(policy_.facts).engine != core::Engine::kCgroup2)
    return refuse(Refusal::kNotSupported,
                  engine_text(*spec.engine) + " cannot be used: " +
                      std::string(core::choose_engine(policy_.facts).why));
  if (wants_cgroup)
    if (const auto why = obstacle_to_cgroup(caller, spec, *spec.engine, state);
        !why.empty())
      return refuse(Refusal::kNotSupported,
                    engine_text(*spec.engine) +
                        " cannot be used in the foreground by uid " +
                        std::to_string(caller.uid.raw()) + ": " + why +
                        "; '--detach' can");
  const core::Engine engine =
      spec.engine.value_or(engine_for(caller, spec, state));
  if (engine == core::Engine::kCgroup2) return {};
  if (spec.delegates)
    return refuse(
        Refusal::kNotSupported,
        "a job whose cgroup is its user's needs the engine 'cgroup2', "
        "not '" +
            std::string(core::name_of(engine)) + "'");
  if (core::has_pid_namespace(engine)) TRY(check_pidns(spec, engine));
  // One that was asked for so follows processes where they are.
  const bool follows = spec.engine == core::Engine::kSubreaper;
  if (!core::has_command(spec.kind) && !follows)
    return refuse(Refusal::kNotSupported,
                  "a job of processes that exist already needs the engine "
                  "'cgroup2': '" +
                      std::string(core::name_of(engine)) +
                      "' holds only what descends from a process that it "
                      "started; --mode logical follows others");
  if (spec.parent != core::kNoJob && !core::has_cgroup(engine))
    return refuse(Refusal::kNotSupported,
                  "a nested job needs the engine 'cgroup2' or 'cgroup2+pidns', "
                  "which this one would not have");
  return {};
}

/// In the foreground it is the caller who makes the namespace, and his scope
/// that says why he cannot. Here it is tried once: it takes a millisecond.
core::Answer<void> Admission::check_pidns(const core::JobSpec& spec,
                                          core::Engine engine) const {
  if (!core::is_launched_apart(spec.kind)) return {};
  if (!pidns_obstacle_) pidns_obstacle_ = sys::obstacle_to_pid_namespaces();
  if (pidns_obstacle_->empty()) return {};
  return refuse(Refusal::kNotSupported,
                engine_text(engine) + " cannot be used: " + *pidns_obstacle_);
}

core::Answer<void> Admission::check_nested(const core::Caller& caller,
                                           const core::JobSpec& spec) const {
  constexpr int kDeepest = 8;
  if (spec.parent == core::kNoJob) return {};
  const std::string name = core::job_text(spec.parent);
  const TableEntry* entry = table_.find(spec.parent);
  if (entry == nullptr)
    return refuse(Refusal::kNoSuchJob, "there is no " + name);
  const core::Job& parent = entry->job;
  if (!core::may(caller, core::Verb::kControl, parent.owner, policy_.rules))
    return refuse(Refusal::kAccessDenied,
                  name + " belongs to uid " +
                      std::to_string(parent.owner.raw()) +
                      ", and only who controls it nests jobs in it",
                  core::Verb::kControl);
  if (parent.state > core::JobState::kRunning ||
      parent.kill.step != core::KillStep::kNone)
    return refuse(Refusal::kEnded, name + " has ended, or is being ended");
  if (parent.state < core::JobState::kRunning)
    return refuse(Refusal::kInvalid, name + " does not run yet");
  if (parent.spec.kind == core::JobKind::kArray)
    return refuse(Refusal::kInvalid,
                  name +
                      " is an array, which has no processes of its own, "
                      "expected a job or a member, NAME[INDEX]");
  if (parent.engine != core::Engine::kCgroup2)
    return refuse(Refusal::kNotSupported,
                  name + " is contained by the engine " +
                      std::string(core::name_of(parent.engine)) +
                      ", in which no job can be nested");
  for (int depth = 1; entry != nullptr; ++depth) {
    if (depth >= kDeepest)
      return refuse(
          Refusal::kTooMany,
          "jobs are nested " + std::to_string(kDeepest) + " deep at most");
    entry = table_.find(entry->job.spec.parent);
  }
  return {};
}

void Admission::narrow(core::JobId parent, core::JobLimits& limits,
                       core::TermsList& terms) const {
  if (const TableEntry* const entry = table_.find(parent))
    narrow(entry->job.spec, limits, terms);
}

/// What the kernel holds for a whole job it holds for those nested in it too:
/// they need no bound of their own for that.
void Admission::narrow(const core::JobSpec& around, core::JobLimits& limits,
                       core::TermsList& terms) const {
  core::LimitSet outer = {.limits = around.limits, .terms = around.terms};
  for (const core::LimitKind kind : core::kLimitKinds)
    if (core::is_of_whole_job(division_of(around).hold_of(kind).hold) &&
        !core::bound_of(limits, terms, kind))
      core::set_terms(outer.limits, outer.terms, {.kind = kind});
  core::narrow(limits, terms, outer);
}

/// Who launches the first process puts it into its cgroup: in the foreground
/// the caller himself, and only root and the instance's own user may
/// (cgroups(7), clone(2)).
bool Admission::enters_itself(const core::Caller& caller,
                              const core::JobSpec& spec) const {
  return spec.kind != core::JobKind::kForeground ||
         caller.uid == core::Uid(0) || caller.uid == policy_.instance;
}

/// Why a caller's first process cannot come into its cgroup; empty: it can. The
/// others' are moved (ScopePlaces), but nobody out of what holds him.
std::string Admission::obstacle_to_cgroup(const core::Caller& caller,
                                          const core::JobSpec& spec,
                                          core::Engine engine,
                                          const CallerState& state) const {
  if (enters_itself(caller, spec)) return {};
  if (!policy_.can_place)
    return "this instance may not trace processes, as it would to move theirs";
  if (core::has_pid_namespace(engine))
    return "a namespace's first process is not moved";
  if (caller.pid == core::Pid()) return "who asks has ended, or is not known";
  if (!state.sandbox.empty()) return "who asks is confined by " + state.sandbox;
  if (state.job != core::kNoJob && state.job != spec.parent)
    return "who asks is in " + core::job_text(state.job) +
           ", and would leave it; '--parent' nests the job in it";
  return {};
}

core::Engine Admission::engine_for(const core::Caller& caller,
                                   const core::JobSpec& spec,
                                   const CallerState& state) const {
  const bool can =
      !core::has_cgroup(policy_.engine) ||
      obstacle_to_cgroup(caller, spec, policy_.engine, state).empty();
  return can ? policy_.engine : core::Engine::kSubreaper;
}

core::Answer<void> Admission::check_limits(const core::JobSpec& spec) const {
  TRY(check_processors(
      core::bound_of(spec.limits, spec.terms, core::LimitKind::kCpuSet)));
  if (spec.accepts_less) return {};
  const std::string lacking = division_of(spec).lacking();
  if (lacking.empty()) return {};
  return refuse(Refusal::kNotSupported,
                lacking + "; --accept-less (AcceptsLess) takes what there is");
}

core::Answer<void> Admission::check_change(
    const core::Caller& caller, const core::JobSpec& spec,
    const core::LimitChange& change) const {
  const auto bound = core::bound_of(spec.limits, spec.terms, change.kind);
  const bool is_more =
      bound &&
      (!change.bound || core::is_above(change.kind, *change.bound, *bound));
  if (!is_more || caller.uid == core::Uid(0) || !site_.are_there()) return {};
  return refuse(Refusal::kAccessDenied,
                std::string("the site sets limits, so only root raises the "
                            "limit '") +
                    core::row_of(change.kind).word +
                    "' or takes it away; it can be lowered");
}

core::Answer<void> Admission::check_room(const core::Caller& caller,
                                         const core::JobSpec& spec) const {
  if (table_.find_live_name(caller.uid, spec.name))
    return refuse(Refusal::kNameTaken,
                  "a live job of uid " + std::to_string(caller.uid.raw()) +
                      " is named '" + spec.name + "' already");
  const std::size_t live = table_.live_count() + table_.promised_count();
  const std::size_t own = table_.live_count_of(caller.uid);
  const bool is_over =
      live >= policy_.most_live ||
      (caller.uid != core::Uid(0) && own >= policy_.most_live_of_one);
  if (!is_over && caller.uid != core::Uid(0) && !has_descriptors())
    return refuse(
        Refusal::kTooMany,
        "the instance is short of descriptors, of which it may have " +
            std::to_string(policy_.descriptors.limit()) +
            "; wait for some jobs to end, or raise its LimitNOFILE=");
  if (!is_over) return {};
  return refuse(Refusal::kTooMany, "there are " + std::to_string(live) +
                                       " live jobs, " + std::to_string(own) +
                                       " of them of uid " +
                                       std::to_string(caller.uid.raw()) +
                                       "; wait for some to end");
}

bool Admission::has_descriptors() const {
  const std::size_t promised = table_.promised_count();
  return policy_.descriptors.has_room(table_.live_count() + promised,
                                      table_.starting_count() + promised);
}

void Admission::find_user(const core::Caller& caller, core::JobSpec spec,
                          Done done) {
  spec.uid = caller.uid;
  if (spec.user.empty()) {
    const bool is_own = caller.uid == policy_.instance;
    if (is_own || !core::is_launched_apart(spec.kind))
      return done(std::move(spec));
    if (policy_.instance != core::Uid(0))
      return done(refuse(Refusal::kAccessDenied,
                         "this instance runs jobs of uid " +
                             std::to_string(policy_.instance.raw()) + " only"));
  }
  const std::string name = spec.user;
  auto found = [this, caller, spec = std::move(spec),
                done = std::move(done)](core::Answer<User> user) mutable {
    const bool is_named = !spec.user.empty();
    if (!user && (is_named || user.error().why != Refusal::kNoSuchUser))
      return done(std::unexpected(std::move(user).error()));
    if (!user) return done(std::move(spec));  // a uid without a name
    if (user->uid != caller.uid &&
        !core::may(caller, core::Verb::kCreateForOther, user->uid,
                   policy_.rules))
      return done(refuse(Refusal::kAccessDenied,
                         "uid " + std::to_string(caller.uid.raw()) +
                             " may not make jobs for user '" + spec.user + "'",
                         core::Verb::kCreateForOther));
    if (policy_.instance != core::Uid(0) && user->uid != policy_.instance)
      return done(refuse(
          Refusal::kNotSupported,
          "an instance without root cannot become user '" + spec.user + "'"));
    spec.uid = user->uid;
    spec.gid = user->gid;
    spec.groups = std::move(user->groups);
    done(std::move(spec));
  };
  if (name.empty())
    names_.find(caller.uid, std::move(found));
  else
    names_.find(name, std::move(found));
}

}  // namespace supervisor
