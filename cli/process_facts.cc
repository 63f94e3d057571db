// SPDX-License-Identifier: Apache-2.0
#include "cli/process_facts.h"

#include <algorithm>

#include "core/try.h"
#include "sys/proc_files.h"

namespace cli {

core::Answer<ProcessFacts> process_facts(bus::Client& client, core::Pid pid,
                                         const core::JobView& job) {
  ProcessFacts facts{.pid = pid,
                     .gpid = core::make_gpid({}, pid),
                     .command = {},
                     .user = {},
                     .is_main = job.main == pid,
                     .membership = "descends",
                     .path = {job.jid}};
  if (const auto stat = sys::read_proc_stat(pid))
    facts.command = std::string(stat->name());
  if (const auto ids = sys::read_proc_ids(pid)) facts.user = ids->uid;
  char buffer[4608];
  const auto cgroups = sys::read_proc_file(pid, "cgroup", buffer);
  const std::string_view at =
      cgroups ? sys::cgroup2_path_in(*cgroups) : std::string_view();
  if (!job.container.empty() && at.starts_with(job.container))
    facts.membership = "contained";
  else if (job.followed > 0)
    facts.membership = "followed";
  for (core::JobId above = job.parent; above != core::kNoJob;) {
    facts.path.push_back(above);
    const auto outer = client.show(above);
    above = outer ? outer->parent : core::kNoJob;
  }
  std::ranges::reverse(facts.path);
  return facts;
}

}  // namespace cli
