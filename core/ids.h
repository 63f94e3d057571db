// SPDX-License-Identifier: Apache-2.0
// Numbers that name things, as types that do not mix, and the texts of a jid.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/text.h"

namespace core {

/// A number with a meaning. No arithmetic and no implicit conversion.
template <class Tag, class Rep>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep raw() const { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  Rep value_{};
};

/// A job id: (hid << 32) | sequence, as in SGI's job containers. The hid (host
/// id) is the cluster's node number, 0 for a system instance without a cluster,
/// random with the top bit set for a private instance. 0 is no job.
using JobId = Strong<struct JobIdTag, std::uint64_t>;
using Pid = Strong<struct PidTag, std::int32_t>;
using Uid = Strong<struct UidTag, std::uint32_t>;
using Gid = Strong<struct GidTag, std::uint32_t>;
using SignalNumber = Strong<struct SignalTag, int>;

inline constexpr JobId kNoJob{};
inline constexpr int kMostSignal = 64;  ///< SIGRTMAX
constexpr bool is_signal(int number) {
  return number >= 1 && number <= kMostSignal;
}

constexpr JobId make_job_id(std::uint32_t hid, std::uint32_t sequence) {
  return JobId((std::uint64_t{hid} << 32U) | sequence);
}
constexpr std::uint32_t hid_of(JobId jid) {
  return static_cast<std::uint32_t>(jid.raw() >> 32U);
}
constexpr std::uint32_t sequence_of(JobId jid) {
  return static_cast<std::uint32_t>(jid.raw());
}

/// The name of a job in paths (object path, cgroup directory, log file):
/// 'j' and 16 hexadecimal digits.
constexpr Text<17> path_name(JobId jid) {
  Text<17> text("j");
  text.append_hex(jid.raw(), 16);
  return text;
}

/// The jid as people see it: 0x and hexadecimal digits (as csacom and jstat).
constexpr Text<18> display(JobId jid) {
  Text<18> text("0x");
  text.append_hex(jid.raw());
  return text;
}

/// 1 to 16 hexadecimal digits, nothing else.
constexpr std::optional<std::uint64_t> parse_hex(std::string_view digits) {
  if (digits.empty() || digits.size() > 16) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
    value = (value << 4U) | digit;
  }
  return value;
}

/// The inverse of path_name().
constexpr std::optional<JobId> job_of_path_name(std::string_view name) {
  if (name.size() != 17 || name[0] != 'j') return std::nullopt;
  const auto value = parse_hex(std::string_view(name.data() + 1, 16));
  if (!value) return std::nullopt;
  return JobId(*value);
}

/// What a person types: hexadecimal, 0x optional, as SGI's job commands did.
constexpr std::optional<JobId> parse_job_id(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  const auto value = parse_hex(text);
  if (!value || *value == 0) return std::nullopt;
  return JobId(*value);
}

}  // namespace core
