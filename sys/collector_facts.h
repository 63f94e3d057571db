// SPDX-License-Identifier: Apache-2.0
// What stands against a program of ours in the kernel, as far as it can be seen
// without trying: for the supervisor, the program that loads it, and doctor.
#pragma once

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "sys/read_file.h"

namespace sys {

/// The kernel's description of its types (CONFIG_DEBUG_INFO_BTF).
inline constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";

namespace detail {

// Of the machine's first namespaces: PROC_PID_INIT_INO, PROC_USER_INIT_INO
// (include/linux/proc_ns.h).
inline constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;
inline constexpr ino_t kFirstUserNamespace = 0xEFFFFFFD;

inline bool is_namespace(const char* name, ino_t first) {
  struct stat status = {};
  return ::stat(name, &status) == 0 && status.st_ino == first;
}

inline bool has_capability(std::uint64_t effective, unsigned capability) {
  return (effective >> capability & 1U) != 0;
}

inline std::uint64_t effective_capabilities() {
  __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3,
                                   .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &head, data) < 0) return 0;
  return data[0].effective | std::uint64_t{data[1].effective} << 32U;
}

}  // namespace detail

/// Whether our capabilities allow it (bpf(2), capabilities(7)).
inline bool may_load_programs() {
  const std::uint64_t effective = detail::effective_capabilities();
  constexpr unsigned kSysAdmin = 21;
  constexpr unsigned kPerfmon = 38;
  constexpr unsigned kBpf = 39;
  return detail::has_capability(effective, kSysAdmin) ||
         (detail::has_capability(effective, kPerfmon) &&
          detail::has_capability(effective, kBpf));
}

/// Whether processes and users have the kernel's own numbers here.
inline bool is_first_namespace() {
  return detail::is_namespace("/proc/self/ns/pid",
                              detail::kFirstPidNamespace) &&
         detail::is_namespace("/proc/self/ns/user",
                              detail::kFirstUserNamespace);
}

inline constexpr std::string_view kIsContainer =
    "this is a container: the kernel's numbers of processes and users are not "
    "those that are seen here";

/// Whether the kernel counts what processes that begin now wait for block
/// devices and swap (Documentation/accounting/delay-accounting.rst).
inline bool counts_delays() {
  char buffer[8] = {};
  const auto text = read_small_file("/proc/sys/kernel/task_delayacct", buffer);
  return text && text->starts_with('1');
}

/// The obstacle to taskstats (Documentation/accounting/taskstats.rst); empty:
/// it is worth a try.
inline std::string_view obstacle_to_taskstats() {
  constexpr unsigned kNetAdmin = 12;
  if (!is_first_namespace()) return kIsContainer;
  if (!detail::has_capability(detail::effective_capabilities(), kNetAdmin))
    return "it takes root, or CAP_NET_ADMIN";
  return {};
}

/// The obstacle; empty: it is worth a try.
inline std::string_view obstacle_to_ebpf() {
  if (!is_first_namespace()) return kIsContainer;
  if (!may_load_programs()) return "it takes root, or CAP_BPF and CAP_PERFMON";
  if (::access(kKernelTypes, R_OK) < 0)
    return "the kernel does not tell its types in /sys/kernel/btf/vmlinux "
           "(CONFIG_DEBUG_INFO_BTF)";
  return {};
}

}  // namespace sys
