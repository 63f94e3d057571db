// SPDX-License-Identifier: Apache-2.0
#include "supervisor/journal.h"

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "core/checksum.h"

namespace supervisor {

namespace {

constexpr std::uint64_t kJournalMagic = 0x314C4E524A4C5243U;  // "CRLJRNL1"
constexpr std::uint32_t kJournalVersion = 1;
constexpr std::uint64_t kWorthCompaction = 4U << 20;

struct Header {
  std::uint64_t magic = kJournalMagic;
  std::uint32_t version = kJournalVersion;
  std::uint32_t reserved = 0;
  std::uint64_t epoch = 0;
  std::uint64_t first_number = 1;
  std::uint64_t snapshot_end = 0;  ///< where the snapshot ends and events begin
  std::uint32_t reserved_too = 0;
  std::uint32_t checksum = 0;  ///< of all bytes before it
};
static_assert(sizeof(Header) == 48);

struct EntryHead {
  std::uint32_t size = 0;      ///< of the body
  std::uint32_t checksum = 0;  ///< of size, number and body
  std::uint64_t number = 0;
};
static_assert(sizeof(EntryHead) == 16);

std::uint32_t checksum_of(const EntryHead& head,
                          std::span<const std::byte> body) {
  std::uint32_t sum = core::crc32c(std::as_bytes(std::span(&head.size, 1)));
  sum = core::crc32c(std::as_bytes(std::span(&head.number, 1)), sum);
  return core::crc32c(body, sum);
}

/// The whole entry with this number at `offset`; nothing if there is none.
std::optional<JournalEntry> entry_at(std::span<const std::byte> file,
                                     std::uint64_t offset,
                                     std::uint64_t number) {
  EntryHead head;
  if (file.size() - offset < sizeof head) return std::nullopt;
  std::memcpy(&head, file.data() + offset, sizeof head);
  const auto rest = file.subspan(offset + sizeof head);
  if (head.number != number || head.size > rest.size()) return std::nullopt;
  const auto body = rest.first(head.size);
  if (head.checksum != checksum_of(head, body)) return std::nullopt;
  return JournalEntry{.number = number, .body = body};
}

core::Result<void> write_at(int file, std::span<const std::byte> bytes,
                            std::uint64_t offset) {
  const ssize_t written =
      ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (written < 0) return core::fail(errno, "pwrite", "journal");
  if (static_cast<std::size_t>(written) != bytes.size())
    return core::fail(ENOSPC, "pwrite", "journal");
  return {};
}

core::Result<std::uint64_t> random_epoch() {
  std::uint64_t epoch = 0;
  while (epoch == 0)
    if (::getrandom(&epoch, sizeof epoch, 0) < 0)
      return core::fail(errno, "getrandom");
  return epoch;
}

}  // namespace

core::Result<Journal> Journal::make(std::uint64_t epoch,
                                    std::uint64_t first_number) {
  Journal journal;
  journal.file_ = sys::UniqueFd(::memfd_create("corral-journal", MFD_CLOEXEC));
  if (!journal.file_.is_open()) return core::fail(errno, "memfd_create");
  journal.epoch_ = epoch;
  journal.first_number_ = first_number;
  journal.next_number_ = first_number;
  journal.end_ = sizeof(Header);
  TRY(journal.write_header());
  return journal;
}

core::Result<void> Journal::write_header() {
  Header header;
  header.epoch = epoch_;
  header.first_number = first_number_;
  header.snapshot_end = end_;
  header.checksum = core::crc32c_of(header, offsetof(Header, checksum));
  TRY(write_at(file_.get(), std::as_bytes(std::span(&header, 1)), 0));
  snapshot_end_ = end_;
  return {};
}

core::Result<Journal> Journal::create() {
  const std::uint64_t epoch = TRY(random_epoch());
  return make(epoch, 1);
}

core::Result<Journal> Journal::open(sys::UniqueFd memfd) {
  Journal journal;
  journal.file_ = std::move(memfd);
  const std::vector<std::byte> bytes = TRY(journal.read_all());
  Header header;
  if (bytes.size() < sizeof header)
    return core::fail(EBADMSG, "open journal", "shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kJournalMagic ||
      header.checksum != core::crc32c_of(header, offsetof(Header, checksum)))
    return core::fail(EBADMSG, "open journal", "damaged header");
  if (header.version != kJournalVersion) {
    core::Text<64> subject("version ");
    subject.append_unsigned(header.version).append(", expected ");
    subject.append_unsigned(kJournalVersion);
    return core::fail(EPROTONOSUPPORT, "open journal", subject.view());
  }
  journal.epoch_ = header.epoch;
  journal.first_number_ = header.first_number;
  journal.next_number_ = header.first_number;
  journal.end_ = sizeof header;
  while (const auto entry =
             entry_at(bytes, journal.end_, journal.next_number_)) {
    journal.end_ += sizeof(EntryHead) + entry->body.size();
    ++journal.next_number_;
  }
  journal.snapshot_end_ = std::min(header.snapshot_end, journal.end_);
  journal.bytes_cut_ = bytes.size() - journal.end_;
  if (journal.bytes_cut_ > 0 &&
      ::ftruncate(journal.file_.get(), static_cast<off_t>(journal.end_)) < 0)
    return core::fail(errno, "ftruncate", "journal");
  return journal;
}

core::Result<std::uint64_t> Journal::append(std::span<const std::byte> body) {
  EntryHead head;
  if (body.size() > std::numeric_limits<std::uint32_t>::max())
    return core::fail(EFBIG, "append", "journal");
  head.size = static_cast<std::uint32_t>(body.size());
  head.number = next_number_;
  head.checksum = checksum_of(head, body);
  // One buffer, so that the entry is one write.
  buffer_.resize(sizeof head + body.size());
  std::memcpy(buffer_.data(), &head, sizeof head);
  std::copy(body.begin(), body.end(), buffer_.begin() + sizeof head);
  if (auto written = write_at(file_.get(), buffer_, end_); !written) {
    // A part of it may be there. Should this fail too, the next entry writes
    // over it, and until then open() would cut it.
    (void)::ftruncate(file_.get(), static_cast<off_t>(end_));
    return std::unexpected(written.error());
  }
  end_ += buffer_.size();
  return next_number_++;
}

core::Result<std::vector<std::byte>> Journal::read_all() const {
  struct stat facts = {};
  if (::fstat(file_.get(), &facts) < 0)
    return core::fail(errno, "fstat", "journal");
  std::vector<std::byte> bytes(static_cast<std::size_t>(facts.st_size));
  std::size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t got = ::pread(file_.get(), bytes.data() + used,
                                bytes.size() - used, static_cast<off_t>(used));
    if (got < 0) return core::fail(errno, "pread", "journal");
    if (got == 0) break;  // it shrank: what was read is what there is
    used += static_cast<std::size_t>(got);
  }
  bytes.resize(used);
  return bytes;
}

core::Result<void> Journal::replay(const Visit& visit) const {
  const std::vector<std::byte> bytes = TRY(read_all());
  std::uint64_t offset = sizeof(Header);
  for (std::uint64_t number = first_number_; number < next_number_; ++number) {
    const auto entry = entry_at(bytes, offset, number);
    if (!entry) return core::fail(EBADMSG, "replay journal", "damaged entry");
    TRY(visit(*entry));
    offset += sizeof(EntryHead) + entry->body.size();
  }
  return {};
}

bool Journal::wants_compaction() const {
  return end_ > std::max(kWorthCompaction, 2 * snapshot_end_);
}

core::Result<void> Journal::compact(const WriteSnapshot& write,
                                    const Publish& publish) {
  Journal snapshot = TRY(make(epoch_, next_number_));
  TRY(write(snapshot));
  TRY(snapshot.write_header());
  TRY(publish(snapshot.memfd()));
  *this = std::move(snapshot);
  return {};
}

}  // namespace supervisor
