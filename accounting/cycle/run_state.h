// SPDX-License-Identifier: Apache-2.0
// What an accounting run leaves for the next one: nite/statefile, the state in
// which to go on, and nite/clastdate, the minutes of this run and of the one
// before. Each is replaced at once or not at all, and on the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/cycle/places.h"
#include "accounting/cycle/stamp.h"
#include "accounting/text/console.h"

namespace accounting {

enum class RunState : std::uint8_t {
  kSetup,
  kVerify,
  kArchive1,
  kBuild,
  kArchive2,
  kCms,
  kReport,
  kDrep,
  kFef,
  kUserExit,
  kCleanup,
  kComplete,
};

[[nodiscard]] std::string_view name_of(RunState state);
[[nodiscard]] std::optional<RunState> state_of(std::string_view name);

/// The file's state; that of an installation that never ran is complete.
[[nodiscard]] Outcome<RunState> read_state(const Places& places);
[[nodiscard]] Outcome<void> write_state(const Places& places, RunState state);

struct LastRuns {
  Stamp last;  ///< 0000 0000: none
  Stamp before;
};
[[nodiscard]] Outcome<LastRuns> read_last_runs(const Places& places);
[[nodiscard]] Outcome<void> write_last_runs(const Places& places,
                                            const LastRuns& runs);

/// Replaces a file of the site's group, on the disk when this returns.
[[nodiscard]] Outcome<void> put_file(const Places& places,
                                     const std::string& path,
                                     std::string_view text);
/// A small file; nothing: it is not there.
[[nodiscard]] Outcome<std::optional<std::string>> get_file(
    const std::string& path);

}  // namespace accounting
