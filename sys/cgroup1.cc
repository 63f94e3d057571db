// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup1.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <vector>

#include "sys/cgroup_tree.h"
#include "sys/text_of_file.h"

namespace sys {

namespace {

std::vector<std::string_view> parts_of(std::string_view text, char between) {
  std::vector<std::string_view> parts;
  for (const auto part : std::views::split(text, between))
    parts.emplace_back(part.begin(), part.end());
  return parts;
}

bool lists(std::string_view list, std::string_view word) {
  const std::vector<std::string_view> words = parts_of(list, ',');
  return std::ranges::find(words, word) != words.end();
}

/// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '\\' && i + 3 < text.size();
    if (!is_escape) {
      plain += text[i];
      continue;
    }
    int code = 0;
    for (const char digit : text.substr(i + 1, 3))
      code = code * 8 + (digit - '0');
    plain += static_cast<char>(code);
    i += 3;
  }
  return plain;
}

/// "N:CONTROLLERS:PATH"
std::optional<std::string_view> own_path(std::string_view cgroups,
                                         std::string_view controller) {
  for (const std::string_view line : parts_of(cgroups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (lists(line.substr(first + 1, second - first - 1), controller))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

struct Mount {
  std::string root;  ///< which part of the hierarchy is mounted
  std::string point;
};

struct CgroupMount {
  Mount place;
  std::optional<std::string_view> options;  ///< of version 1 only
};

/// "ID PARENT DEV ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPER"
std::optional<CgroupMount> cgroup_mount(std::string_view line) {
  const std::vector<std::string_view> words = parts_of(line, ' ');
  const auto dash = std::ranges::find(words, "-");
  if (words.size() < 6 || std::distance(dash, words.end()) < 4)
    return std::nullopt;
  const bool is_first = dash[1] == "cgroup";
  if (!is_first && dash[1] != "cgroup2") return std::nullopt;
  return CgroupMount{
      .place = {.root = unescaped(words[3]), .point = unescaped(words[4])},
      .options = is_first ? std::optional(dash[3]) : std::nullopt};
}

std::optional<Mount> mount_of(std::string_view mounts,
                              std::string_view controller) {
  for (const std::string_view line : parts_of(mounts, '\n')) {
    auto mount = cgroup_mount(line);
    if (mount && mount->options && lists(*mount->options, controller))
      return std::move(mount->place);
  }
  return std::nullopt;
}

/// Where a cgroup of the hierarchy is seen.
std::optional<std::string> place_below(const Mount& mount,
                                       std::string_view path) {
  if (path.starts_with("/..")) return std::nullopt;
  if (mount.root != "/") {
    // A container sees its own part of the hierarchy only.
    const bool is_below =
        path.starts_with(mount.root) &&
        (path.size() == mount.root.size() || path[mount.root.size()] == '/');
    if (!is_below) return mount.point;
    path.remove_prefix(mount.root.size());
  }
  while (path.ends_with('/'))
    path.remove_suffix(1);
  return mount.point + std::string(path);
}

}  // namespace

std::optional<std::string> own_cgroup1_in(std::string_view cgroups,
                                          std::string_view mounts,
                                          std::string_view controller) {
  const auto path = own_path(cgroups, controller);
  const auto mount = mount_of(mounts, controller);
  if (!path || !mount) return std::nullopt;
  return place_below(*mount, *path);
}

std::vector<Hierarchy> hierarchies_in(std::string_view cgroups,
                                      std::string_view mounts) {
  std::vector<Hierarchy> found;
  for (const std::string_view line : parts_of(mounts, '\n')) {
    const auto mount = cgroup_mount(line);
    if (!mount) continue;
    Hierarchy one = {.version = mount->options ? 1 : 2,
                     .mount = mount->place.point};
    std::optional<std::string_view> path = cgroup2_path_in(cgroups);
    if (mount->options) {
      path.reset();
      for (const std::string_view word : parts_of(*mount->options, ',')) {
        const auto known = own_path(cgroups, word);
        if (!known) continue;  // "rw", "xattr", "release_agent=..."
        path = known;
        if (word.starts_with("name="))
          one.name = word.substr(5);
        else
          one.controllers.emplace_back(word);
      }
      if (!path) continue;  // none of ours
    }
    const auto is_it = [&one](const Hierarchy& other) {
      return other.version == one.version && other.name == one.name &&
             other.controllers == one.controllers;
    };
    if (std::ranges::any_of(found, is_it)) continue;
    if (path) one.own = place_below(mount->place, *path).value_or("");
    found.push_back(std::move(one));
  }
  return found;
}

std::vector<Hierarchy> find_hierarchies() {
  std::vector<Hierarchy> found = hierarchies_in(
      text_of_file("/proc/self/cgroup"), text_of_file("/proc/self/mountinfo"));
  for (Hierarchy& one : found) {
    if (one.version == 1) continue;
    std::string words =
        text_of_file((one.mount + "/cgroup.controllers").c_str());
    while (words.ends_with('\n'))
      words.pop_back();
    for (const std::string_view word : parts_of(words, ' '))
      if (!word.empty()) one.controllers.emplace_back(word);
  }
  return found;
}

std::optional<std::string> own_cgroup1(std::string_view controller) {
  return own_cgroup1_in(text_of_file("/proc/self/cgroup"),
                        text_of_file("/proc/self/mountinfo"), controller);
}

}  // namespace sys
