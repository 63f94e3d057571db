// SPDX-License-Identifier: Apache-2.0
// At most one accounting run at a time: nite/lock. It is held by an open
// descriptor (fcntl(2), F_OFD_SETLK), so what a killed run left is no
// hindrance; the file goes when the run ends by itself.
#pragma once

#include <string>

#include "accounting/text/console.h"
#include "sys/unique_fd.h"

namespace accounting {

class RunLock {
 public:
  /// Gives up if another run holds it; `program` is who asks.
  [[nodiscard]] static Outcome<RunLock> take(const std::string& path,
                                             const std::string& program);
  RunLock(RunLock&&) noexcept = default;
  RunLock& operator=(RunLock&&) = delete;
  ~RunLock();

  /// When the run began that was killed with the lock in its hand; "": none.
  [[nodiscard]] const std::string& leftover() const { return leftover_; }

 private:
  RunLock(sys::UniqueFd file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  sys::UniqueFd file_;
  std::string path_;
  std::string leftover_;
};

}  // namespace accounting
