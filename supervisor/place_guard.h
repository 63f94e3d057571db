// SPDX-License-Identifier: Apache-2.0
// Tells when something was removed from a directory or moved in or out: an
// instance's socket and its lock are put again (main.cc).
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

 private:
  PlaceGuard(sys::UniqueFd inotify, IoWatch watch)
      : inotify_(std::move(inotify)), watch_(std::move(watch)) {}

  sys::UniqueFd inotify_;
  IoWatch watch_;
};

}  // namespace supervisor
