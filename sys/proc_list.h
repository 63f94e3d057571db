// SPDX-License-Identifier: Apache-2.0
// All processes of /proc (proc(5)), zombies too. Who began and ended while it
// was being read may be missing. Allocation free and header only, as
// sys/proc_files.h is.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "core/error.h"
#include "core/ids.h"
#include "sys/proc_files.h"
#include "sys/unique_fd.h"

namespace sys {

namespace detail {

/// Whoever is to see the processes, without his type: there are many.
struct ProcVisitor {
  void* what;
  void (*visit)(void* what, const ProcStat& stat);
};

/// No pid if the name is no number: /proc holds other things too.
inline core::Pid pid_of_name(const char* name) {
  std::int32_t pid = 0;
  for (; *name != '\0'; ++name) {
    if (*name < '0' || *name > '9' || pid > 100000000) return {};
    pid = pid * 10 + (*name - '0');
  }
  return core::Pid(pid);
}

inline void visit_entries(std::span<const char> entries,
                          const ProcVisitor& visitor) {
  // struct linux_dirent64 (getdents64(2)): length at 16, name at 19.
  for (std::size_t at = 0; at < entries.size();) {
    unsigned short length = 0;
    std::memcpy(&length, entries.data() + at + 16, sizeof length);
    const core::Pid pid = pid_of_name(entries.data() + at + 19);
    at += length;
    if (pid == core::Pid()) continue;
    if (const auto stat = read_proc_stat(pid))
      visitor.visit(visitor.what, *stat);
  }
}

[[nodiscard]] inline core::Result<void> visit_processes(
    const ProcVisitor& visitor) {
  const UniqueFd directory =
      TRY(open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY));
  alignas(long) char buffer[4096];
  for (;;) {
    const long size =
        ::syscall(SYS_getdents64, directory.get(), buffer, sizeof buffer);
    if (size < 0) return core::fail(errno, "getdents64", "/proc");
    if (size == 0) return {};
    visit_entries({buffer, static_cast<std::size_t>(size)}, visitor);
  }
}

}  // namespace detail

/// Calls `visit(const ProcStat&)` for every process, in the order of their
/// pids. Errors: ENOENT where /proc is missing.
template <class Visit>
[[nodiscard]] core::Result<void> for_each_process(Visit&& visit) {
  return detail::visit_processes(
      {&visit, [](void* what, const ProcStat& stat) {
         (*static_cast<std::remove_reference_t<Visit>*>(what))(stat);
       }});
}

}  // namespace sys
