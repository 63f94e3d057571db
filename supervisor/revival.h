// SPDX-License-Identifier: Apache-2.0
// What a supervisor that becomes the next reaper does about the store: it hands
// it over, or starts another where it was lost too. It has all that a store
// keeps: the descriptors themselves, and the exit ring as the reaper gave it.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "supervisor/store_link.h"

namespace supervisor {

struct Bequest {
  std::string reaper;               ///< the program, which is the store too
  int ring = -1;                    ///< the exit ring; -1: it is not known
  std::function<void()> put_again;  ///< puts everything but the ring
};

/// The next reaper's command line.
struct RevivalWords {
  std::string init;  ///< its program
  /// Options and the descriptors that it is to have; -1: it is not given.
  std::vector<std::pair<const char*, int>> kept;
  std::vector<std::string> arguments;  ///< of the next supervisor
};

/// Duplicates the descriptors, for the program that we become. Errors: those of
/// fcntl(2) and of finding our own program.
[[nodiscard]] core::Result<std::vector<std::string>> revival_command(
    const RevivalWords& words);

/// The store for the next reaper, with everything in it. Errors: those of
/// starting a store.
[[nodiscard]] core::Result<StoreEnds> pass_on_store(StoreLink& store,
                                                    const Bequest& bequest);

}  // namespace supervisor
