// SPDX-License-Identifier: Apache-2.0
// Where this program is, and a sibling of it (sys/program_places.h).
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "sys/program_places.h"

namespace reaper {

namespace detail {

inline bool read_link(const char* link, sys::ProgramPath& path) {
  char buffer[4096];
  const ssize_t size = ::readlink(link, buffer, sizeof buffer);
  if (size <= 0) return false;
  path.clear();
  path.append({buffer, static_cast<std::size_t>(size)});
  return true;
}

}  // namespace detail

/// The path of the program that runs, as far as the kernel knows it. `called`
/// is argv[0]: an init is started before there is a /proc, by the path of its
/// file or of a link to it.
inline void find_own_path(const char* called, sys::ProgramPath& path) {
  if (detail::read_link("/proc/self/exe", path)) return;
  if (detail::read_link(called, path) && path.view().starts_with("/")) return;
  path.clear();
  path.append(called);
}

/// Puts into `path` where `program` is, seen from the program at `own`; if it
/// is nowhere, the attempt to execute the path says so.
inline void find_sibling(sys::OwnProgram program, std::string_view own,
                         sys::ProgramPath& path) {
  const std::size_t slash = own.rfind('/');
  std::string_view here;
  if (slash != std::string_view::npos)
    here = {own.begin(), own.begin() + slash};
  (void)sys::find_program(sys::places_of(program),
                          ::secure_getenv("CORRAL_LIBEXEC"), here, path);
}

}  // namespace reaper
