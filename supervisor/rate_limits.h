// SPDX-License-Identifier: Apache-2.0
// Limits over which a job waits, or by which it stays where it is: processor
// rate and set, bytes and operations of its disks. Written into a cgroup of
// version 2, or into those of the controllers' hierarchies of version 1
// (cgroup-v2.rst; sched-bwc.rst, cpusets.rst, blkio-controller.rst).
#pragma once

#include <cstdint>

#include "core/error.h"
#include "core/limit_terms.h"
#include "core/quantity.h"
#include "core/refusal.h"
#include "sys/cgroup.h"

namespace supervisor {

struct RateBounds {
  core::Maybe<std::uint64_t> cpu_rate;       ///< percent of one processor
  core::Maybe<std::uint64_t> cpu_set;        ///< a bit for each
  core::Maybe<std::uint64_t> io_rate;        ///< bytes a second
  core::Maybe<std::uint64_t> io_operations;  ///< a second

  [[nodiscard]] bool has_io() const {
    return io_rate.has_value() || io_operations.has_value();
  }
};

/// Whether these processors (a set's bits; absent: no set) can hold a job here:
/// the machine may have all of them, and has one of them now. kInvalid.
[[nodiscard]] core::Answer<void> check_processors(
    const core::Maybe<std::uint64_t>& set);

[[nodiscard]] RateBounds rates_of(const core::LimitSet& limits);

// Each writes the bound, or that there is none. Errors are the kernel's:
// EINVAL or ENOSPC: none of the processors is there.

[[nodiscard]] core::Result<void> write_cpu_rate2(const sys::Cgroup& group,
                                                 const RateBounds& rates);
[[nodiscard]] core::Result<void> write_cpu_set2(const sys::Cgroup& group,
                                                const RateBounds& rates);
[[nodiscard]] core::Result<void> write_io2(const sys::Cgroup& group,
                                           const RateBounds& rates);

[[nodiscard]] core::Result<void> write_cpu_rate1(const sys::Cgroup& group,
                                                 const RateBounds& rates);
/// The group may be new: without processors and memory of its own nobody could
/// join it.
[[nodiscard]] core::Result<void> write_cpu_set1(const sys::Cgroup& group,
                                                const RateBounds& rates);
[[nodiscard]] core::Result<void> write_io1(const sys::Cgroup& group,
                                           const RateBounds& rates);

}  // namespace supervisor
