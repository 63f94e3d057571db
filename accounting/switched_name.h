// SPDX-License-Identifier: Apache-2.0
// The names of switched accounting files: "pacct12" was switched from "pacct",
// and "pacct12.zst" is the same, packed (corral archive). One reading of names
// for all who look for such files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "accounting/packed_file.h"
#include "core/number_text.h"

namespace accounting {

struct SwitchedName {
  std::uint64_t number = 0;  ///< 0 is csarun's: jobs that it put back
  bool is_packed = false;
};

/// Nothing: it is no such name. Neither is "pacct012", which nobody makes: it
/// would be taken for "pacct12".
constexpr std::optional<SwitchedName> parse_switched_name(
    std::string_view name, std::string_view base) {
  if (!name.starts_with(base)) return std::nullopt;
  name.remove_prefix(base.size());
  const bool is_packed = name.ends_with(kPackedEnding);
  if (is_packed) name.remove_suffix(kPackedEnding.size());
  if (name.starts_with('0') && name != "0") return std::nullopt;
  const auto number = core::parse_number(name, UINT32_MAX);
  if (!number) return std::nullopt;
  return SwitchedName{.number = *number, .is_packed = is_packed};
}

}  // namespace accounting
