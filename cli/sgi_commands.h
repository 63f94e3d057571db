// SPDX-License-Identifier: Apache-2.0
// The job commands of SGI's IRIX and of Linux CSA, by their names and options:
// `corral` called jstat, jkill, jwait, jlimit, jattach, jdetach or jsethid.
// jids are hexadecimal, 0x optional.
#pragma once

#include <span>
#include <string_view>

namespace cli {

/// A function that is called by such a name; returns the exit code.
using SgiCommand = int (*)(std::span<const char* const> words);

/// Null: the program was not called by a name of SGI's. `path` is argv[0].
[[nodiscard]] SgiCommand find_sgi_command(std::string_view path);

}  // namespace cli
