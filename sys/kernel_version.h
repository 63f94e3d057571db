// SPDX-License-Identifier: Apache-2.0
// The kernel's version (uname(2)), for what no call can be asked about.
#pragma once

#include <sys/utsname.h>

#include <cstdlib>

namespace sys {

/// Whether the running kernel is `major`.`minor` or newer. A release that does
/// not begin with two numbers is taken to be old.
[[nodiscard]] inline bool kernel_is_at_least(unsigned long major,
                                             unsigned long minor) {
  utsname system = {};
  if (::uname(&system) < 0) return false;
  char* rest = system.release;
  const unsigned long first = std::strtoul(rest, &rest, 10);
  const unsigned long second =
      *rest == '.' ? std::strtoul(rest + 1, &rest, 10) : 0;
  return first > major || (first == major && second >= minor);
}

}  // namespace sys
