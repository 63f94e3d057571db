// SPDX-License-Identifier: Apache-2.0
// What a scope's command is to become, as its options say it.
#pragma once

#include <unistd.h>

#include "reaper/child_setup.h"
#include "reaper/entry_rules.h"
#include "reaper/exec_search.h"
#include "reaper/launch_block.h"
#include "reaper/scope_options.h"

namespace reaper {

/// Without the caller's signals, the limits and where its pid goes. Points into
/// the options.
[[nodiscard]] inline ChildPlan plan_of(const ScopeOptions& options,
                                       const EntryRules& rules,
                                       char** command) {
  ChildPlan plan;
  plan.argv = command;
  plan.envp = ::environ;
  plan.search = search_path();
  plan.cwd = options.cwd;
  plan.flags = LaunchHeader::kKeepSignals | ChildPlan::kListenPid;
  if (rules.has_own_group()) plan.flags |= ChildPlan::kOwnGroup;
  plan.descriptors = {options.join_fds, options.join_count};
  plan.targets = {ScopeOptions::kJoins, options.join_count};
  plan.urgent = ::getpid();
  if (options.uid || options.gid || options.group_count > 0) {
    plan.flags |= LaunchHeader::kSetUser;
    plan.uid = options.uid.value_or(::getuid());
    plan.gid = options.gid.value_or(::getgid());
    plan.groups = {options.groups, options.group_count};
  }
  return plan;
}

}  // namespace reaper
