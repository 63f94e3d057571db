// SPDX-License-Identifier: Apache-2.0
#include "supervisor/place_guard.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace supervisor {

namespace {

constexpr std::uint32_t kMask = IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

/// Reads all events. Whether one is of anything but a file that is made ready
/// beside its place (".new"), which is our own doing.
bool has_changed(int inotify) {
  alignas(inotify_event) char events[4096];
  bool has_changed = false;
  for (ssize_t size = 0; (size = ::read(inotify, events, sizeof events)) > 0;) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event = {};
      std::memcpy(&event, events + at, sizeof event);
      const char* const name = events + at + sizeof event;
      has_changed |= event.len == 0 || *name != '.';
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  return has_changed;
}

}  // namespace

core::Result<PlaceGuard> PlaceGuard::make(EventLoop& loop,
                                          const std::string& directory,
                                          std::function<void()> on_change) {
  sys::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.is_open()) return core::fail(errno, "inotify_init");
  const int fd = inotify.get();
  IoWatch watch(loop, fd, Readiness::kRead,
                [fd, on_change = std::move(on_change)](Readiness) {
                  if (has_changed(fd)) on_change();
                });
  PlaceGuard guard(directory, std::move(inotify), std::move(watch));
  TRY(guard.renew());
  return guard;
}

core::Result<void> PlaceGuard::renew() {
  const int now =
      ::inotify_add_watch(inotify_.get(), directory_.c_str(), kMask);
  if (now < 0) return core::fail(errno, "inotify_add_watch", directory_);
  // It is the same number for the same directory. That of a removed one has
  // gone with it.
  if (directory_watch_ >= 0 && directory_watch_ != now)
    (void)::inotify_rm_watch(inotify_.get(), directory_watch_);
  directory_watch_ = now;
  return {};
}

}  // namespace supervisor
