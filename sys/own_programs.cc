// SPDX-License-Identifier: Apache-2.0
#include "sys/own_programs.h"

#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace sys {

core::Result<std::string> own_directory() {
  char buffer[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  if (size < 0) return core::fail(errno, "readlink", "/proc/self/exe");
  const std::string path(buffer, static_cast<std::size_t>(size));
  return path.substr(0, path.rfind('/'));
}

core::Result<std::string> find_own_program(OwnProgram program) {
  const std::string here = TRY(own_directory());
  ProgramPath path;
  if (find_program(places_of(program), ::secure_getenv("CORRAL_LIBEXEC"), here,
                   path))
    return path.c_str();
  return core::fail(
      ENOENT, "find",
      std::string(places_of(program).beside + 1) + "' from '" + here);
}

}  // namespace sys
