// SPDX-License-Identifier: Apache-2.0
#include "accounting/kernel_ring.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace accounting {

core::Result<KernelRing> KernelRing::open(sys::UniqueFd ring,
                                          sys::UniqueFd control,
                                          sys::UniqueFd wake) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  KernelRing opened;
  opened.words_ = TRY(
      sys::MappedRange::map(control.get(), 0, page, PROT_READ | PROT_WRITE));
  opened.control_ = static_cast<corral_control*>(opened.words_.get());
  if (opened.control_->ring_id == 0)
    return core::fail(EINVAL, "open", "the collector's ring");
  opened.ring_ =
      TRY(sys::BpfRing::open(std::move(ring), opened.control_->ring_size));
  opened.control_fd_ = std::move(control);
  opened.wake_ = std::move(wake);
  return opened;
}

std::optional<KernelRing::Record> KernelRing::read(
    std::uint64_t position) const {
  const auto found = ring_.read(position);
  if (!found) return std::nullopt;
  Record record{.exit = nullptr, .number = found->number};
  if (found->size >= sizeof(corral_exit))
    record.exit = reinterpret_cast<const corral_exit*>(found->bytes);
  return record;
}

std::uint64_t KernelRing::waiting() const {
  std::uint64_t count = 0;
  for (auto record = read(released()); record; record = read(record->number))
    if (record->exit != nullptr) ++count;
  return count;
}

}  // namespace accounting
