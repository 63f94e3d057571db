// SPDX-License-Identifier: Apache-2.0
#include "sys/pid_namespace_check.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/try.h"
#include "sys/own_programs.h"
#include "sys/pid_namespace.h"

namespace sys {

namespace {

/// What a child does; 0 or an errno.
using Step = int (*)();

/// Runs `step` in a child of its own. Its end is told by no SIGCHLD, and none
/// but who asks for it waits for it.
int run_in_child(Step step) {
  const long pid = ::syscall(SYS_clone, 0, 0, 0, 0, 0);
  if (pid == 0) ::_exit(step());
  if (pid < 0) return errno;
  int status = 0;
  while (::waitpid(static_cast<pid_t>(pid), &status, __WALL) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

int mount_proc() {
  const auto mounted = mount_own_proc();
  return mounted ? 0 : mounted.error().code;
}

int unshare_only() {
  const auto made = unshare_pid_namespace();
  return made ? 0 : made.error().code;
}

int unshare_and_mount() {
  const int code = unshare_only();
  return code != 0 ? code : run_in_child(mount_proc);
}

}  // namespace

std::string obstacle_to_pid_namespaces() {
  if (const auto program = find_own_program(OwnProgram::kPidns); !program)
    return std::string(program.error().message().view());
  if (const int code = run_in_child(unshare_only); code != 0)
    return std::string("no pid namespace can be made: ") + std::strerror(code);
  if (const int code = run_in_child(unshare_and_mount); code != 0)
    return std::string("/proc cannot be mounted in a pid namespace: ") +
           std::strerror(code);
  return {};
}

}  // namespace sys
