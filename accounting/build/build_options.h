// SPDX-License-Identifier: Apache-2.0
// What csabuild is asked for.
#pragma once

#include <cstdint>
#include <string>

namespace accounting::build {

struct Options {
  std::string program;
  std::string pacct = "/var/csa/work/Wpacct";   ///< without its number
  std::string sorted = "/var/csa/work/spacct";  ///< to be written
  bool assumes_crash = true;  ///< a job of an earlier boot without end crashed
  bool ignores_bad = false;   ///< -i
  bool condenses = true;      ///< jobs of one request become one
  bool tells_times = false;   ///< -t
  std::int64_t cutoff = -1;   ///< jobs that began until then have ended
};

}  // namespace accounting::build
