// SPDX-License-Identifier: Apache-2.0
// PathWatch: learns by inotify(7) when it may be worth trying to connect to a
// socket's path again: the socket is made, moved there or made accessible, or a
// directory on the way to it appears. Events say "try", nothing more.
#pragma once

#include <string>

#include "sys/unique_fd.h"

namespace bus {

class PathWatch {
 public:
  [[nodiscard]] static core::Result<PathWatch> make();

  /// Readable when something has happened.
  [[nodiscard]] int fd() const { return inotify_.get(); }
  /// Watches the nearest directory above `path` that exists. To be called
  /// before each try, so that nothing between try and wait is missed. Errors:
  /// those of inotify_add_watch(2), ENOSPC among them.
  [[nodiscard]] core::Result<void> arm(const std::string& path);
  /// Forgets what has happened.
  void drain();

 private:
  explicit PathWatch(sys::UniqueFd inotify) : inotify_(std::move(inotify)) {}
  sys::UniqueFd inotify_;
};

}  // namespace bus
