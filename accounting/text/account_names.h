// SPDX-License-Identifier: Apache-2.0
// Users and groups by number and by name, each asked of the name service once.
// Each thread has one of its own; several may ask at the same time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace accounting {

class AccountNames {
 public:
  /// The user's name; "?" if nobody has the number.
  const std::string& user(std::uint32_t uid);
  /// The group's name; "?" if no group has the number.
  const std::string& group(std::uint32_t gid);

  /// The other way, for one thread at a time (getpwnam(3)).
  [[nodiscard]] static std::optional<std::uint32_t> uid_of(const char* name);
  [[nodiscard]] static std::optional<std::uint32_t> gid_of(const char* name);

  /// The number that a text is, blanks and '+' before it, of a user or a group:
  /// of 32 bits, lest another number select root.
  [[nodiscard]] static std::optional<std::uint32_t> id_of(
      std::string_view text);

 private:
  std::unordered_map<std::uint32_t, std::string> users_;
  std::unordered_map<std::uint32_t, std::string> groups_;
  std::uint32_t last_uid_ = 0;
  const std::string* last_user_ = nullptr;
};

}  // namespace accounting
