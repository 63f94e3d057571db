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
  const ProgramPath path =
      find_program(program, std::getenv("CORRAL_LIBEXEC"), here);
  if (!path.empty()) return path.c_str();
  return core::fail(ENOENT, "find",
                    std::string(names_of(program).file) + "' from '" + here);
}

}  // namespace sys
