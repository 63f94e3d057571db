// SPDX-License-Identifier: Apache-2.0
// What a file system counts for each of its users, where it keeps quotas:
// quotactl_fd(2) (Linux 5.14), Q_GETNEXTQUOTA.
#pragma once

#include <linux/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "core/error.h"

namespace sys {

/// Calls `each(uid, bytes)` for every user with files in the file system that
/// `fd` (no O_PATH) is in, by ascending number. Errors: ESRCH, ENOSYS or EINVAL
/// where it keeps no quotas of users, EPERM without CAP_SYS_ADMIN.
template <class Each>
[[nodiscard]] core::Result<void> for_each_user_quota(int fd, Each each) {
  constexpr unsigned kSubcommandShift = 8;  // QCMD(), whose sign is not ours
  constexpr unsigned kNext =
      unsigned{Q_GETNEXTQUOTA} << kSubcommandShift | USRQUOTA;
  constexpr std::uint32_t kLast = UINT32_MAX - 1;  // the one behind is nobody
  std::uint32_t next = 0;
  for (;;) {
    if_nextdqblk found = {};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): glibc has no wrapper
    if (::syscall(SYS_quotactl_fd, fd, kNext, next, &found) < 0) {
      if (errno == ENOENT) return {};
      return core::fail(errno, "quotactl_fd");
    }
    each(found.dqb_id, std::uint64_t{found.dqb_curspace});
    if (found.dqb_id >= kLast) return {};
    next = found.dqb_id + 1;
  }
}

}  // namespace sys
