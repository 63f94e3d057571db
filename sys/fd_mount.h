// SPDX-License-Identifier: Apache-2.0
// What file system an open file is of, told without asking it: it may be its
// user's own, and not answer (fstat(2) asks, proc_pid_fdinfo(5) does not).
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sys/text_of_file.h"

namespace sys {

namespace detail {

[[nodiscard]] inline std::optional<std::uint64_t> number_in(
    std::string_view text) {
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  if (std::from_chars(text.data(), end, number).ec != std::errc())
    return std::nullopt;
  return number;
}

}  // namespace detail

/// The type of the mount's file system by proc_pid_mountinfo(5)'s text; empty:
/// the mount is not there, so it is of another mount namespace, or detached.
[[nodiscard]] inline std::string_view type_of_mount(std::string_view mountinfo,
                                                    std::uint64_t mount) {
  constexpr std::string_view kBeforeType = " - ";
  while (!mountinfo.empty()) {
    const auto line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
    const auto at = line.find(kBeforeType);
    if (detail::number_in(line) != mount || at == line.npos) continue;
    const auto type = line.substr(at + kBeforeType.size());
    return type.substr(0, type.find(' '));
  }
  return {};
}

/// Whether an open file is of a file system that is mounted where we are, by
/// the kernel: then no ordinary user can hold it up.
[[nodiscard]] inline bool is_of_own_mount(int fd) {
  constexpr std::string_view kKey = "mnt_id:\t";
  const std::string name = "/proc/self/fdinfo/" + std::to_string(fd);
  const std::string info = text_of_file(name.c_str());
  const auto at = info.find(kKey);
  if (at == info.npos) return false;
  const auto mount =
      detail::number_in(std::string_view(info).substr(at + kKey.size()));
  if (!mount) return false;
  const std::string mounts = text_of_file("/proc/self/mountinfo");
  const auto type = type_of_mount(mounts, *mount);
  return !type.empty() && !type.starts_with("fuse");
}

}  // namespace sys
