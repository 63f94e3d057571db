// SPDX-License-Identifier: Apache-2.0
// The jobs that an accounting file leaves open: a start of Corral's without an
// end behind it. What a machine or an instance that crashed could not close.
//
// Bound: the last kSearchedBytes of the file, and where it is shorter the end
// of the file that csaswitch made of it last. What began before that is not
// found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/quantity.h"
#include "sys/boot.h"

namespace accounting {

inline constexpr std::uint64_t kSearchedBytes = std::uint64_t{64} << 20U;

struct OpenJob {
  core::JobId jid;
  core::Uid uid;
  core::RealTime started;      ///< to the second, as the file has it
  std::uint64_t instance = 0;  ///< that wrote the start
  bool is_of_this_boot = true;
};

struct FoundJobs {
  std::vector<OpenJob> open;        ///< by ascending jid
  std::uint32_t last_sequence = 0;  ///< the highest of the hid's; 0: none
};

/// Whether an instance of `hid` closes the jobs of `other`: its own; and a
/// private one, whose hid goes with its runtime directory, those of every
/// private one, as they share a file for being the same user's.
[[nodiscard]] bool is_heir(std::uint32_t hid, std::uint32_t other);

/// The jobs that `path` leaves open to `hid` or whose heir it is. Errors: those
/// of open(2) and pread(2); a file that is not there is none. `boot`: now.
[[nodiscard]] core::Result<FoundJobs> find_open_jobs(
    const std::string& path, std::uint32_t hid,
    std::uint64_t most_bytes = kSearchedBytes,
    const sys::Boot& boot = sys::this_boot());

}  // namespace accounting
