// SPDX-License-Identifier: Apache-2.0
#include "sys/process_tree.h"

#include <dirent.h>

#include <charconv>
#include <cstring>
#include <map>
#include <memory>

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
    const char* const end = entry->d_name + std::strlen(entry->d_name);
    std::int32_t pid = 0;
    const auto [rest, error] = std::from_chars(entry->d_name, end, pid);
    if (error != std::errc() || rest != end) continue;
    if (const auto stat = read_proc_stat(core::Pid(pid)))
      children.emplace(core::Pid(stat->ppid), core::Pid(pid));
  }
  return children;
}

}  // namespace

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
