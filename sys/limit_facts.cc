// SPDX-License-Identifier: Apache-2.0
#include "sys/limit_facts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ranges>

#include "sys/cgroup1.h"
#include "sys/cgroup_tree.h"
#include "sys/read_file.h"

namespace sys {

namespace {

/// The base has the controller, or can get it from the root of the hierarchy,
/// which alone has no type: elsewhere processes live beside the base
/// (cgroup-v2.rst, "No Internal Process Constraint").
bool has_controller(int base, std::string_view name) {
  const bool is_below_root = !has_access(base, "../cgroup.type", F_OK);
  char buffer[512];
  const auto text = read_small_file_at(
      base, is_below_root ? "../cgroup.controllers" : "cgroup.controllers",
      buffer);
  if (!text) return false;
  const std::string_view line = text->substr(0, text->find('\n'));
  return std::ranges::any_of(
      std::views::split(line, ' '), [name](const auto& word) {
        return std::string_view(word.begin(), word.end()) == name;
      });
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
  facts.means.has_cgroup2_memory = has_controller(base, "memory");
  facts.means.has_cgroup2_pids = has_controller(base, "pids");
  const std::string name = group_name(path, cgroup2_mount());
  if (!facts.means.has_cgroup2_memory)
    facts.groups.memory = group_place("memory", name);
  if (!facts.means.has_cgroup2_pids)
    facts.groups.pids = group_place("pids", name);
  facts.means.has_cgroup1_memory = !facts.groups.memory.empty();
  facts.means.has_cgroup1_pids = !facts.groups.pids.empty();
  return facts;
}

}  // namespace sys
