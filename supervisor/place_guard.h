// SPDX-License-Identifier: Apache-2.0
// Tells when something was removed from a directory or moved in or out, or the
// directory itself was: an instance's socket and its lock are put again
// (main.cc).
//
// A removed directory that we hold open (the lock is on it) tells nothing of
// its own end; but something is removed from it before.
#pragma once

#include <functional>
#include <string>

#include "core/error.h"
#include "supervisor/event_loop.h"
#include "sys/unique_fd.h"

namespace supervisor {

class PlaceGuard {
 public:
  /// Errors: those of inotify_init(2) and inotify_add_watch(2).
  [[nodiscard]] static core::Result<PlaceGuard> make(
      EventLoop& loop, const std::string& directory,
      std::function<void()> on_change);

  /// Watches what is at the directory's path now. Errors: those of
  /// inotify_add_watch(2); then what was watched before is.
  [[nodiscard]] core::Result<void> renew();

 private:
  PlaceGuard(std::string directory, sys::UniqueFd inotify, IoWatch watch)
      : directory_(std::move(directory)),
        inotify_(std::move(inotify)),
        watch_(std::move(watch)) {}

  std::string directory_;
  sys::UniqueFd inotify_;
  IoWatch watch_;
  int directory_watch_ = -1;  ///< inotify's number of it
};

}  // namespace supervisor
