// SPDX-License-Identifier: Apache-2.0
// csaverify: finds what is damaged in a pacct or sorted file and says where, in
// the form that csaedit -b cuts out.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

/// Exit code: 0 sound, 1 damage was found, 2 the most that -m allows.
[[nodiscard]] int csaverify_command(const CommandLine& line, Console& console);

}  // namespace accounting
