// SPDX-License-Identifier: Apache-2.0
// Which entrypoint we are: by the name that we are called by, one of the peers
// for which corral-init is a drop-in replacement, else ourselves.
#pragma once

#include <cstring>

#include "reaper/compat/catatonit.h"
#include "reaper/compat/dumb_init.h"
#include "reaper/compat/run.h"
#include "reaper/compat/tini.h"

namespace reaper::compat {

/// The peer that we are when called `called` (argv[0]); null: ourselves.
[[nodiscard]] inline const Behaviour* peer_called(const char* called) {
  struct Row {
    const char* name;
    const Behaviour* behaviour;
  };
  static constexpr Row kRows[] = {
      {.name = "tini", .behaviour = &kTini},
      {.name = "tini-static", .behaviour = &kTini},
      {.name = "docker-init", .behaviour = &kTini},
      {.name = "dumb-init", .behaviour = &kDumbInit},
      {.name = "catatonit", .behaviour = &kCatatonit},
  };
  if (called == nullptr) return nullptr;
  for (const Row& row : kRows)
    if (std::strcmp(row.name, base_name(called)) == 0) return row.behaviour;
  return nullptr;
}

}  // namespace reaper::compat
