// SPDX-License-Identifier: Apache-2.0
// JobSpec: all that was asked for a job, as one value. Descriptors travel
// beside it, never in it, so that it can be written to the journal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/array_range.h"
#include "core/containment.h"
#include "core/ids.h"
#include "core/kill_plan.h"
#include "core/limit_terms.h"
#include "core/limits.h"

namespace core {

/// Who launches the first process.
enum class JobKind : std::uint8_t {
  kForeground = 0,  ///< the caller's own scope, in the caller's session
  kDetached = 1,    ///< the reaper, from a clean context
  kAttached = 2,    ///< nobody: it is made of processes that exist already
  kSession = 3,     ///< nobody: it lives until it is closed and empty
  kArray = 4,       ///< nobody: its members are detached jobs of its command
  kLast = kArray,
};

constexpr std::string_view name_of(JobKind kind) {
  switch (kind) {
    case JobKind::kForeground:
      return "foreground";
    case JobKind::kDetached:
      return "detached";
    case JobKind::kAttached:
      return "attached";
    case JobKind::kSession:
      return "session";
    case JobKind::kArray:
      return "array";
  }
  return "unknown";
}

/// Whether it runs a command of its own, or, an array, has it run.
constexpr bool has_command(JobKind kind) {
  return kind == JobKind::kForeground || kind == JobKind::kDetached ||
         kind == JobKind::kArray;
}

/// Whether the instance launches that command, away from its caller.
constexpr bool is_launched_apart(JobKind kind) {
  return kind == JobKind::kDetached || kind == JobKind::kArray;
}

/// setrlimit(2): `resource` is RLIMIT_*, RLIM_INFINITY is UINT64_MAX.
struct ResourceLimit {
  std::int32_t resource = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct JobSpec {
  std::string name;               ///< chosen by the caller; may be empty
  std::vector<std::string> argv;  ///< argv[0] is searched in PATH of `env`
  std::vector<std::string> env;   ///< NAME=value; emptied once it was launched
  std::string cwd;                ///< absolute; empty: "/"
  std::string user;               ///< --user as typed; empty: the owner
  Uid uid;                        ///< that the processes run as
  Gid gid;
  std::vector<Gid> groups;
  std::uint32_t umask = 022;
  std::vector<ResourceLimit> rlimits;
  JobKind kind = JobKind::kForeground;
  std::optional<Engine> engine;  ///< forced by the caller; else chosen
  Stragglers stragglers = Stragglers::kEnd;
  KillPlan kill_plan;
  JobLimits limits;
  TermsList terms;  ///< what `limits` has no place for (core/limit_terms.h)
  /// A limit that cannot hold for the whole job holds as far as it can.
  bool accepts_less = false;
  std::string token;              ///< the client's: a repeated create is one
  JobId parent;                   ///< that it is nested in; kNoJob: in none
  std::string domain;             ///< the site's word; empty: that of the kind
  std::string service;            ///< that opened the session (PAM_SERVICE)
  ArrayRange array;               ///< of an array, and of nothing else
  ArrayMember member;             ///< of an array's member
  std::vector<std::string> tags;  ///< KEY or KEY=VALUE (core/job_tag.h)
  /// The jid that was asked for; kNoJob: the next.
  JobId requested;
  std::string project;           ///< that it is charged to (core/charge.h)
  std::string account;           ///< likewise, of the project
  std::uint64_t project_id = 0;  ///< as the site numbers it; 0: it does not
  /// Its cgroup is its user's, with the controllers that there are.
  bool delegates = false;
  /// When the job began that goes on in this one, from a checkpoint: its start
  /// is recorded as a restart. Nothing: it begins here.
  Maybe<RealTime> began;
};

}  // namespace core
