// SPDX-License-Identifier: Apache-2.0
// uname(2) cut to CSA's widths. Header-only and allocation free.
#pragma once

#include <sys/utsname.h>

#include <cstddef>

#include "accounting/csa_layout.h"

namespace accounting {

/// `name` is zero before, and stays so if nobody can tell.
inline void put_system_name(csa::SystemName& name) {
  constexpr unsigned char kWidths[] = {
      sizeof(csa::SystemName::sysname), sizeof(csa::SystemName::nodename),
      sizeof(csa::SystemName::release), sizeof(csa::SystemName::version),
      sizeof(csa::SystemName::machine)};
  constexpr std::size_t kWidth = sizeof(utsname::sysname);
  static_assert(offsetof(utsname, machine) == 4 * kWidth);  // one by the other
  utsname system = {};
  if (::uname(&system) < 0) return;
  auto* to = reinterpret_cast<char*>(&name);
  const auto* from = reinterpret_cast<const char*>(&system);
  for (const unsigned char width : kWidths) {
    for (std::size_t i = 0; i + 1 < width && from[i] != '\0'; ++i)
      to[i] = from[i];
    to += width;
    from += kWidth;
  }
}

}  // namespace accounting
