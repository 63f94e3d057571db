// SPDX-License-Identifier: Apache-2.0
// From a JobSpec to the order that the reaper carries out: the launch block and
// its descriptors. With the cgroup2 engine the command itself is launched; with
// the subreaper engine its scope, which launches the command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/job_machine.h"
#include "reaper/launch_block.h"
#include "supervisor/containers.h"
#include "supervisor/limit_division.h"
#include "supervisor/reaper_link.h"
#include "supervisor/scope_link.h"

namespace supervisor {

/// What a launch block says, before it is bytes.
struct LaunchRequest {
  std::vector<std::string> argv;  ///< at least one
  std::vector<std::string> env;
  std::string cwd = "/";
  std::uint32_t flags = 0;  ///< reaper::LaunchHeader::Flags
  core::Uid uid;
  core::Gid gid;
  std::vector<core::Gid> groups;
  std::uint32_t umask = 022;
  std::vector<core::ResourceLimit> limits;
  std::vector<std::int32_t> targets;  ///< one for each descriptor passed
};

/// The block of a request. Errors: E2BIG when it is larger than a reaper takes.
[[nodiscard]] core::Result<std::vector<std::byte>> encode_launch(
    const LaunchRequest& request);

/// What all launches of an instance have in common.
struct LaunchSite {
  std::string init;   ///< path of corral-init, for scopes
  std::string pidns;  ///< path of corral-pidns, for those of that engine
  std::string logs;   ///< directory of the jobs' output
  bool can_change_user = false;
  core::LimitMeans means;
  core::Microseconds timeout = core::seconds(30);  ///< for exec to happen
};

class Launcher {
 public:
  Launcher(LaunchSite site, Containers& containers, KeptHandles& handles,
           ScopeLinks& scopes)
      : site_(std::move(site)),
        containers_(containers),
        handles_(handles),
        scopes_(scopes) {}

  /// The order for a detached job that is to be launched now. The error's
  /// subject is the sentence's object: a path, a descriptor.
  [[nodiscard]] core::Result<LaunchOrder> order_for(const core::Job& job);

  /// Where a detached job's output goes unless it was lent descriptors.
  [[nodiscard]] std::string log_path(core::JobId jid) const;
  [[nodiscard]] bool has_log(core::JobId jid) const;

 private:
  [[nodiscard]] core::Result<void> add_streams(const core::Job& job,
                                               LaunchOrder& order,
                                               LaunchRequest& request) const;
  [[nodiscard]] LimitDivision division_of(const core::Job& job) const {
    return {.spec = job.spec, .engine = job.engine, .means = site_.means};
  }
  [[nodiscard]] core::Result<void> divide_limits(const core::Job& job,
                                                 LaunchOrder& order,
                                                 LaunchRequest& request) const;
  [[nodiscard]] sys::UniqueFd open_log(const core::Job& job) const;
  [[nodiscard]] core::Result<void> wrap_in_scope(const core::Job& job,
                                                 LaunchOrder& order,
                                                 LaunchRequest& request);

  LaunchSite site_;
  Containers& containers_;
  KeptHandles& handles_;
  ScopeLinks& scopes_;
};

}  // namespace supervisor
