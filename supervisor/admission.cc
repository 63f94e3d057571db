// SPDX-License-Identifier: Apache-2.0
#include "supervisor/admission.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "core/job_name.h"
#include "core/job_token.h"
#include "reaper/launch_block.h"
#include "supervisor/sandbox.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

using core::Refusal;

/// Four times what exec takes (execve(2)): the kernel's own refusal is clearer.
constexpr std::size_t kLargestSpec = 8U << 20;

std::unexpected<core::Refused> refuse(Refusal why, std::string text) {
  return std::unexpected(core::Refused{why, std::move(text)});
}

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

/// A part of a request that must hold, and what is said when it does not.
struct Requirement {
  bool (*holds)(const core::JobSpec& spec);
  const char* otherwise;
};

constexpr Requirement kRequirements[] = {
    {[](const core::JobSpec& spec) { return !spec.argv.empty(); },
     "no program was named, expected at least one argument"},
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
       return !spec.limits.has_more_than_wall_time();
     },
     "a limit other than wall time was set; the supervisor holds no other"},
    {[](const core::JobSpec& spec) {
       const int signal = spec.kill_plan.first_signal.raw();
       return signal >= 1 && signal <= 64;
     },
     "the first signal of the kill plan is no signal, expected 1 to 64"},
};

std::size_t size_of(const core::JobSpec& spec) {
  std::size_t size = 0;
  for (const auto* texts : {&spec.argv, &spec.env})
    for (const std::string& text : *texts)
      size += text.size() + 1;
  return size;
}

}  // namespace

void Admission::admit(const core::Caller& caller, core::JobSpec spec,
                      Done done) {
  if (auto checked = check(caller, spec); !checked)
    return done(std::unexpected(std::move(checked).error()));
  spec.engine = spec.engine.value_or(policy_.engine);
  find_user(caller, std::move(spec), std::move(done));
}

core::Answer<void> Admission::check(const core::Caller& caller,
                                    const core::JobSpec& spec) const {
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
  if (spec.engine == core::Engine::kCgroup2 &&
      core::choose_engine(policy_.facts).engine != core::Engine::kCgroup2)
    return refuse(Refusal::kNotSupported,
                  "engine 'cgroup2' cannot be used: " +
                      std::string(core::choose_engine(policy_.facts).why));
  if (spec.kind == core::JobKind::kForeground) return {};
  const std::string sandbox = sandbox_of(caller.pid);
  if (!sandbox.empty())
    return refuse(Refusal::kSandboxed,
                  "process " + std::to_string(caller.pid.raw()) +
                      " is confined by " + sandbox +
                      ", which a detached job would escape; run it in the "
                      "foreground");
  return {};
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
  if (!is_over) return {};
  return refuse(Refusal::kTooMany, "there are " + std::to_string(live) +
                                       " live jobs, " + std::to_string(own) +
                                       " of them of uid " +
                                       std::to_string(caller.uid.raw()) +
                                       "; wait for some to end");
}

void Admission::find_user(const core::Caller& caller, core::JobSpec spec,
                          Done done) {
  spec.uid = caller.uid;
  if (spec.user.empty()) {
    const bool is_own = caller.uid == policy_.instance;
    if (const auto ids = sys::read_proc_ids(caller.pid)) spec.gid = ids->gid;
    if (is_own || spec.kind == core::JobKind::kForeground)
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
                   policy_.instance))
      return done(refuse(Refusal::kAccessDenied,
                         "uid " + std::to_string(caller.uid.raw()) +
                             " may not make jobs for user '" + spec.user +
                             "'"));
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
