// SPDX-License-Identifier: Apache-2.0
#include "accounting/job_spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace accounting {

namespace {

constexpr std::size_t kLengthSize = sizeof(std::uint64_t);

}  // namespace

core::Result<sys::UniqueFd> JobSpool::make() {
  sys::UniqueFd memory(
      ::memfd_create("corral-ja", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.is_open()) return core::fail(errno, "memfd_create");
  if (::ftruncate(memory.get(), kHeadSize + kSize) < 0)
    return core::fail(errno, "ftruncate");
  // Who empties it is the user's process: it must not take it from under us.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  if (::fcntl(memory.get(), F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
    return core::fail(errno, "fcntl(F_ADD_SEALS)");
  const sys::MappedRange range = TRY(sys::MappedRange::map(
      memory.get(), 0, kHeadSize, PROT_READ | PROT_WRITE));
  static_cast<Shared*>(range.get())->magic = kMagic;
  return memory;
}

core::Result<JobSpool> JobSpool::open(int memory) {
  struct stat status = {};
  if (::fstat(memory, &status) < 0) return core::fail(errno, "fstat");
  if (status.st_size != static_cast<off_t>(kHeadSize + kSize))
    return core::fail(EINVAL, "open", "a job's spool");
  JobSpool spool;
  spool.memory_ = TRY(sys::MappedRange::map(memory, 0, kHeadSize + kSize,
                                            PROT_READ | PROT_WRITE));
  spool.shared_ = static_cast<Shared*>(spool.memory_.get());
  spool.ring_ = static_cast<std::byte*>(spool.memory_.get()) + kHeadSize;
  if (spool.shared_->magic != kMagic)
    return core::fail(EINVAL, "open", "a job's spool");
  return spool;
}

const JobSpool::State& JobSpool::state() const {
  return shared_
      ->states[__atomic_load_n(&shared_->which, __ATOMIC_ACQUIRE) & 1U];
}

void JobSpool::commit(const State& next) {
  const std::uint32_t other = 1U - (shared_->which & 1U);
  shared_->states[other] = next;
  __atomic_store_n(&shared_->which, other, __ATOMIC_RELEASE);
}

void JobSpool::copy_in(std::uint64_t at, std::span<const std::byte> bytes) {
  const std::size_t from = at % kSize;
  const std::size_t first = std::min(bytes.size(), kSize - from);
  std::memcpy(ring_ + from, bytes.data(), first);
  std::memcpy(ring_, bytes.data() + first, bytes.size() - first);
}

void JobSpool::copy_out(std::uint64_t at, std::span<std::byte> bytes) const {
  const std::size_t from = at % kSize;
  const std::size_t first = std::min(bytes.size(), kSize - from);
  std::memcpy(bytes.data(), ring_ + from, first);
  std::memcpy(bytes.data() + first, ring_, bytes.size() - first);
}

bool JobSpool::put(const std::optional<RecordKey>& key,
                   std::span<const std::byte> record) {
  State next = state();
  if (key) {
    RecordKey* const begin = std::begin(next.last);
    RecordKey* found = std::find_if(
        begin, std::end(next.last),
        [&](const RecordKey& last) { return last.instance == key->instance; });
    if (found == std::end(next.last)) {  // the one that is longest gone
      std::move_backward(begin, std::end(next.last) - 1, std::end(next.last));
      found = begin;
      *found = {.instance = key->instance, .key = 0};
    }
    if (key->key <= found->key) return true;
    found->key = key->key;
  }
  const std::uint64_t tail = __atomic_load_n(&shared_->tail, __ATOMIC_ACQUIRE);
  const std::size_t size = kLengthSize + record.size();
  const bool has_room = next.head - tail + size <= kSize;
  if (has_room) {
    const std::uint64_t length = record.size();
    copy_in(next.head, std::as_bytes(std::span(&length, 1)));
    copy_in(next.head + kLengthSize, record);
    next.head += size;
  } else {
    ++next.dropped;
  }
  commit(next);
  return has_room;
}

std::optional<std::vector<std::byte>> JobSpool::peek() const {
  const std::uint64_t tail = shared_->tail;
  const std::uint64_t held = state().head - tail;
  std::uint64_t length = 0;
  if (held < kLengthSize) return std::nullopt;
  copy_out(tail, std::as_writable_bytes(std::span(&length, 1)));
  if (length > held - kLengthSize) return std::nullopt;
  std::vector<std::byte> record(length);
  copy_out(tail + kLengthSize, record);
  return record;
}

void JobSpool::consume() {
  const auto record = peek();
  if (!record) return;
  const std::uint64_t behind = shared_->tail + kLengthSize + record->size();
  __atomic_store_n(&shared_->tail, behind, __ATOMIC_RELEASE);
}

void JobSpool::note_place(std::uint64_t offset) {
  __atomic_store_n(&shared_->place, offset, __ATOMIC_RELEASE);
  __atomic_store_n(&shared_->place_tail, shared_->tail + 1, __ATOMIC_RELEASE);
}

std::optional<std::uint64_t> JobSpool::place() const {
  if (shared_->place_tail != shared_->tail + 1) return std::nullopt;
  return shared_->place;
}

std::uint64_t JobSpool::dropped() const {
  return state().dropped;
}

}  // namespace accounting
