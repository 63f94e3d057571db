// SPDX-License-Identifier: Apache-2.0
// Which entrypoint we are: by the name that we are called by, one of the peers
// for which corral-init is a drop-in replacement, else ourselves.
#pragma once

#include <cstring>
#include <string_view>

#include "reaper/compat/catatonit.h"
#include "reaper/compat/dumb_init.h"
#include "reaper/compat/tini.h"

namespace reaper::compat {

using Run = int (*)(int argc, char** argv);

/// What to run when called `called` (argv[0]); null: ourselves.
[[nodiscard]] inline Run peer_called(const char* called) {
  struct Row {
    std::string_view name;
    Run run;
  };
  static constexpr Row kRows[] = {
      {"tini", run_tini},           {"tini-static", run_tini},
      {"docker-init", run_tini},    {"dumb-init", run_dumb_init},
      {"catatonit", run_catatonit},
  };
  if (called == nullptr) return nullptr;
  const char* const slash = std::strrchr(called, '/');
  const std::string_view name(slash != nullptr ? slash + 1 : called);
  for (const Row& row : kRows)
    if (row.name == name) return row.run;
  return nullptr;
}

}  // namespace reaper::compat
