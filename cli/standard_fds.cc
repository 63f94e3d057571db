// SPDX-License-Identifier: Apache-2.0
#include "cli/standard_fds.h"

#include <fcntl.h>
#include <unistd.h>

namespace cli {

void hold_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // open(2) takes the lowest free number, which is `fd`. If it fails, the
    // worst is what happens to every program with a closed descriptor.
    (void)::open("/", O_PATH | O_CLOEXEC);
  }
}

bool was_open(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_PATH) == 0;
}

}  // namespace cli
