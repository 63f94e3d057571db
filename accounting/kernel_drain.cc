// SPDX-License-Identifier: Apache-2.0
#include "accounting/kernel_drain.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "accounting/append.h"
#include "accounting/kernel_encode.h"
#include "accounting/record_filter.h"
#include "accounting/recovery.h"
#include "sys/clock.h"
#include "sys/file_size.h"

namespace accounting {

namespace {

/// One write takes at most so much, and one append more.
constexpr std::size_t kBatchBytes = std::size_t{1} << 20U;
/// A record that is being written is there soon: it is looked at so often.
constexpr int kMostLooks = 100;

bool is_file(int file, std::uint64_t device, std::uint64_t inode) {
  struct stat status = {};
  return ::fstat(file, &status) == 0 && status.st_dev == device &&
         status.st_ino == inode;
}

KernelUnits units_of_now(std::uint32_t collector) {
  const core::Moment now = sys::now();
  return {.page_size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)),
          .booted_us = now.real.raw() - now.boot.raw(),
          .collector = collector == 0
                           ? core::Collector::kEbpf
                           : static_cast<core::Collector>(collector)};
}

void append(std::vector<std::byte>& to, const RecordBytes& bytes) {
  to.insert(to.end(), bytes.view().begin(), bytes.view().end());
}

}  // namespace

void KernelDrain::recover(int file, const std::string& path) {
  if (std::exchange(was_recovered_, true)) return;
  corral_control& control = ring_.control();
  // Of a loss alone nothing is released: it has no record behind it.
  const bool is_loss = control.told_then > control.told_lost;
  if (control.position < ring_.released() + (is_loss ? 0 : 1)) return;
  std::optional<sys::UniqueFd> switched;
  if (!is_file(file, control.device, control.inode)) {
    const std::string youngest = youngest_switched_file(path);
    auto other = sys::open_at(AT_FDCWD, youngest.c_str(), O_RDONLY);
    if (!other || !is_file(other->get(), control.device, control.inode)) return;
    switched = *std::move(other);
  }
  const auto tail = read_from(switched ? switched->get() : file, control.offset,
                              control.ring_id);
  if (!tail || !tail->last_key) return;
  ring_.release(std::max(ring_.released(), *tail->last_key));
  control.told_lost = control.told_then;  // a loss comes first of a batch
}

/// The first record of a batch, if there is a loss to tell of.
void KernelDrain::add_loss(Batch& batch) const {
  const corral_control& control = ring_.control();
  batch.told_lost = __atomic_load_n(&control.lost, __ATOMIC_RELAXED);
  if (batch.told_lost <= control.told_lost) return;
  Loss loss;
  loss.last = {.instance = control.ring_id, .key = batch.position};
  loss.first_key = batch.position;
  loss.count = batch.told_lost - control.told_lost;
  loss.code = ENOBUFS;
  loss.when = sys::real_now();
  append(batch.bytes, encode(loss));
}

KernelDrain::Batch KernelDrain::gather(const core::RecordSwitches& switches,
                                       JobSpools* spools) const {
  Batch batch;
  batch.position = ring_.released();
  add_loss(batch);
  const KernelUnits units = units_of_now(ring_.control().collector);
  RecordBytes scratch;
  while (batch.bytes.size() < kBatchBytes) {
    auto record = ring_.read(batch.position);
    for (int i = 0;
         !record && batch.position < ring_.filled() && i < kMostLooks; ++i) {
      (void)::sched_yield();
      record = ring_.read(batch.position);
    }
    if (!record) break;
    batch.position = record->number;
    if (record->exit == nullptr) continue;
    const RecordBytes whole = encode(
        RecordKey{.instance = ring_.control().ring_id, .key = record->number},
        *record->exit, units);
    if (spools != nullptr) spools->feed(whole.view());
    const auto on = filter_append(switches, whole.view(), scratch);
    if (!on.empty()) ++batch.records;
    batch.bytes.insert(batch.bytes.end(), on.begin(), on.end());
  }
  return batch;
}

core::Result<void> KernelDrain::write_all(int file,
                                          const core::RecordSwitches& switches,
                                          JobSpools* spools) {
  corral_control& control = ring_.control();
  __atomic_store_n(&control.is_pressed, 0U, __ATOMIC_SEQ_CST);
  for (;;) {
    const Batch batch = gather(switches, spools);
    if (batch.bytes.empty()) {
      ring_.release(batch.position);
      return {};
    }
    struct stat status = {};
    if (::fstat(file, &status) < 0) return core::fail(errno, "fstat");
    control.device = status.st_dev;
    control.inode = status.st_ino;
    control.offset = static_cast<std::uint64_t>(status.st_size);
    control.told_then = batch.told_lost;
    __atomic_store_n(&control.position, batch.position, __ATOMIC_SEQ_CST);
    TRY(append_whole(file, batch.bytes));
    lost_ += batch.told_lost - control.told_lost;
    // Before the release, which says that nothing is to be recovered.
    __atomic_store_n(&control.told_lost, batch.told_lost, __ATOMIC_SEQ_CST);
    ring_.release(batch.position);
    written_ += batch.records;
  }
}

void KernelDrain::skip_all() {
  ring_.release(ring_.filled());
  corral_control& control = ring_.control();
  control.told_lost = __atomic_load_n(&control.lost, __ATOMIC_RELAXED);
  __atomic_store_n(&control.is_pressed, 0U, __ATOMIC_SEQ_CST);
}

}  // namespace accounting
