// SPDX-License-Identifier: Apache-2.0
#include "sys/own_programs.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace sys {
namespace {

const char* file_name(OwnProgram program) {
  switch (program) {
    case OwnProgram::kInit:
      return "corral-init";
    case OwnProgram::kSupervisor:
      return "corrald";
    case OwnProgram::kCommand:
      return "corral";
  }
  return "";
}

/// The program's directory in the build tree.
const char* build_directory(OwnProgram program) {
  switch (program) {
    case OwnProgram::kInit:
      return "/reaper/";
    case OwnProgram::kSupervisor:
      return "/supervisor/";
    case OwnProgram::kCommand:
      return "/cli/";
  }
  return "";
}

bool is_program(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

core::Result<std::string> own_directory() {
  char buffer[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  if (size < 0) return core::fail(errno, "readlink", "/proc/self/exe");
  const std::string path(buffer, static_cast<std::size_t>(size));
  return path.substr(0, path.rfind('/'));
}

core::Result<std::string> find_own_program(OwnProgram program) {
  const std::string name = file_name(program);
  const char* const chosen = std::getenv("CORRAL_LIBEXEC");
  if (chosen != nullptr && *chosen == '/') {
    std::string path = std::string(chosen) + "/" + name;
    if (is_program(path)) return path;
  }
  const std::string here = TRY(own_directory());
  const std::string above = here.substr(0, here.rfind('/'));
  for (const std::string& place : {here + '/', above + "/libexec/corral/",
                                   above + build_directory(program)}) {
    std::string path = place + name;
    if (is_program(path)) return path;
  }
  return core::fail(ENOENT, "find", name + "' from '" + here);
}

}  // namespace sys
