// SPDX-License-Identifier: Apache-2.0
#include "accounting/switch_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "accounting/next_file.h"
#include "accounting/scribe_lock.h"
#include "core/number_text.h"
#include "sys/unique_fd.h"
#include "sys/whole_file.h"

namespace accounting {

namespace {

constexpr std::size_t kMost = 4096;
constexpr std::string_view kFirstLine = "corral-accounting 1\n";

/// Its name does not match the pacct* that csarun gathers.
std::string name_of(const std::string& path) {
  return directory_of(path) + "/.corral-accounting-kinds";
}

std::uint64_t* value_of(core::RecordSwitches& switches,
                        core::AccountKind kind) {
  if (kind == core::AccountKind::kMemoryThreshold) return &switches.memory_kib;
  if (kind == core::AccountKind::kTimeThreshold) return &switches.time_us;
  return nullptr;
}

core::Result<void> write_synced(const std::string& name,
                                std::string_view text) {
  const auto file = TRY(sys::open_at(
      AT_FDCWD, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
  const ssize_t n = ::write(file.get(), text.data(), text.size());
  if (n < 0) return core::fail(errno, "write", name);
  if (n != static_cast<ssize_t>(text.size()))
    return core::fail(ENOSPC, "write", name);
  if (::fdatasync(file.get()) < 0) return core::fail(errno, "sync", name);
  return {};
}

}  // namespace

std::string lines_of(const core::RecordSwitches& switches) {
  std::string text(kFirstLine);
  core::RecordSwitches copy = switches;
  for (const core::AccountKindRow& row : core::kAccountKinds) {
    if (!switches.has(row.kind)) continue;
    text.append(row.name);
    if (const std::uint64_t* const value = value_of(copy, row.kind))
      text.append(" ").append(std::to_string(*value));
    text.append("\n");
  }
  return text;
}

std::optional<core::RecordSwitches> switches_of(std::string_view lines) {
  if (!lines.starts_with(kFirstLine)) return std::nullopt;
  lines.remove_prefix(kFirstLine.size());
  core::RecordSwitches switches = {.kinds = 0};
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos) return std::nullopt;  // it was cut off
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    const std::size_t blank = std::min(line.find(' '), line.size());
    const auto* const row = core::find_account_kind(line.substr(0, blank));
    if (row == nullptr) continue;  // of a later version
    std::uint64_t* const value = value_of(switches, row->kind);
    const auto number = core::parse_number(
        line.substr(std::min(blank + 1, line.size())), UINT64_MAX);
    if ((value != nullptr) != number.has_value()) return std::nullopt;
    if (value != nullptr) *value = *number;
    switches.kinds |= core::bit_of(row->kind);
  }
  return switches;
}

std::optional<core::RecordSwitches> load_switches(const std::string& path) {
  const auto text = sys::read_whole_file(name_of(path), kMost);
  return text ? switches_of(*text) : std::nullopt;
}

core::Result<void> save_switches(const std::string& path,
                                 const core::RecordSwitches& switches) {
  const std::string name = name_of(path);
  const std::string fresh = name + ".new";
  TRY(write_synced(fresh, lines_of(switches)));
  if (::rename(fresh.c_str(), name.c_str()) < 0)
    return core::fail(errno, "rename", fresh);
  sync_folder(directory_of(path));
  return {};
}

}  // namespace accounting
