// SPDX-License-Identifier: Apache-2.0
// The places where one of our own programs looks for another, in order: one
// list for those that have a heap (sys/own_programs.h) and for the reaper.
// Header only and allocation free.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "core/text.h"

namespace sys {

enum class OwnProgram : std::uint8_t {
  kInit,        ///< corral-init, the reaper
  kSupervisor,  ///< corrald
  kCommand,     ///< corral
};

using ProgramPath = core::Text<4095>;

/// A program's file name, and its directory in the build tree.
struct ProgramNames {
  std::string_view file;
  std::string_view build_directory;
};

constexpr ProgramNames names_of(OwnProgram program) {
  constexpr ProgramNames kNames[] = {{"corral-init", "/reaper/"},
                                     {"corrald", "/supervisor/"},
                                     {"corral", "/cli/"}};
  return kNames[static_cast<std::size_t>(program)];
}

/// Whether `path` is a file that we may execute.
inline bool is_program(const char* path) {
  struct stat status = {};
  return ::stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path, X_OK) == 0;
}

/// The path of `program`: in `chosen` ($CORRAL_LIBEXEC; null or not absolute:
/// no choice), in `here` (the directory of this executable), in
/// ../libexec/corral, in the neighbouring directory of the build tree. Empty if
/// it is nowhere there.
inline ProgramPath find_program(OwnProgram program, const char* chosen,
                                std::string_view here) {
  const ProgramNames names = names_of(program);
  const std::size_t slash = here.rfind('/');
  const std::string_view above(
      here.data(), slash == std::string_view::npos ? here.size() : slash);
  struct Place {
    std::string_view base;
    std::string_view below;
  };
  const bool has_choice = chosen != nullptr && *chosen == '/';
  const Place places[] = {
      {has_choice ? std::string_view(chosen) : std::string_view(), "/"},
      {here, "/"},
      {above, "/libexec/corral/"},
      {above, names.build_directory},
  };
  ProgramPath path;
  for (const Place& place : places) {
    if (!has_choice && &place == places) continue;
    path.clear();
    path.append(place.base).append(place.below).append(names.file);
    if (!path.was_cut() && is_program(path.c_str())) return path;
  }
  path.clear();
  return path;
}

}  // namespace sys
