// SPDX-License-Identifier: Apache-2.0
// What of an append goes into the accounting file while some kinds of records
// are off, or below a threshold. Pure.
//
// Invariants:
//  - What is left is again one whole append: second header, flags, size and
//    checksum say what stands there, and the site record that what was taken
//    away was not collected.
//  - What is no append of Corral's passes as it is.
#pragma once

#include <cstddef>
#include <span>

#include "accounting/csa_encode.h"
#include "core/record_switches.h"

namespace accounting {

/// Empty: nothing of it. Else `append` itself, or bytes in `scratch`.
[[nodiscard]] std::span<const std::byte> filter_append(
    const core::RecordSwitches& switches, std::span<const std::byte> append,
    RecordBytes& scratch);

}  // namespace accounting
