// SPDX-License-Identifier: Apache-2.0
// What the cgroup of a systemd unit says about it: its name and its slice, and
// how the scope beside it is called that holds its jobs (docs/CGROUPS.md, "On a
// systemd host").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace core {

struct UnitPlace {
  std::string_view unit;   ///< "corrald.service"
  std::string_view slice;  ///< "system.slice"
};

/// The cgroup below its scope in which an instance's own programs are: the
/// scope itself must have no process, or its controllers would end there.
inline constexpr std::string_view kOwnGroup = "/instance";

namespace detail {

/// The last part of a path, which is cut off.
constexpr std::string_view take_last(std::string_view& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view last(path.begin() + slash + 1, path.end());
  path = {path.begin(), path.begin() + slash};
  return last;
}

inline constexpr std::string_view kServiceEnd = ".service";

}  // namespace detail

/// The service whose main process has this cgroup (cgroups(7), "0::PATH").
/// Nothing: it is in no service that stands in a slice.
constexpr std::optional<UnitPlace> unit_at(std::string_view cgroup) {
  UnitPlace place;
  place.unit = detail::take_last(cgroup);
  place.slice = detail::take_last(cgroup);
  if (!place.unit.ends_with(detail::kServiceEnd) ||
      place.unit.size() == detail::kServiceEnd.size() ||
      !place.slice.ends_with(".slice"))
    return std::nullopt;
  return place;
}

/// "corrald.service" -> "corrald.scope".
[[nodiscard]] inline std::string scope_beside(std::string_view unit) {
  unit.remove_suffix(detail::kServiceEnd.size());
  return std::string(unit) + ".scope";
}

}  // namespace core
