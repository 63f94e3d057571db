// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/entry_reader.h"

#include <algorithm>
#include <cstring>

#include "accounting/csa_group.h"
#include "accounting/csa_summary_layout.h"

namespace accounting {

namespace {

using csa::Head;
using csa::RecordType;

constexpr std::size_t kHead = sizeof(Head);

constexpr std::uint16_t swapped(std::uint16_t value) {
  return static_cast<std::uint16_t>((value >> 8U) | (value << 8U));
}

/// Types of which a file can hold records, whatever reads them.
constexpr bool is_known(std::uint8_t type) {
  switch (static_cast<RecordType>(type)) {
    case RecordType::kCsa:
    case RecordType::kMem:
    case RecordType::kIo:
    case RecordType::kDelay:
    case RecordType::kStartOfJob:
    case RecordType::kEndOfJob:
    case RecordType::kConfiguration:
    case RecordType::kKernelSite0:
    case RecordType::kKernelSite1:
    case RecordType::kWorkload:
    case RecordType::kDaemonSite0:
    case RecordType::kDaemonSite1:
    case RecordType::kJobHeader:
    case RecordType::kConsolidated:
    case RecordType::kCommandSummary:
      return true;
  }
  return false;
}

constexpr bool is_site(std::uint8_t type) {
  return type == 0100 || type == 0101 || type == 0200 || type == 0201;
}

/// The newest revision of a type; -1: the published table has none.
constexpr int newest_revision(std::uint8_t type) {
  if (is_site(type)) return -1;
  return csa::revision_of(static_cast<RecordType>(type));
}

constexpr std::size_t current_size(RecordType type) {
  if (type == RecordType::kConsolidated) return sizeof(csa::Consolidated);
  if (type == RecordType::kCommandSummary) return sizeof(csa::CommandSummary);
  return csa::size_of(type);
}

Head head_at(const std::byte* bytes, bool& is_foreign) {
  Head head;
  std::memcpy(&head, bytes, kHead);
  is_foreign = head.magic == csa::kForeignMagic;
  if (is_foreign) {
    head.magic = csa::kMagic;
    head.revision = swapped(head.revision);
    head.size = swapped(head.size);
  }
  return head;
}

/// Is this the header of a linked record of `type` as it should be?
bool is_linked(const std::byte* bytes, RecordType type, std::uint8_t& flag) {
  Head head;
  std::memcpy(&head, bytes, kHead);
  flag = head.flag;
  return head.magic == csa::kMagic &&
         head.type == static_cast<std::uint8_t>(type) &&
         head.revision == csa::revision_of(type) &&
         head.size == csa::size_of(type);
}

template <class Record>
const Record* as(const std::byte* bytes) {
  return reinterpret_cast<const Record*>(bytes);
}

}  // namespace

/// The common case, in place: a process whose linked records follow in their
/// usual order, aligned, in this machine's byte order. False: look closer.
bool EntryReader::read_plainly(Entry& entry) {
  if (position_ % alignof(csa::Csa) != 0) return false;
  const auto bytes = window_.at(position_, kLargestEntry);
  if (bytes.size() < sizeof(csa::Csa)) return false;
  std::uint8_t flag = 0;
  if (!is_linked(bytes.data(), RecordType::kCsa, flag)) return false;
  entry = {};
  entry.process = as<csa::Csa>(bytes.data());
  entry.prime = &entry.process->head;
  std::size_t used = sizeof(csa::Csa);
  const auto take = [&](auto& pointer, RecordType type, std::size_t size) {
    if ((flag & csa::kMoreFollow) == 0) return;
    if (used + size > bytes.size()) return;
    std::uint8_t next_flag = 0;
    const std::byte* const at = bytes.data() + used;
    if (!is_linked(at, type, next_flag)) return;
    pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(at);
    flag = next_flag;
    used += size;
  };
  take(entry.memory, RecordType::kMem, sizeof(csa::Mem));
  take(entry.io, RecordType::kIo, sizeof(csa::Io));
  take(entry.delay, RecordType::kDelay, sizeof(csa::Delay));
  if ((flag & csa::kMoreFollow) != 0) return false;
  entry.offset = position_;
  entry.size = used;
  position_ += used;
  return true;
}

ReadStatus EntryReader::next(Entry& entry) {
  if (read_plainly(entry)) [[likely]]
    return ReadStatus::kEntry;
  return read_carefully(entry);
}

ReadStatus EntryReader::failed(ReadStatus status) {
  complaint_ +=
      "readacctent(): An error was returned from the 'readpacct()' routine.\n";
  return status;
}

/// Record after record into copies_, as long as each says that more follow.
ReadStatus EntryReader::read_carefully(Entry& entry) {
  complaint_.clear();
  copies_.fill(std::byte{0});
  entry = {};
  entry.offset = position_;
  std::size_t at = 0;    // in copies_
  std::size_t read = 0;  // by the published reader's count
  for (;;) {
    std::size_t used = 0;
    const ReadStatus status = read_record(kLargestEntry - read, at, used);
    if (status == ReadStatus::kEnd) return status;
    if (status != ReadStatus::kEntry) return failed(status);
    if (!place(entry, at)) return ReadStatus::kNoRecord;
    if (stated_ != 0) entry.cut = as<Head>(copies_.data() + at);
    entry.stated = stated_;
    read = std::min(read + used, kLargestEntry);
    Head head;
    std::memcpy(&head, copies_.data() + at, kHead);
    if ((head.flag & csa::kMoreFollow) == 0) break;
    at += std::max<std::size_t>((used + 15) / 16 * 16, 16);
    if (at + csa::kLargestRecord > copies_.size())
      return failed(ReadStatus::kNoRecord);
  }
  entry.size = static_cast<std::size_t>(position_ - entry.offset);
  return ReadStatus::kEntry;
}

/// One record to copies_[at], of at most `room` bytes; `used`: its bytes.
ReadStatus EntryReader::read_record(std::size_t room, std::size_t at,
                                    std::size_t& used) {
  if (room < kHead) {
    complaint_ +=
        "readpacct(): An entry buffer was not provided or was misaligned.\n";
    return ReadStatus::kNoRecord;
  }
  const auto bytes = window_.at(position_, kHead);
  position_ += bytes.size();
  if (bytes.empty()) return ReadStatus::kEnd;
  if (bytes.size() < kHead) return ReadStatus::kTornHeader;
  bool is_foreign = false;
  const Head head = head_at(bytes.data(), is_foreign);
  if (head.magic != csa::kMagic || !is_known(head.type))
    return ReadStatus::kNoRecord;
  used = std::max<std::size_t>(std::min<std::size_t>(room, head.size), kHead);
  position_ -= kHead;
  return copy_record(head, used, at, is_foreign);
}

ReadStatus EntryReader::copy_record(Head head, std::size_t room, std::size_t at,
                                    bool is_foreign) {
  const auto bytes = window_.at(position_, room);
  position_ += bytes.size();
  const bool is_cut = head.size > room;
  std::byte* const copy = copies_.data() + at;
  std::memcpy(copy, bytes.data(), std::min(bytes.size(), copies_.size() - at));
  if (bytes.size() < room) return ReadStatus::kTornRecord;
  const auto type = static_cast<RecordType>(head.type);
  if (is_foreign) {
    swap_record(copy, type);
    std::memcpy(copy, &head, kHead);
  }
  // Whoever writes the copy believes its header: it has no more bytes than were
  // read.
  stated_ = is_cut ? head.size : 0;
  if (is_cut) {
    head.size = static_cast<std::uint16_t>(room);
    std::memcpy(copy, &head, kHead);
  }
  if (room == kHead || head.revision == newest_revision(head.type))
    return ReadStatus::kEntry;
  if (head.revision < csa::kRevisionOldest ||
      head.revision > newest_revision(head.type)) {
    complaint_ += "convert_pacct(): Bad record revision number " +
                  std::to_string(head.revision) +
                  "., type=" + std::to_string(head.type) +
                  ", rev=" + std::to_string(newest_revision(head.type)) + "\n";
    return ReadStatus::kNoRecord;
  }
  // An older revision has the same fields: only its header is old. What the
  // record lacks does not become part of it.
  head.revision = csa::revision_of(type);
  head.size = static_cast<std::uint16_t>(std::min(current_size(type), room));
  std::memcpy(copy, &head, kHead);
  return ReadStatus::kEntry;
}

/// Lets `entry` point to the record at copies_[at]; false: it is of a type that
/// no accounting file holds.
bool EntryReader::place(Entry& entry, std::size_t at) {
  const std::byte* const bytes = copies_.data() + at;
  const Head* const head = as<Head>(bytes);
  switch (static_cast<RecordType>(head->type)) {
    case RecordType::kCsa:
      entry.process = as<csa::Csa>(bytes);
      break;
    case RecordType::kMem:
      entry.memory = as<csa::Mem>(bytes);
      break;
    case RecordType::kIo:
      entry.io = as<csa::Io>(bytes);
      break;
    case RecordType::kDelay:
      entry.delay = as<csa::Delay>(bytes);
      break;
    case RecordType::kStartOfJob:
      entry.start = as<csa::StartOfJob>(bytes);
      break;
    case RecordType::kEndOfJob:
      entry.end = as<csa::EndOfJob>(bytes);
      break;
    case RecordType::kConfiguration:
      entry.configuration = as<csa::Configuration>(bytes);
      break;
    case RecordType::kWorkload:
      entry.workload = as<csa::Workload>(bytes);
      break;
    case RecordType::kJobHeader:
      entry.job = as<csa::JobHeader>(bytes);
      break;
    case RecordType::kKernelSite0:
    case RecordType::kKernelSite1:
    case RecordType::kDaemonSite0:
    case RecordType::kDaemonSite1:
      entry.site = head;
      break;
    case RecordType::kConsolidated:
    case RecordType::kCommandSummary:
      complaint_ += "checktype(): An unknown record type (0" +
                    std::string(head->type == 0222 ? "222" : "224") +
                    ") was found with flag (" + std::to_string(head->flag) +
                    ").\n";
      return false;
  }
  if (entry.prime == nullptr) entry.prime = head;
  return true;
}

/// Moves the position back to the last header before it, in steps of the unit
/// in which records are laid out. Returns its flags; -1: there is none.
int EntryReader::step_back() {
  while (position_ >= csa::kRecordUnit) {
    position_ -= csa::kRecordUnit;
    const auto bytes = window_.at(position_, kHead);
    if (bytes.size() < kHead) continue;
    bool is_foreign = false;
    const Head head = head_at(bytes.data(), is_foreign);
    if (head.magic == csa::kMagic && is_known(head.type) &&
        head.revision >= csa::kRevisionOldest &&
        head.revision <= newest_revision(head.type) && head.size >= kHead &&
        head.size <= csa::kLargestRecord)
      return head.flag;
  }
  return -1;
}

ReadStatus EntryReader::previous(Entry& entry) {
  const std::uint64_t end = position_;
  complaint_.clear();
  int flag = step_back();
  if (flag < 0) return ReadStatus::kEnd;
  if ((flag & csa::kMoreFollow) != 0) {
    complaint_ +=
        "readacctent(): The file was not positioned at the end of an entry.\n";
    return ReadStatus::kNoRecord;
  }
  // The entry begins at the first of the headers before this one that say
  // that more follow.
  std::uint64_t begin = position_;
  while (end - begin < kLargestEntry) {
    flag = step_back();
    if (flag < 0 || (flag & csa::kMoreFollow) == 0) break;
    begin = position_;
  }
  position_ = begin;
  const ReadStatus status = next(entry);
  position_ = begin;
  return status;
}

}  // namespace accounting
