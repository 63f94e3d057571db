// SPDX-License-Identifier: Apache-2.0
// corral-reaper's command line: the roles of the program that keeps an
// instance's processes, descriptors and supervisor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "reaper/option_table.h"

namespace reaper {

enum class Role : std::uint8_t {
  kNone,
  kSupervise,
  kUnits,  ///< --supervise with corrald found by itself
  kStore,
  kCheckState,
  kKiller,
};

struct InstanceOptions {
  static constexpr const char* kKnown =
      "those of an instance are in corral-init(8)";

  Role role = Role::kNone;
  const char* called = "";   ///< argv[0]
  char** command = nullptr;  ///< ends with a null; may be empty
  int command_size = 0;

  int link_fd = -1;      ///< --store FD, --check-state FD, --killer FD
  int ready_fd = -1;     ///< for the first supervisor
  int keeper_fd = -1;    ///< an orphaned store's link: a revival
  int store_pidfd = -1;  ///< of that store
  int lock_fd = -1;      ///< of an instance that was another reaper's
  int state_fd = -1;     ///< what we were before we became this program
  std::uint32_t ring_records = 4096;

  const char* units = nullptr;         ///< the directory, of kUnits
  const char* stop_timeout = nullptr;  ///< passed on to corrald
};

namespace detail {

inline constexpr std::uint64_t kMostRingRecords = 1U << 16;

template <Role role>
constexpr bool set_role(InstanceOptions& options, const char*) {
  options.role = role;
  return true;
}

template <Role role>
constexpr bool set_role_and_fd(InstanceOptions& options, const char* value) {
  options.role = role;
  return set_fd<&InstanceOptions::link_fd>(options, value);
}

constexpr bool set_ring_records(InstanceOptions& options, const char* value) {
  const auto number = core::parse_number(value, kMostRingRecords);
  if (number) options.ring_records = static_cast<std::uint32_t>(*number);
  return number && *number > 0;
}

constexpr bool set_units(InstanceOptions& options, const char* value) {
  options.role = Role::kUnits;
  options.units = value;
  return true;
}

/// corrald reads it.
constexpr bool keep_stop_timeout(InstanceOptions& options, const char* value) {
  options.stop_timeout = value;
  return true;
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
inline constexpr OptionRow<InstanceOptions> kInstanceRows[] = {
    {"--supervise", nullptr, set_role<Role::kSupervise>},
    {"--units", "a directory", set_units},
    {"--stop-timeout", "a duration such as 8s or 500ms", keep_stop_timeout},
    {"--store", "a descriptor", set_role_and_fd<Role::kStore>},
    {"--check-state", "a descriptor", set_role_and_fd<Role::kCheckState>},
    {"--killer", "a descriptor", set_role_and_fd<Role::kKiller>},
    {"--ready-fd", "a descriptor", set_fd<&InstanceOptions::ready_fd>},
    {"--keeper-fd", "a descriptor", set_fd<&InstanceOptions::keeper_fd>},
    {"--store-pidfd", "a descriptor", set_fd<&InstanceOptions::store_pidfd>},
    {"--lock-fd", "a descriptor", set_fd<&InstanceOptions::lock_fd>},
    {"--state-fd", "a descriptor", set_fd<&InstanceOptions::state_fd>},
    {"--ring-records", "a number from 1 to 65536", set_ring_records},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace detail

/// Reads `argv`. An error is a sentence for people.
[[nodiscard]] constexpr std::optional<OptionError> parse_options(
    int argc, char** argv, InstanceOptions& options) {
  options.called = argv[0];
  return parse_words(
      std::span<const OptionRow<InstanceOptions>>(detail::kInstanceRows), argc,
      argv, options);
}

}  // namespace reaper
