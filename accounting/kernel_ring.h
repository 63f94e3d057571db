// SPDX-License-Identifier: Apache-2.0
// What the collector wrote, as its one reader sees it: the ring of
// records, and the words that program and reader share
// (accounting/kernel_exit.h).
//
// Invariant: what was read stays in the ring until release() says that it is
// done with, whoever of the readers dies in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "accounting/kernel_exit.h"
#include "core/error.h"
#include "sys/bpf_map.h"
#include "sys/bpf_ring.h"
#include "sys/unique_fd.h"

namespace accounting {

class KernelRing {
 public:
  /// Takes both maps, and of a collector that is a process what it wakes its
  /// reader with. Errors: those of mmap(2); EINVAL for maps that are not the
  /// collector's.
  [[nodiscard]] static core::Result<KernelRing> open(sys::UniqueFd ring,
                                                     sys::UniqueFd control,
                                                     sys::UniqueFd wake = {});

  struct Record {
    const corral_exit* exit = nullptr;  ///< null: a place that was given up
    std::uint64_t number = 0;
  };
  /// The record behind `position`; nothing: it is not there yet.
  [[nodiscard]] std::optional<Record> read(std::uint64_t position) const;

  /// Up to where everything is done with.
  [[nodiscard]] std::uint64_t released() const { return ring_.released(); }
  void release(std::uint64_t position) { ring_.release(position); }
  /// Up to where there is something.
  [[nodiscard]] std::uint64_t filled() const { return ring_.filled(); }
  [[nodiscard]] bool is_empty() const { return ring_.is_empty(); }
  /// Records that nobody has done with yet.
  [[nodiscard]] std::uint64_t waiting() const;

  [[nodiscard]] corral_control& control() { return *control_; }
  [[nodiscard]] const corral_control& control() const { return *control_; }
  /// The next record wakes the reader. False: there is one already.
  [[nodiscard]] bool arm() { return ring_.arm(control_->is_armed); }
  /// What to watch: by edges.
  [[nodiscard]] int fd() const {
    return wake_.is_open() ? wake_.get() : ring_.fd();
  }

 private:
  sys::BpfRing ring_;
  sys::UniqueFd control_fd_;
  sys::UniqueFd wake_;
  sys::MappedRange words_;
  corral_control* control_ = nullptr;
};

}  // namespace accounting
