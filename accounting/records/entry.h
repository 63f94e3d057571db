// SPDX-License-Identifier: Apache-2.0
// One entry of a pacct file as the published tools understand it: a primary
// record and the records linked to it. Only pointers: the reader owns what
// they point to, until its next call.
#pragma once

#include <cstddef>
#include <cstdint>

#include "accounting/csa_layout.h"

namespace accounting {

struct Entry {
  const csa::Head* prime = nullptr;
  const csa::Csa* process = nullptr;
  const csa::Mem* memory = nullptr;
  const csa::Io* io = nullptr;
  const csa::Delay* delay = nullptr;
  const csa::StartOfJob* start = nullptr;
  const csa::EndOfJob* end = nullptr;
  const csa::Configuration* configuration = nullptr;
  const csa::JobHeader* job = nullptr;
  const csa::Workload* workload = nullptr;
  const csa::Head* site = nullptr;  ///< a record of a site's own types

  /// The record, if any, of which there was no room for all that it says that
  /// it has: its header has the bytes that were read, and this what it said.
  const csa::Head* cut = nullptr;
  std::uint16_t stated = 0;

  std::uint64_t offset = 0;  ///< of its first byte in the file
  std::size_t size = 0;      ///< bytes in the file

  [[nodiscard]] csa::RecordType type() const {
    return static_cast<csa::RecordType>(prime->type);
  }
};

/// The bytes of the largest entry: a process with all its linked records.
inline constexpr std::size_t kLargestEntry =
    sizeof(csa::Csa) + sizeof(csa::Mem) + sizeof(csa::Io) + sizeof(csa::Delay);

}  // namespace accounting
