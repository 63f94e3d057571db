// SPDX-License-Identifier: Apache-2.0
// Descriptors 0, 1 and 2 as the caller left them. A closed one stays closed for
// the program that is run; until then a placeholder keeps our own descriptors
// from landing on its number.
#pragma once

namespace cli {

/// Puts a close-on-exec placeholder (O_PATH: it can be neither read nor
/// written) on each of 0, 1 and 2 that is closed.
void hold_standard_descriptors();

/// Is `fd` (0, 1 or 2) open, other than by our placeholder?
[[nodiscard]] bool was_open(int fd);

}  // namespace cli
