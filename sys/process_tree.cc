// SPDX-License-Identifier: Apache-2.0
#include "sys/process_tree.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string_view>

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

/// Field 38 of /proc/PID/stat: the signal that its parent is sent at its end.
/// 0: it is not there.
int end_signal_of(std::string_view stat) {
  constexpr int kAfterName = 2;  // field 3, the state, is the first word then
  constexpr int kWanted = 38;
  std::size_t at = stat.rfind(')');
  for (int field = kAfterName; field < kWanted; ++field) {
    if (at != std::string_view::npos) at = stat.find(' ', at + 1);
  }
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = stat.substr(at + 1);
  const auto number = core::parse_number(rest.substr(0, rest.find(' ')), 64);
  return number ? static_cast<int>(*number) : 0;  // -1: nobody is told
}

/// Of the scope's own, whose end no SIGCHLD tells (reaper/sentinel.h).
bool is_helper(core::Pid scope, core::Pid pid) {
  char buffer[1024];
  const auto text = read_proc_file(pid, "stat", buffer);
  if (!text) return false;
  const auto stat = parse_proc_stat(*text);
  const int end_signal = end_signal_of(*text);
  return stat && core::Pid(stat->ppid) == scope && end_signal != 0 &&
         end_signal != SIGCHLD;
}

}  // namespace

bool is_namespace_init_of(core::Pid scope, core::Pid pid) {
  const auto stat = read_proc_stat(pid);
  if (!stat || core::Pid(stat->ppid) != scope) return false;
  char buffer[4096];
  const auto text = read_proc_file(pid, "status", buffer);
  if (!text) return false;
  const std::size_t at = text->find("\nNSpid:");
  if (at == std::string_view::npos) return false;
  const std::string_view line = text->substr(at + 1);
  return line.substr(0, line.find('\n')).ends_with("\t1");
}

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
  return descendants_of(std::vector<core::Pid>{root});
}

std::vector<core::Pid> descendants_of(const std::vector<core::Pid>& roots) {
  const Children children = read_children();
  std::vector<core::Pid> found = roots;
  std::set<core::Pid> seen(roots.begin(), roots.end());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]);
    for (auto at = begin; at != end; ++at)
      if (seen.insert(at->second).second) found.push_back(at->second);
  }
  found.erase(found.begin(),
              found.begin() + static_cast<std::ptrdiff_t>(roots.size()));
  return found;
}

std::vector<core::Pid> job_processes_below(core::Pid scope) {
  auto found = descendants_of(scope);
  std::erase_if(found,
                [scope](core::Pid pid) { return is_helper(scope, pid); });
  return found;
}

}  // namespace sys
