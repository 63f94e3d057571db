// SPDX-License-Identifier: Apache-2.0
#include "accounting/csa_group.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "accounting/csa_byte_order.h"
#include "core/checksum.h"

namespace accounting {

namespace {

using detail::FieldTable;
using detail::kFields;
using detail::kSiteFields;
using detail::kSiteHeadFields;
using detail::SiteFieldTable;
using detail::swap_fields;
using detail::swapped;
using detail::turn;

using csa::RecordType;

/// A record's header in this machine's order, and how the file has it.
struct ReadHead {
  csa::Head head = {};
  bool is_foreign = false;
};

ReadHead read_head(std::span<const std::byte> bytes) {
  ReadHead read;
  std::memcpy(&read.head, bytes.data(), sizeof read.head);
  read.is_foreign = read.head.magic == csa::kForeignMagic;
  if (read.is_foreign) {
    read.head.magic = csa::kMagic;
    read.head.revision = swapped(read.head.revision);
    read.head.size = swapped(read.head.size);
  }
  return read;
}

/// Why this cannot be the header of a record; null: it can.
const char* fault_of(const csa::Head& head) {
  if (head.magic != csa::kMagic) return "no record begins here (bad magic)";
  const auto type = static_cast<RecordType>(head.type);
  const std::size_t size = csa::size_of(type);
  switch (type) {
    case RecordType::kKernelSite0:
    case RecordType::kKernelSite1:
    case RecordType::kDaemonSite0:
    case RecordType::kDaemonSite1:
      if (head.size < sizeof(csa::Head) || head.size % csa::kRecordUnit != 0 ||
          head.size > csa::kLargestRecord)
        return "a site's record of impossible size";
      return nullptr;
    case RecordType::kCsa:
    case RecordType::kMem:
    case RecordType::kIo:
    case RecordType::kDelay:
    case RecordType::kStartOfJob:
    case RecordType::kEndOfJob:
    case RecordType::kConfiguration:
    case RecordType::kWorkload:
    case RecordType::kJobHeader:
      break;
    case RecordType::kConsolidated:
    case RecordType::kCommandSummary:
    default:
      return "a record of unknown type";
  }
  if (head.size != size) return "a record of the wrong size";
  if (head.revision < csa::kRevisionOldest ||
      head.revision > csa::revision_of(type))
    return "a record of unknown revision";
  return nullptr;
}

bool is_linked_type(RecordType type) {
  return type == RecordType::kMem || type == RecordType::kIo ||
         type == RecordType::kDelay;
}

std::string_view fields_of(RecordType type) {
  for (const FieldTable& table : kFields)
    if (table.type == type) return table.widths;
  return {};
}

/// One record as `Record`, in this machine's order.
template <class Record>
Record record_at(std::span<const std::byte> bytes, const ReadHead& read) {
  std::byte copy[sizeof(Record)];
  std::memcpy(copy, bytes.data(), sizeof copy);
  if (read.is_foreign)
    turn(copy, fields_of(static_cast<RecordType>(read.head.type)));
  Record record = {};
  std::memcpy(&record, copy, sizeof record);
  return record;
}

/// A site record, if the workload record here is one of Corral's. The kind must
/// be known before its fields can be turned.
std::optional<SiteRecord> site_at(std::span<const std::byte> bytes,
                                  const ReadHead& read) {
  std::byte copy[sizeof(SiteRecord)];
  std::memcpy(copy, bytes.data(), sizeof copy);
  if (read.is_foreign) turn(copy, kSiteHeadFields);
  SiteRecord record = {};
  std::memcpy(&record, copy, sizeof record);
  if (!is_site_record(record.head)) return std::nullopt;
  if (!read.is_foreign) return record;
  for (const SiteFieldTable& table : kSiteFields)
    if (table.kind == kind_of(record.head))
      swap_fields(copy + sizeof(SiteHead), table.widths);
  std::memcpy(&record, copy, sizeof record);
  return record;
}

}  // namespace

void swap_record(std::byte* record, csa::RecordType type) {
  const std::string_view fields = fields_of(type);
  turn(record, fields.empty() ? std::string_view("22112") : fields);
}

namespace {

/// Gathers one group from its records.
class GroupReader {
 public:
  GroupReader(std::span<const std::byte> bytes, bool is_end)
      : bytes_(bytes), is_end_(is_end) {}

  ParseResult read() {
    if (!next_head()) return result_;
    const RecordType type = group().type();
    if (is_linked_type(type))
      return damaged("a linked record without its base");
    if (type == RecordType::kWorkload)
      if (site_at(bytes_.subspan(used_), read_)) {
        take_sites();
        return finish();
      }
    take_primary();
    while (more_follow_)
      if (!take_linked()) return result_;
    if (const char* const fault = fault_of_values(); fault != nullptr)
      return damaged(fault);
    if (bears_mark_) take_sites();
    return finish();
  }

 private:
  Group& group() { return result_.group; }

  ParseResult damaged(const char* what) {
    result_.verdict = ParseVerdict::kDamaged;
    result_.what = what;
    return result_;
  }

  /// Reads the header at `used_`; false: `result_` says why not.
  bool next_head() {
    const auto rest = bytes_.subspan(used_);
    result_.verdict = ParseVerdict::kNeedMore;
    if (rest.size() < sizeof(csa::Head)) return false;
    read_ = read_head(rest);
    if (const char* const fault = fault_of(read_.head); fault != nullptr) {
      damaged(fault);
      return false;
    }
    if (used_ == 0) {
      group().head = read_.head;
      group().is_foreign = read_.is_foreign;
    }
    return rest.size() >= read_.head.size;
  }

  void take_primary() {
    const auto at = bytes_.subspan(used_);
    std::uint16_t mark = 0;
    switch (group().type()) {
      case RecordType::kCsa:
        group().process = record_at<csa::Csa>(at, read_);
        mark = group().process->mark;
        break;
      case RecordType::kStartOfJob:
        group().start = record_at<csa::StartOfJob>(at, read_);
        mark = group().start->mark;
        break;
      case RecordType::kEndOfJob:
        group().end = record_at<csa::EndOfJob>(at, read_);
        mark = group().end->mark;
        break;
      case RecordType::kConfiguration:
        group().configuration = record_at<csa::Configuration>(at, read_);
        mark = group().configuration->mark;
        break;
      case RecordType::kWorkload:
        group().workload = record_at<csa::Workload>(at, read_);
        mark = group().workload->mark;
        break;
      case RecordType::kJobHeader:
        group().job_header = record_at<csa::JobHeader>(at, read_);
        break;
      case RecordType::kMem:
      case RecordType::kIo:
      case RecordType::kDelay:
      case RecordType::kKernelSite0:
      case RecordType::kKernelSite1:
      case RecordType::kDaemonSite0:
      case RecordType::kDaemonSite1:
      case RecordType::kConsolidated:
      case RecordType::kCommandSummary:
        break;
    }
    bears_mark_ = mark == csa::kAppendMark;
    advance();
  }

  /// What csaverify would hold against the group's values; null: nothing.
  const char* fault_of_values() {
    if (group().process) {
      const csa::Csa& process = *group().process;
      const std::size_t linked = used_ - sizeof process;
      if (process.second.magic != static_cast<std::uint16_t>(~csa::kMagic))
        return "a second header with a bad magic";
      if (process.second.size != linked)
        return "linked records that do not add up to the second header's size";
      if (process.btime <= 0) return "a process without a time";
    }
    if (group().start && group().start->btime <= 0)
      return "a start of a job without a time";
    if (group().end && (group().end->btime <= 0 || group().end->etime <= 0))
      return "an end of a job without a time";
    return nullptr;
  }

  /// Takes a record that the one before said would follow.
  bool take_linked() {
    if (!next_head()) return false;
    if (read_.is_foreign != group().is_foreign) {
      damaged("a linked record in the other byte order");
      return false;
    }
    const auto at = bytes_.subspan(used_);
    const auto type = static_cast<RecordType>(read_.head.type);
    const bool is_new = (type == RecordType::kMem && !group().memory) ||
                        (type == RecordType::kIo && !group().io) ||
                        (type == RecordType::kDelay && !group().delay);
    if (!group().process || !is_new) {
      damaged("a record that cannot be linked to the one before it");
      return false;
    }
    if (type == RecordType::kMem)
      group().memory = record_at<csa::Mem>(at, read_);
    else if (type == RecordType::kIo)
      group().io = record_at<csa::Io>(at, read_);
    else
      group().delay = record_at<csa::Delay>(at, read_);
    advance();
    return true;
  }

  /// csabuild and csarecy keep CSA's own records and drop the others: then one
  /// of those follows, where no append that was torn leaves one.
  [[nodiscard]] bool has_lost_sites() const {
    const auto rest = bytes_.subspan(used_);
    if (rest.size() < sizeof(csa::Head)) return false;
    const ReadHead next = read_head(rest);
    if (fault_of(next.head) != nullptr) return false;
    const auto type = static_cast<RecordType>(next.head.type);
    return type == RecordType::kCsa || type == RecordType::kStartOfJob ||
           type == RecordType::kEndOfJob || type == RecordType::kConfiguration;
  }

  /// Takes site records until the one that ends the append.
  void take_sites() {
    group().lost_site = has_lost_sites();
    if (group().lost_site) return;
    while (used_ + sizeof(SiteRecord) <= kLongestGroup) {
      const auto rest = bytes_.subspan(used_);
      if (rest.size() < sizeof(SiteRecord)) break;
      read_ = read_head(rest);
      if (read_.head.magic != csa::kMagic ||
          read_.is_foreign != group().is_foreign)
        break;
      const auto site = site_at(rest, read_);
      if (!site) break;
      used_ += sizeof(SiteRecord);
      if (append_size_of(site->head) != 0) return end_with(*site);
      add_text(*site);
      add_peaks(*site);
    }
    group().is_torn = true;
    // The mark is the only hint; what is whole of it stays a record.
    is_cut_ = bytes_.size() - used_ < sizeof(SiteRecord);
  }

  void end_with(const SiteRecord& site) {
    group().site = site;
    const std::size_t end = used_ - sizeof site.checksum;
    group().is_sound = append_size_of(site.head) == used_ &&
                       core::crc32c(bytes_.first(end)) == site.checksum;
    if (kind_of(site.head) == SiteKind::kEnd && !group().end) end_alone(site);
  }

  /// The end of a job whose boot is over: CSA has none, as csabuild knows by
  /// the next boot; ours has the reason.
  void end_alone(const SiteRecord& site) {
    csa::EndOfJob& end = group().end.emplace();
    end.uid = site.head.uid;
    end.gid = static_cast<std::uint32_t>(-2);
    end.jid = site.head.jid;
    end.btime = site.head.time;
    end.etime = site.head.time;
  }

  /// Null: a later version's.
  std::string* place_of(SiteText what) {
    switch (what) {
      case SiteText::kName:
        return &group().name;
      case SiteText::kDetail:
        return &group().detail;
      case SiteText::kProject:
        return &group().project;
      case SiteText::kAccount:
        return &group().account;
      case SiteText::kPayload:
        return &group().payload;
    }
    return nullptr;
  }

  void add_peaks(const SiteRecord& site) {
    if (kind_of(site.head) != SiteKind::kPeaks) return;
    std::memcpy(&group().peaks.emplace(), &site, sizeof site);
  }

  void add_text(const SiteRecord& site) {
    if (kind_of(site.head) != SiteKind::kText) return;
    SiteTextRecord record = {};
    std::memcpy(&record, &site, sizeof record);
    const std::size_t size = std::min<std::size_t>(record.size, kSiteTextSize);
    const std::size_t split = std::min(size, sizeof record.first);
    std::string text(record.first, split);
    text.append(record.second, size - split);
    const auto what = static_cast<SiteText>(record.what);
    std::string* const place = place_of(what);
    if (place == nullptr) return;
    if (what != SiteText::kPayload) place->clear();
    place->append(text);
  }

  ParseResult finish() {
    if (group().is_torn && is_cut_ && !is_end_) {
      result_.verdict = ParseVerdict::kNeedMore;
      return result_;
    }
    result_.verdict = ParseVerdict::kGroup;
    group().size = used_;
    if (used_ == 0) return damaged("a site record that is cut off");
    return result_;
  }

  void advance() {
    used_ += read_.head.size;
    more_follow_ = (read_.head.flag & csa::kMoreFollow) != 0;
  }

  std::span<const std::byte> bytes_;
  bool is_end_;
  ParseResult result_;
  ReadHead read_;
  std::size_t used_ = 0;
  bool more_follow_ = false;
  bool bears_mark_ = false;
  bool is_cut_ = false;
};

}  // namespace

ParseResult parse_group(std::span<const std::byte> bytes, bool is_end) {
  return GroupReader(bytes, is_end).read();
}

bool begins_append(std::span<const std::byte> bytes) {
  struct MarkPlace {
    RecordType type;
    std::size_t offset;
  };
  constexpr MarkPlace kPlaces[] = {
      {.type = RecordType::kCsa, .offset = offsetof(csa::Csa, mark)},
      {.type = RecordType::kStartOfJob,
       .offset = offsetof(csa::StartOfJob, mark)},
      {.type = RecordType::kEndOfJob, .offset = offsetof(csa::EndOfJob, mark)},
      {.type = RecordType::kConfiguration,
       .offset = offsetof(csa::Configuration, mark)},
      {.type = RecordType::kWorkload, .offset = offsetof(csa::Workload, mark)},
  };
  if (bytes.size() < sizeof(csa::Head)) return false;
  const csa::Head head = read_head(bytes).head;
  if (fault_of(head) != nullptr) return false;
  if (bytes.size() >= sizeof(SiteHead)) {
    SiteHead site = {};
    std::memcpy(&site, bytes.data(), sizeof site);
    if (is_site_record(site)) return true;
  }
  for (const MarkPlace& place : kPlaces) {
    std::uint16_t mark = 0;
    if (place.type != static_cast<RecordType>(head.type) ||
        bytes.size() < place.offset + sizeof mark)
      continue;
    std::memcpy(&mark, bytes.data() + place.offset, sizeof mark);
    return mark == csa::kAppendMark;
  }
  return false;
}

bool may_begin_group(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(csa::Head)) return false;
  const csa::Head head = read_head(bytes).head;
  return fault_of(head) == nullptr &&
         !is_linked_type(static_cast<RecordType>(head.type));
}

}  // namespace accounting
