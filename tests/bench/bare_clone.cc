// SPDX-License-Identifier: Apache-2.0
// The limit that jobs per second are measured against: a bare loop of clone3
// into a fresh cgroup, exec of PROGRAM, wait, rmdir, with WINDOW in flight and
// nothing else: no request, no record, no reply.
//
//   bench-bare-clone CGROUP_BASE PROGRAM COUNT WINDOW  ->  jobs per second
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/text.h"
#include "sys/cgroup.h"
#include "sys/clock.h"

namespace {

struct Slot {
  pid_t pid = 0;
  sys::UniqueFd pidfd;
  core::Text<32> name;
};

/// Launches PROGRAM in a fresh cgroup; the numbers in `slot` tell what runs.
bool launch(int base, const char* program, unsigned number, Slot& slot) {
  slot.name.clear();
  slot.name.append("bare").append_unsigned(number);
  const auto cgroup = sys::Cgroup::make(base, slot.name.c_str());
  if (!cgroup) return false;
  int pidfd = -1;
  clone_args arguments = {};
  arguments.flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = reinterpret_cast<__u64>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<__u64>(cgroup->get());
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return false;
  if (pid == 0) {
    char* const argv[] = {const_cast<char*>(program), nullptr};
    char* const envp[] = {nullptr};
    ::execve(program, argv, envp);
    ::_exit(127);
  }
  slot.pid = static_cast<pid_t>(pid);
  slot.pidfd = sys::UniqueFd(pidfd);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    (void)std::fprintf(stderr, "usage: %s BASE PROGRAM COUNT WINDOW\n",
                       argv[0]);
    return 2;
  }
  const auto base = sys::open_at(AT_FDCWD, argv[1], O_RDONLY | O_DIRECTORY);
  if (!base) {
    (void)std::fprintf(stderr, "%s\n", base.error().message().c_str());
    return 1;
  }
  const auto count = static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10));
  const auto window = static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10));
  std::vector<Slot> slots(window);
  unsigned launched = 0;
  unsigned ended = 0;
  const std::uint64_t begin = sys::boot_now().raw();
  for (Slot& slot : slots)
    if (launched < count && launch(base->get(), argv[2], launched, slot))
      ++launched;
  while (ended < launched) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    for (Slot& slot : slots) {
      if (slot.pid != pid) continue;
      slot.pid = 0;
      slot.pidfd.reset();
      (void)sys::Cgroup::remove(base->get(), slot.name.c_str());
      ++ended;
      if (launched < count && launch(base->get(), argv[2], launched, slot))
        ++launched;
      break;
    }
  }
  const double took = static_cast<double>(sys::boot_now().raw() - begin) / 1e6;
  (void)std::printf("%.1f\n", static_cast<double>(ended) / took);
  return ended == count ? 0 : 1;
}
