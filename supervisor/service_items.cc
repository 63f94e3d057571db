// SPDX-License-Identifier: Apache-2.0
#include "supervisor/service_items.h"

#include <cstring>

namespace supervisor {

namespace {

constexpr std::uint8_t kPendingRecord = 0x81;
constexpr std::uint8_t kReaperIdentity = 0x82;
constexpr std::uint8_t kStopOrder = 0x83;
constexpr std::uint8_t kReservedJids = 0x84;
constexpr std::uint8_t kCrashSearched = 0x85;
constexpr std::uint8_t kFreeJids = 0x86;

struct PendingHead {
  std::uint8_t kind = kPendingRecord;
  RecordKind what{};
  std::uint8_t reserved[6] = {};
  std::uint64_t key = 0;
  std::uint64_t jid = 0;
};
static_assert(sizeof(PendingHead) == 24);

struct IdentityBody {
  std::uint8_t kind = kReaperIdentity;
  std::uint8_t reserved[3] = {};
  std::int32_t pid = 0;
  std::uint64_t start_ticks = 0;
};
static_assert(sizeof(IdentityBody) == 16);

struct StopBody {
  std::uint8_t kind = kStopOrder;
  std::uint8_t was_hard = 0;
  std::uint8_t reserved[6] = {};
  std::uint64_t deadline = 0;
  char who[40] = {};  ///< padded with zeros
};
static_assert(sizeof(StopBody) == 56);

struct JidBody {
  std::uint8_t kind = kReservedJids;
  std::uint8_t reserved[3] = {};
  std::uint32_t after = 0;
  std::uint32_t end = 0;
};
static_assert(sizeof(JidBody) == 12);

struct FreeHead {
  std::uint8_t kind = kFreeJids;
  std::uint8_t reserved[3] = {};
};
static_assert(sizeof(FreeHead) == 4 && sizeof(FreeJids::Range) == 8);

/// Nothing if they are not ascending.
std::optional<FreeJids> free_jids_of(std::span<const std::byte> bytes) {
  FreeJids free;
  std::uint32_t last = 0;
  for (; bytes.size() >= sizeof(FreeJids::Range);
       bytes = bytes.subspan(sizeof(FreeJids::Range))) {
    FreeJids::Range range;
    std::memcpy(&range, bytes.data(), sizeof range);
    if (range.first <= last || range.last < range.first) return std::nullopt;
    last = range.last;
    free.add(range.first, range.last);
  }
  if (!bytes.empty()) return std::nullopt;
  return free;
}

template <class T>
void put(std::vector<std::byte>& bytes, const T& value) {
  const auto view = std::as_bytes(std::span(&value, 1));
  bytes.insert(bytes.end(), view.begin(), view.end());
}

}  // namespace

std::vector<std::byte> encode_item(const ServiceItem& item) {
  std::vector<std::byte> bytes;
  if (const auto* record = std::get_if<PendingRecord>(&item)) {
    PendingHead head;
    head.what = record->kind;
    head.key = record->key;
    head.jid = record->jid.raw();
    put(bytes, head);
    bytes.insert(bytes.end(), record->bytes.begin(), record->bytes.end());
  } else if (const auto* identity = std::get_if<ReaperIdentity>(&item)) {
    IdentityBody body;
    body.pid = identity->pid;
    body.start_ticks = identity->start_ticks;
    put(bytes, body);
  } else if (const auto* stop = std::get_if<StopOrder>(&item)) {
    StopBody body;
    body.was_hard = stop->was_hard ? 1 : 0;
    body.deadline = stop->deadline.raw();
    std::memcpy(body.who, stop->who.c_str(), stop->who.size());
    put(bytes, body);
  } else if (const auto* block = std::get_if<JidBlock>(&item)) {
    JidBody body;
    body.after = block->after;
    body.end = block->end;
    put(bytes, body);
  } else if (std::holds_alternative<CrashSearched>(item)) {
    put(bytes, kCrashSearched);
  } else if (const auto* free = std::get_if<FreeJids>(&item)) {
    put(bytes, FreeHead{});
    for (const FreeJids::Range& range : free->ranges())
      put(bytes, range);
  }
  return bytes;
}

std::optional<ServiceItem> decode_item(std::span<const std::byte> bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto kind = std::to_integer<std::uint8_t>(bytes[0]);
  if (kind == kPendingRecord && bytes.size() >= sizeof(PendingHead)) {
    PendingHead head;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.what > RecordKind::kLast) return std::nullopt;
    const auto rest = bytes.subspan(sizeof head);
    return PendingRecord{.key = head.key,
                         .jid = core::JobId(head.jid),
                         .kind = head.what,
                         .bytes = {rest.begin(), rest.end()}};
  }
  if (kind == kReaperIdentity && bytes.size() == sizeof(IdentityBody)) {
    IdentityBody body;
    std::memcpy(&body, bytes.data(), sizeof body);
    return ReaperIdentity{.pid = body.pid, .start_ticks = body.start_ticks};
  }
  if (kind == kStopOrder && bytes.size() == sizeof(StopBody)) {
    StopBody body;
    std::memcpy(&body, bytes.data(), sizeof body);
    return StopOrder{
        .who = std::string_view(body.who, ::strnlen(body.who, sizeof body.who)),
        .deadline = core::BootTime(body.deadline),
        .was_hard = body.was_hard != 0};
  }
  if (kind == kReservedJids && bytes.size() == sizeof(JidBody)) {
    JidBody body;
    std::memcpy(&body, bytes.data(), sizeof body);
    return JidBlock{.after = body.after, .end = body.end};
  }
  if (kind == kCrashSearched && bytes.size() == 1) return CrashSearched{};
  if (kind == kFreeJids && bytes.size() >= sizeof(FreeHead))
    if (auto free = free_jids_of(bytes.subspan(sizeof(FreeHead))))
      return *std::move(free);
  return std::nullopt;
}

}  // namespace supervisor
