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

// Below the prefix, as the build has it.
#ifndef CORRAL_LIBEXECDIR
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): a part of literals
#define CORRAL_LIBEXECDIR "libexec"
#endif

namespace sys {

enum class OwnProgram : std::uint8_t {
  kInit,        ///< corral-init, the entrypoint and a job's own reaper
  kReaper,      ///< corral-reaper, an instance's
  kSupervisor,  ///< corrald
  kCollect,     ///< corral-collect, which loads the eBPF collector
  kCommand,     ///< corral-command, all that `corral` does
  kPidns,       ///< corral-pidns, the reaper of a job in a pid namespace
};

using ProgramPath = core::Text<4095>;

/// Where a program is, seen from the directory of another: beside it, where
/// the package puts it, in the build tree.
struct ProgramPlaces {
  const char* beside;
  const char* installed;
  const char* built;
};

constexpr ProgramPlaces places_of(OwnProgram program) {
  // NOLINTBEGIN(modernize-use-designated-initializers): a table
  constexpr ProgramPlaces kPlaces[] = {
      {"/corral-init", "/../" CORRAL_LIBEXECDIR "/corral/corral-init",
       "/../reaper/corral-init"},
      {"/corral-reaper", "/../" CORRAL_LIBEXECDIR "/corral/corral-reaper",
       "/../reaper/corral-reaper"},
      {"/corrald", "/../" CORRAL_LIBEXECDIR "/corral/corrald",
       "/../supervisor/corrald"},
      {"/corral-collect", "/../" CORRAL_LIBEXECDIR "/corral/corral-collect",
       "/../collect/corral-collect"},
      {"/corral-command", "/../" CORRAL_LIBEXECDIR "/corral/corral-command",
       "/../cli/corral-command"},
      {"/corral-pidns", "/../" CORRAL_LIBEXECDIR "/corral/corral-pidns",
       "/../reaper/corral-pidns"}};
  // NOLINTEND(modernize-use-designated-initializers)
  return kPlaces[static_cast<std::size_t>(program)];
}

/// Whether `path` is a file that we may execute.
inline bool is_program(const char* path) {
  struct stat status = {};
  return ::stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path, X_OK) == 0;
}

/// Puts into `path` where the program is: in the directory `chosen`
/// ($CORRAL_LIBEXEC; null or not absolute: no choice), else at its places seen
/// from `here`. False if it is nowhere there; `path` is then the one beside.
inline bool find_program(ProgramPlaces places, const char* chosen,
                         std::string_view here, ProgramPath& path) {
  const bool has_choice = chosen != nullptr && *chosen == '/';
  std::string_view base = has_choice ? chosen : here;
  for (const char* const place :
       {places.beside, places.beside, places.installed, places.built,
        places.beside}) {
    path.clear();
    path.append(base).append(place);
    if (is_program(path.c_str())) return true;
    base = here;
  }
  return false;
}

}  // namespace sys
