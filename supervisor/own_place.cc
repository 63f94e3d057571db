// SPDX-License-Identifier: Apache-2.0
#include "supervisor/own_place.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "supervisor/mover.h"
#include "sys/cgroup.h"
#include "sys/cgroup2_mount.h"
#include "sys/controllers.h"
#include "sys/own_base.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

bool is_marked(int directory) {
  char value[8];
  for (const char* name : {sys::kDelegatedMark, "trusted.delegate"})
    if (::fgetxattr(directory, name, value, sizeof value) == 1 &&
        value[0] == '1')
      return true;
  return false;
}

/// A container's root, what is marked so (systemd's CGROUP_DELEGATION), or what
/// was given to a user who is not root.
bool is_ours(int directory) {
  struct stat facts = {};
  const bool is_root = sys::own_cgroup_base() ==
                       std::string(sys::any_cgroup2_mount()) + "/corral";
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
  const auto there = sys::controllers_in(above->get(), sys::kControllers);
  const auto passed = sys::controllers_in(above->get(), sys::kPassedDown);
  if (there.size() == passed.size() || !is_ours(above->get())) return {};
  const std::string strangers = names_of_strangers(*above);
  if (!strangers.empty())
    return "other processes are in the cgroup of the instance: " + strangers;
  const auto aside = sys::Cgroup::make(base.directory.get(), sys::kInstance);
  if (!aside) return aside.error().message().c_str();
  if (const auto moved = move_down(*above, *aside); !moved)
    return moved.error().message().c_str();
  std::string refused;
  for (const std::string& name : there)
    if (!above->write(sys::kPassedDown, "+" + name))
      refused.append(" ").append(name);
  if (!refused.empty()) refused.insert(0, "the kernel does not pass down");
  return refused;
}

}  // namespace supervisor
