// SPDX-License-Identifier: Apache-2.0
// Dict: the open-ended a{sv} of our interfaces as plain C++, so that the tables
// of keys (job_fields, spec_keys, instance_fields) know nothing of a message.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/job_spec.h"
#include "core/refusal.h"

namespace bus {

/// A descriptor in a message (`h`): borrowed from the message.
struct FdNumber {
  int fd = -1;
};

/// A value of a type that none of our keys has: read over, for the message.
struct Unread {
  std::string signature;
};

using TextList = std::vector<std::string>;
using NumberList = std::vector<std::uint32_t>;
using RlimitList = std::vector<core::ResourceLimit>;

using Value =
    std::variant<bool, std::int32_t, std::uint32_t, std::uint64_t, std::string,
                 TextList, RlimitList, FdNumber, NumberList, Unread>;

/// What a Value's alternative is on the wire, by index. Texts that D-Bus cannot
/// carry as strings (they are not UTF-8) travel as `ay` and `aay` instead: both
/// are read everywhere into the same.
inline constexpr std::array<const char*, 9> kValueSignatures = {
    "b", "i", "u", "t", "s", "as", "a(itt)", "h", "au"};

inline const char* signature_of(const Value& value) {
  const Unread* const unread = std::get_if<Unread>(&value);
  if (unread != nullptr) return unread->signature.c_str();
  return kValueSignatures.at(value.index());
}

struct DictEntry {
  std::string key;
  Value value;
};
using Dict = std::vector<DictEntry>;

inline const Value* find(const Dict& dict, std::string_view key) {
  for (const DictEntry& entry : dict)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

/// An instance's answer lacks the key, or holds under it what this client
/// cannot read.
inline std::unexpected<core::Refused> not_of_this_version(
    std::string_view key) {
  return refuse(core::Refusal::kUnavailable,
                "the instance's answer has no '" + std::string(key) +
                    "' of a form that this version knows; are they of one "
                    "version?");
}

}  // namespace bus
