// SPDX-License-Identifier: Apache-2.0
// Where the numbers of each record are, and records of a machine of the other
// byte order turned into those of this one. Of csa_group.cc alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "accounting/csa_layout.h"
#include "accounting/site_record.h"

namespace accounting::detail {

using csa::RecordType;

/// The fields of each record as widths in bytes, padding included: digits are
/// numbers, a letter is that many single bytes ('a' 1, 'b' 2, ...; 'p' 16).
/// Spaces are for the reader.
struct FieldTable {
  RecordType type;
  std::string_view widths;
};
// clang-format off: a table
// NOLINTBEGIN(modernize-use-designated-initializers): its columns speak
inline constexpr FieldTable kFields[] = {
    {RecordType::kCsa, "22112 22112 8 aaaa 44 22 888 44 8 p 888 88"},
    {RecordType::kMem, "22112 8 8888 8888 8888"},
    {RecordType::kIo, "22112 8 88 88 8"},
    {RecordType::kDelay, "22112 88 88 88 88"},
    {RecordType::kStartOfJob, "22112 aa2 4 8 88"},
    {RecordType::kEndOfJob, "22112 22112 8 aaaa 44 22 888 88 8888 44"},
    {RecordType::kConfiguration, "22112 44 8 aa2 4 88 pppppppppp h"},
    {RecordType::kWorkload, "22112 8 22 4 p 88 44 888 ppp 888888 22 22 88"},
    {RecordType::kJobHeader, "22112 44 88 844 844 844 8"},
};

struct SiteFieldTable {
  SiteKind kind;
  std::string_view widths;  ///< behind SiteHead
};
inline constexpr std::string_view kSiteHeadFields = "22112 8 22 4 p 88 44 888";
inline constexpr SiteFieldTable kSiteFields[] = {
    {SiteKind::kStart, "888888 8 8888888 4 4"},
    {SiteKind::kProcess, "44 88888 8 8888 44 44 8 44"},
    {SiteKind::kEnd, "4 aaaa 44 8888 8 88888 44 44 44"},
    {SiteKind::kLoss, "88 44 888 8 ppp l 4"},
    {SiteKind::kText, "ppp 8 ppp d 444"},
    {SiteKind::kLimits, "888888 8 8888888 4 4"},
    {SiteKind::kDaemon, "44 pph 8 ppp l 4"},
    {SiteKind::kPeaks, "888888 8 88 4 aa ppf 4"},
    {SiteKind::kOpened, "88 44 p 8 8 888 pp d 4"},
};
// NOLINTEND(modernize-use-designated-initializers)
// clang-format on

constexpr std::size_t width_of(char code) {
  if (code == ' ') return 0;
  if (code >= '1' && code <= '8') return static_cast<std::size_t>(code - '0');
  return static_cast<std::size_t>(code - 'a') + 1;
}
constexpr std::size_t total_of(std::string_view widths) {
  std::size_t total = 0;
  for (const char code : widths)
    total += width_of(code);
  return total;
}
static_assert(std::ranges::all_of(kFields, [](const FieldTable& table) {
  return total_of(table.widths) == csa::size_of(table.type);
}));
static_assert(total_of(kSiteHeadFields) == sizeof(SiteHead));
static_assert(std::ranges::all_of(kSiteFields, [](const SiteFieldTable& t) {
  return total_of(t.widths) == sizeof(SiteRecord) - sizeof(SiteHead);
}));

/// Turns the numbers of a record into the other byte order.
inline void swap_fields(std::byte* at, std::string_view widths) {
  for (const char code : widths) {
    const std::size_t width = width_of(code);
    if (code <= '8') std::reverse(at, at + width);  // a number, or nothing
    at += width;
  }
}

constexpr std::uint16_t swapped(std::uint16_t value) {
  return static_cast<std::uint16_t>((value >> 8U) | (value << 8U));
}

/// Each order has a magic of its own, which is no other's turned round.
inline void turn_magic(std::byte* at) {
  constexpr std::uint16_t kOther = swapped(csa::kForeignMagic);
  constexpr std::uint16_t kPairs[][2] = {
      {kOther, csa::kMagic}, {swapped(csa::kMagic), csa::kForeignMagic}};
  std::uint16_t magic = 0;
  std::memcpy(&magic, at, sizeof magic);
  for (const auto& [turned, right] : kPairs) {
    const auto inverted = static_cast<std::uint16_t>(~turned);
    if (magic != turned && magic != inverted) continue;
    if (magic == inverted)
      magic = static_cast<std::uint16_t>(~right);
    else
      magic = right;
    std::memcpy(at, &magic, sizeof magic);
    return;
  }
}

/// The same of a whole record, or its beginning, with one header or two.
inline void turn(std::byte* record, std::string_view widths) {
  swap_fields(record, widths);
  turn_magic(record);
  if (widths.starts_with("22112 22112"))
    turn_magic(record + offsetof(csa::Csa, second));
}

}  // namespace accounting::detail
