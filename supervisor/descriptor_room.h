// SPDX-License-Identifier: Apache-2.0
// Whether the supervisor's table of descriptors has room for one more job. A
// launch takes some for a moment (output, cgroup, pidfd, what goes to a worker
// and to the reaper), and what has begun has not taken its own yet. A part of
// the table is kept for root, who must be able to look and to end jobs in an
// instance that its users have filled (getrlimit(2), RLIMIT_NOFILE).
#pragma once

#include <cstddef>

namespace supervisor {

class DescriptorRoom {
 public:
  /// `limit`: as many as this process may have.
  explicit DescriptorRoom(std::size_t limit) : limit_(limit) {}
  /// This process' own bound.
  static DescriptorRoom of_process();

  /// `starting` of the `live` jobs have been accepted and not begun to run.
  /// Asks the kernel only where the numbers alone do not tell.
  [[nodiscard]] bool has_room(std::size_t live, std::size_t starting) const;
  [[nodiscard]] std::size_t limit() const { return limit_; }

 private:
  std::size_t limit_;
};

}  // namespace supervisor
