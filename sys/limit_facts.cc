// SPDX-License-Identifier: Apache-2.0
#include "sys/limit_facts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "sys/cgroup1.h"
#include "sys/cgroup2_mount.h"
#include "sys/cgroup_tree.h"
#include "sys/controllers.h"

namespace sys {

namespace {

/// The base has the controller, or can get it from the root of the hierarchy,
/// which alone has no type: elsewhere processes live beside the base
/// (cgroup-v2.rst, "No Internal Process Constraint").
bool has_controller(int base, std::string_view name) {
  const bool is_below_root = !has_access(base, "../cgroup.type", F_OK);
  const auto names = controllers_in(
      base, is_below_root ? "../cgroup.controllers" : kControllers);
  return std::ranges::find(names, name) != names.end();
}

std::string group_place(std::string_view controller, const std::string& name) {
  const auto own = own_cgroup1(controller);
  if (!own || name.empty() || !has_access(AT_FDCWD, own->c_str(), W_OK))
    return {};
  return *own + "/" + name;
}

}  // namespace

std::string group_name(std::string_view path, std::string_view mount) {
  if (path.starts_with(mount)) path.remove_prefix(mount.size());
  while (path.starts_with('/'))
    path.remove_prefix(1);
  std::string name(path);
  std::ranges::replace(name, '/', '.');
  return name;
}

LimitFacts find_limit_facts(int base, std::string_view path) {
  LimitFacts facts;
  core::LimitMeans& means = facts.means;
  GroupPlaces& groups = facts.groups;
  const std::string name = group_name(path, any_cgroup2_mount());
  // `other`: what version 1 calls the controller.
  const auto find = [&](const char* controller, const char* other,
                        bool& has_cgroup2, bool& has_cgroup1,
                        std::string& place) {
    has_cgroup2 = has_controller(base, controller);
    if (!has_cgroup2) place = group_place(other, name);
    has_cgroup1 = !place.empty();
  };
  find("memory", "memory", means.has_cgroup2_memory, means.has_cgroup1_memory,
       groups.memory);
  find("pids", "pids", means.has_cgroup2_pids, means.has_cgroup1_pids,
       groups.pids);
  find("cpu", "cpu", means.has_cgroup2_cpu, means.has_cgroup1_cpu, groups.cpu);
  find("cpuset", "cpuset", means.has_cgroup2_cpuset, means.has_cgroup1_cpuset,
       groups.cpuset);
  find("io", "blkio", means.has_cgroup2_io, means.has_cgroup1_io, groups.blkio);
  // Our directory is not there yet; the one above counts what it will.
  const std::string counter =
      groups.memory.substr(0, groups.memory.rfind('/')) +
      "/memory.memsw.usage_in_bytes";
  means.has_cgroup1_swap =
      means.has_cgroup1_memory && has_access(AT_FDCWD, counter.c_str(), F_OK);
  return facts;
}

}  // namespace sys
