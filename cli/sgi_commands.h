// SPDX-License-Identifier: Apache-2.0
// The job commands of SGI's IRIX and of Linux CSA, by their names and options:
// `corral` called jstat, jkill, jwait, jlimit, jattach, jdetach or jsethid.
// jids are hexadecimal, 0x optional.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace cli {

/// The exit code; nothing: the program was not called by a name of SGI's.
/// `path` is argv[0].
[[nodiscard]] std::optional<int> run_sgi_command(
    std::string_view path, std::span<const char* const> words);

}  // namespace cli
