// SPDX-License-Identifier: Apache-2.0
#include "supervisor/own_place.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "supervisor/mover.h"
#include "sys/cgroup.h"
#include "sys/own_base.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

constexpr const char* kInstance = "instance";

bool is_marked(int directory) {
  char value[8];
  for (const char* name : {"user.delegate", "trusted.delegate"})
    if (::fgetxattr(directory, name, value, sizeof value) == 1 &&
        value[0] == '1')
      return true;
  return false;
}

/// A container's root, what is marked so (systemd's CGROUP_DELEGATION), or what
/// was given to a user who is not root.
bool is_ours(int directory) {
  struct stat facts = {};
  const bool is_root =
      sys::own_cgroup_base() == std::string(sys::cgroup2_mount()) + "/corral";
  if (is_root || is_marked(directory)) return true;
  return ::geteuid() != 0 && ::fstat(directory, &facts) == 0 &&
         facts.st_uid == ::geteuid();
}

/// Whether the reaper is among its ancestors, or it is the reaper.
bool is_of_instance(core::Pid pid) {
  const core::Pid reaper(::getppid());
  for (int steps = 0; steps < 16 && pid.raw() > 0; ++steps) {
    if (pid == reaper) return true;
    const auto stat = sys::read_proc_stat(pid);
    if (!stat) return true;  // it has gone meanwhile
    pid = core::Pid(stat->ppid);
  }
  return false;
}

std::vector<std::string> words_of(const sys::Cgroup& cgroup, const char* file) {
  char buffer[512];
  std::vector<std::string> words;
  std::string_view text = cgroup.read(file, buffer).value_or("");
  while (!text.empty()) {
    const std::size_t size = std::min(text.find_first_of(" \n"), text.size());
    if (size > 0) words.emplace_back(text.substr(0, size));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return words;
}

std::string names_of_strangers(const sys::Cgroup& cgroup) {
  std::string names;
  cgroup.for_each_own_member([&names](core::Pid pid) {
    if (is_of_instance(pid)) return;
    if (!names.empty()) names += ", ";
    names += std::to_string(pid.raw());
  });
  return names;
}

}  // namespace

std::string step_aside(const sys::CgroupBase& base) {
  if (!base.directory.is_open() || sys::own_cgroup_base() != base.path.view())
    return {};
  const auto above = sys::Cgroup::open(base.directory.get(), "..");
  // The root of the hierarchy, which alone has no type, passes them down
  // anyway.
  if (!above || !sys::has_access(above->get(), "cgroup.type", F_OK)) return {};
  const auto there = words_of(*above, "cgroup.controllers");
  const auto passed = words_of(*above, "cgroup.subtree_control");
  if (there.size() == passed.size() || !is_ours(above->get())) return {};
  const std::string strangers = names_of_strangers(*above);
  if (!strangers.empty())
    return "other processes are in the cgroup of the instance: " + strangers;
  const auto aside = sys::Cgroup::make(base.directory.get(), kInstance);
  if (!aside) return aside.error().message().c_str();
  if (const auto moved = move_down(*above, *aside); !moved)
    return moved.error().message().c_str();
  std::string refused;
  for (const std::string& name : there)
    if (!above->write("cgroup.subtree_control", "+" + name))
      refused.append(" ").append(name);
  if (!refused.empty()) refused.insert(0, "the kernel does not pass down");
  return refused;
}

}  // namespace supervisor
