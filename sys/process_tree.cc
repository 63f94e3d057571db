// SPDX-License-Identifier: Apache-2.0
#include "sys/process_tree.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "core/number_text.h"
#include "sys/proc_files.h"

namespace sys {

namespace {

using Children = std::multimap<core::Pid, core::Pid>;

Children read_children() {
  Children children;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"),
                                                 ::closedir);
  if (!proc) return children;
  while (const dirent* const entry = ::readdir(proc.get())) {
    const auto number = core::parse_number(entry->d_name, INT32_MAX);
    if (!number) continue;
    const core::Pid pid(static_cast<std::int32_t>(*number));
    if (const auto stat = read_proc_stat(pid))
      children.emplace(core::Pid(stat->ppid), pid);
  }
  return children;
}

}  // namespace

core::Microseconds cpu_time_of(const std::vector<core::Pid>& processes) {
  static const long kTicks = std::max(::sysconf(_SC_CLK_TCK), 1L);
  std::uint64_t ticks = 0;
  for (const core::Pid pid : processes)
    if (const auto stat = read_proc_stat(pid))
      ticks += stat->cpu_ticks + stat->waited_ticks;
  return core::Microseconds(ticks * 1000000 /
                            static_cast<std::uint64_t>(kTicks));
}

std::vector<core::Pid> descendants_of(core::Pid root) {
  const Children children = read_children();
  std::vector<core::Pid> found = {root};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]);
    for (auto at = begin; at != end; ++at)
      found.push_back(at->second);
  }
  found.erase(found.begin());
  return found;
}

}  // namespace sys
