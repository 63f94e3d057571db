// SPDX-License-Identifier: Apache-2.0
// What a site's rules say of an accounting file: when it is switched without
// anybody asking, and when there is too little room to write it. Pure.
//
// Rules:
//  - A file in which nothing stands but that it begins is never switched.
//  - Room that ran short is there again when a quarter more than the least is:
//    what waited may be written without running short at once.
#pragma once

#include <cstdint>

#include "core/quantity.h"

namespace core {

struct FileRules {
  /// A file that has as many bytes is switched; 0: any.
  std::uint64_t most_bytes = 0;
  Microseconds longest;  ///< or that is so old; 0: any
  /// Bytes that stay free in its file system; 0: none.
  std::uint64_t least_free = 0;

  [[nodiscard]] constexpr bool may_switch() const {
    return most_bytes != 0 || longest.raw() != 0;
  }
  friend bool operator==(const FileRules&, const FileRules&) = default;
};

enum class SwitchCause : std::uint32_t { kNone = 0, kSize = 1, kAge = 2 };

struct FileState {
  std::uint64_t bytes = 0;
  std::uint64_t bare_bytes = 0;  ///< of them what says that it begins
  bool is_old = false;           ///< FileRules::longest is over
};

constexpr SwitchCause switch_cause(const FileRules& rules,
                                   const FileState& file) {
  if (file.bytes <= file.bare_bytes) return SwitchCause::kNone;
  if (rules.most_bytes != 0 && file.bytes >= rules.most_bytes)
    return SwitchCause::kSize;
  if (rules.longest.raw() != 0 && file.is_old) return SwitchCause::kAge;
  return SwitchCause::kNone;
}

/// The least that must be free for what ran short to be there again.
constexpr std::uint64_t room_again(const FileRules& rules) {
  return rules.least_free + rules.least_free / 4;
}

/// `free`: bytes. `lacked`: what it said before.
constexpr bool lacks_room(const FileRules& rules, bool lacked,
                          std::uint64_t free) {
  return free < (lacked ? room_again(rules) : rules.least_free);
}

/// "size", "age"; empty: none.
constexpr const char* word_of(SwitchCause cause) {
  if (cause == SwitchCause::kSize) return "size";
  return cause == SwitchCause::kAge ? "age" : "";
}

}  // namespace core
