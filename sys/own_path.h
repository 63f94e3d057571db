// SPDX-License-Identifier: Apache-2.0
// Where this program is, and another of ours (sys/program_places.h), for those
// without a heap; sys/own_programs.h is for the others. Header only and
// allocation free.
#pragma once

#include <errno.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "sys/program_places.h"

namespace sys {

namespace detail {

inline bool read_link(const char* link, ProgramPath& path) {
  char buffer[4096];
  const ssize_t size = ::readlink(link, buffer, sizeof buffer);
  if (size <= 0) return false;
  path.clear();
  path.append({buffer, static_cast<std::size_t>(size)});
  return true;
}

}  // namespace detail

/// The path of the program that runs, as far as the kernel knows it. `called`
/// is what it was executed by, a file or a link to it (argv[0], or AT_EXECFN of
/// getauxval(3)): an init is started before there is a /proc.
inline void find_own_path(const char* called, ProgramPath& path) {
  if (detail::read_link("/proc/self/exe", path)) return;
  if (detail::read_link(called, path) && path.view().starts_with("/")) return;
  path.clear();
  path.append(called);
}

/// Puts into `path` where `program` is, seen from the program at `own`; if it
/// is nowhere, the attempt to execute the path says so.
inline void find_sibling(OwnProgram program, std::string_view own,
                         ProgramPath& path) {
  const std::size_t slash = own.rfind('/');
  std::string_view here;
  if (slash != std::string_view::npos)
    here = {own.begin(), own.begin() + slash};
  (void)find_program(places_of(program), ::secure_getenv("CORRAL_LIBEXEC"),
                     here, path);
}

/// Becomes `program` with the words `argv`, in the same process. Returns errno,
/// and in `path` what could not be executed.
inline int become_sibling(OwnProgram program, const char* called, char** argv,
                          ProgramPath& path) {
  ProgramPath own;
  find_own_path(called, own);
  find_sibling(program, own.view(), path);
  (void)::execv(path.c_str(), argv);
  return errno;
}

}  // namespace sys
