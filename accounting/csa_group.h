// SPDX-License-Identifier: Apache-2.0
// Bytes of a pacct file to values. A group is what one append left: a primary
// record, the records linked to it, and, where Corral wrote it, the site
// records behind it. Pure; every input is safe to give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "accounting/csa_layout.h"
#include "accounting/site_record.h"

namespace accounting {

/// One group in this machine's byte order, whatever it was in the file.
struct Group {
  std::uint64_t offset = 0;  ///< of its first byte in the file
  std::size_t size = 0;
  csa::Head head = {};      ///< of the primary record
  bool is_foreign = false;  ///< it was written in the other byte order

  std::optional<csa::Csa> process;
  std::optional<csa::Mem> memory;
  std::optional<csa::Io> io;
  std::optional<csa::Delay> delay;
  std::optional<csa::StartOfJob> start;
  std::optional<csa::EndOfJob> end;
  std::optional<csa::Configuration> configuration;
  std::optional<csa::Workload> workload;
  std::optional<csa::JobHeader> job_header;

  /// The last site record: with it the group is an append of Corral's.
  std::optional<SiteRecord> site;
  std::optional<SitePeaks> peaks;  ///< before an end
  std::string name;                ///< SiteText::kName
  std::string detail;              ///< SiteText::kDetail
  std::string project;             ///< SiteText::kProject
  std::string account;             ///< SiteText::kAccount
  std::string payload;             ///< SiteText::kPayload
  /// The checksum of Corral's append is right. True where there is none.
  bool is_sound = true;
  /// It bears the mark of an append of Corral's, but no site record ends it.
  bool is_torn = false;
  /// It bears that mark, and another program took the site records out.
  bool lost_site = false;

  [[nodiscard]] csa::RecordType type() const {
    return static_cast<csa::RecordType>(head.type);
  }
};

/// The site record of a group as the record of its kind.
template <class Record>
std::optional<Record> site_as(const Group& group, SiteKind kind) {
  static_assert(is_site_record<Record>());
  if (!group.site || kind_of(group.site->head) != kind) return std::nullopt;
  Record record = {};
  std::memcpy(&record, &*group.site, sizeof record);
  return record;
}

enum class ParseVerdict : std::uint8_t {
  kGroup,     ///< `group` holds it
  kNeedMore,  ///< more bytes are needed, or the file ends within a record
  kDamaged,   ///< no group begins here; `what` says why
};

struct ParseResult {
  ParseVerdict verdict = ParseVerdict::kDamaged;
  Group group;
  const char* what = "";
};

/// The longest that a group can be; with so many bytes or all of the rest of
/// the file parse_group() never needs more, unless the file ends too early.
inline constexpr std::size_t kLongestGroup = 2560;

/// Reads the group that begins at the first byte. `is_end`: the file ends with
/// these bytes.
ParseResult parse_group(std::span<const std::byte> bytes, bool is_end);

/// Turns the numbers of a record into the other byte order; of a type without
/// known fields only its header. `type` is in this machine's order.
void swap_record(std::byte* record, csa::RecordType type);

/// Does a record that bears the mark of an append of Corral's begin here, in
/// this machine's order? The bytes may end within the record.
bool begins_append(std::span<const std::byte> bytes);

/// Could a primary record begin here? For finding the way after damage.
bool may_begin_group(std::span<const std::byte> bytes);

}  // namespace accounting
