// SPDX-License-Identifier: Apache-2.0
#include "accounting/left_losses.h"

#include <unistd.h>

#include <cerrno>
#include <span>

#include "core/checksum.h"
#include "core/try.h"
#include "sys/file_size.h"

namespace accounting {

namespace {

struct Slot {
  std::uint64_t instance = 0;  ///< 0: nothing is in it
  std::uint64_t last_key = 0;
  std::uint64_t first_key = 0;
  std::uint64_t count = 0;
  std::uint64_t when = 0;
  std::int32_t code = 0;
  std::uint32_t sum = 0;  ///< of all before
};
constexpr std::size_t kSummed = offsetof(Slot, sum);
constexpr std::size_t kSlots = 8;
static_assert(sizeof(Slot) == 48);

core::Result<void> put(int file, std::size_t slot, Slot value) {
  value.sum = core::crc32c_of(value, kSummed);
  const auto at = static_cast<off_t>(slot * sizeof value);
  const ssize_t n = ::pwrite(file, &value, sizeof value, at);
  if (n != ssize_t{sizeof value})
    return core::fail(n < 0 ? errno : ENOSPC, "write");
  if (::fdatasync(file) < 0) return core::fail(errno, "fdatasync");
  return {};
}

}  // namespace

core::Result<void> reserve_left_losses(int lock_file) {
  constexpr std::size_t kSize = kSlots * sizeof(Slot);
  if (TRY(sys::size_of(lock_file)) >= kSize) return {};
  constexpr std::byte kNothing[kSize] = {};
  const ssize_t n = ::pwrite(lock_file, kNothing, kSize, 0);
  if (n != ssize_t{kSize}) return core::fail(n < 0 ? errno : ENOSPC, "write");
  return {};
}

std::vector<LeftLoss> left_losses(int lock_file) {
  std::vector<LeftLoss> losses;
  Slot slots[kSlots] = {};
  if (::pread(lock_file, slots, sizeof slots, 0) < 0) return losses;
  for (std::size_t i = 0; i < kSlots; ++i) {
    const Slot& slot = slots[i];
    if (slot.instance == 0 || slot.sum != core::crc32c_of(slot, kSummed))
      continue;
    losses.push_back(
        {.slot = i,
         .loss = {.last = {.instance = slot.instance, .key = slot.last_key},
                  .first_key = slot.first_key,
                  .count = slot.count,
                  .code = slot.code,
                  .when = core::RealTime(slot.when)}});
  }
  return losses;
}

core::Result<void> leave_loss(int lock_file, const Loss& loss) {
  Slot slot = {.instance = loss.last.instance,
               .last_key = loss.last.key,
               .first_key = loss.first_key,
               .count = loss.count,
               .when = loss.when.raw(),
               .code = loss.code};
  bool is_used[kSlots] = {};
  std::uint64_t last_count = 0;
  for (const LeftLoss& left : left_losses(lock_file)) {
    is_used[left.slot] = left.loss.last.instance != slot.instance;
    last_count = left.loss.count;
  }
  std::size_t at = 0;
  while (at < kSlots && is_used[at])
    ++at;
  if (at < kSlots) return put(lock_file, at, slot);
  slot.count += last_count;
  return put(lock_file, kSlots - 1, slot);
}

core::Result<void> forget_left_loss(int lock_file, std::size_t slot) {
  return put(lock_file, slot, {});
}

}  // namespace accounting
