// SPDX-License-Identifier: Apache-2.0
// The files of a cgroup that tell its peaks and stalls. Apart from
// sys/cgroup.h, as the reaper has no use for them.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include "core/job_peaks.h"
#include "sys/read_file.h"

namespace sys {

/// `total=` of the line that begins with `word`, in a file of pressure:
/// "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345".
[[nodiscard]] inline core::Maybe<core::Microseconds> stall_in(
    std::string_view text, std::string_view word) {
  constexpr std::string_view kTotal = " total=";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t at = line.find(kTotal);
    if (!line.starts_with(word) || at == std::string_view::npos) continue;
    std::uint64_t total = 0;
    const char* const end = line.data() + line.size();
    const auto read =
        std::from_chars(line.data() + at + kTotal.size(), end, total);
    if (read.ec == std::errc() && read.ptr == end)
      return core::Microseconds(total);
  }
  return std::nullopt;
}

/// Of the cgroup whose directory that is; `has_controllers`: it may have files
/// of them, each of which costs a job's end a look.
[[nodiscard]] inline core::JobPeaks read_peaks(int directory,
                                               bool has_controllers) {
  core::JobPeaks peaks;
  char buffer[512];
  const auto text_of = [&](const char* name) {
    return read_small_file_at(directory, name, buffer).value_or("");
  };
  const auto number_of = [&](const char* name) -> std::optional<std::uint64_t> {
    const std::string_view text = text_of(name);
    std::uint64_t number = 0;
    const auto read =
        std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc()) return std::nullopt;
    return number;
  };
  std::string_view text = text_of("cpu.pressure");
  peaks.cpu_some = stall_in(text, "some ");
  peaks.cpu_full = stall_in(text, "full ");
  text = text_of("memory.pressure");
  peaks.memory_some = stall_in(text, "some ");
  peaks.memory_full = stall_in(text, "full ");
  text = text_of("io.pressure");
  peaks.io_some = stall_in(text, "some ");
  peaks.io_full = stall_in(text, "full ");
  if (!has_controllers) return peaks;
  peaks.processes = number_of("pids.peak");
  if (const auto swap = number_of("memory.swap.peak"))
    peaks.swap = core::Bytes(*swap);
  return peaks;
}

}  // namespace sys
