// SPDX-License-Identifier: Apache-2.0
// The host id in the jids of an instance: 0 for a system instance, a random
// number with the top bit set for any other, written into its runtime
// directory so that an instance that lost its journal still knows its jobs'
// containers from those of others.
//
// Invariant: of those who share a base of cgroups one has the hid 0. It holds a
// lock on the base's directory; its store holds it too, so that it is not free
// while one supervisor follows another. A second system instance there (of
// another container, another runtime directory) is given a random hid: jobs of
// the same number would be in the same cgroup.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"
#include "sys/places.h"
#include "sys/unique_fd.h"

namespace supervisor {

struct InstanceId {
  std::uint32_t hid = 0;
  sys::UniqueFd lock;  ///< of the hid 0; not open: another hid, or no base
};

/// The lock's name in the store.
inline constexpr const char* kHidLockName = "hid-lock";

/// The id for a new journal; `base` is the cgroups' directory, empty: none.
/// Errors: those of getrandom(2).
[[nodiscard]] core::Result<InstanceId> id_for(const sys::Places& places,
                                              const std::string& base);

/// The lock of the hid 0; waits a second for it, as its last holder may just be
/// dying. Errors: EADDRINUSE (another instance has it), those of open(2).
[[nodiscard]] core::Result<sys::UniqueFd> lock_hid(const std::string& base);

/// The instance ends and leaves nothing behind: the next one is another.
void forget_hid(const sys::Places& places);

}  // namespace supervisor
