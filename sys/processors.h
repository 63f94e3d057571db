// SPDX-License-Identifier: Apache-2.0
// Which processors the machine has (sysfs-devices-system-cpu): the kernel takes
// no others into a cpuset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/limit_faults.h"
#include "sys/read_file.h"

namespace sys {

struct Processors {
  std::uint64_t possible = 0;  ///< a bit for each of the first 64
  std::uint64_t online = 0;
  std::string online_text;  ///< "0-3"
};

/// "0-3,8" as bits; those above kHighestProcessor have none. Nothing: it is no
/// such list.
constexpr std::optional<std::uint64_t> processor_bits(std::string_view list) {
  constexpr std::uint64_t kMost = 1U << 20U;
  std::uint64_t bits = 0;
  while (!list.empty()) {
    const std::string_view range = list.substr(0, list.find(','));
    list.remove_prefix(std::min(range.size() + 1, list.size()));
    const std::size_t dash = range.find('-');
    const auto first = core::parse_number(range.substr(0, dash), kMost);
    const auto last = dash == std::string_view::npos
                          ? first
                          : core::parse_number(range.substr(dash + 1), kMost);
    if (!first || !last) return std::nullopt;
    for (auto i = *first; i <= std::min(*last, core::kHighestProcessor); ++i)
      bits |= std::uint64_t{1} << i;
  }
  return bits;
}

/// Nothing where the kernel does not tell.
inline std::optional<Processors> find_processors() {
  char buffer[1024];
  const auto list = [&buffer](const char* path) {
    const auto text = read_small_file(path, buffer);
    return std::string(text ? text->substr(0, text->find('\n'))
                            : std::string_view());
  };
  Processors found;
  found.online_text = list("/sys/devices/system/cpu/online");
  const auto online = processor_bits(found.online_text);
  const auto possible =
      processor_bits(list("/sys/devices/system/cpu/possible"));
  if (!online || !possible || *online == 0) return std::nullopt;
  found.online = *online;
  found.possible = *possible | *online;
  return found;
}

}  // namespace sys
