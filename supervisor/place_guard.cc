// SPDX-License-Identifier: Apache-2.0
#include "supervisor/place_guard.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace supervisor {

core::Result<PlaceGuard> PlaceGuard::make(EventLoop& loop,
                                          const std::string& directory,
                                          std::function<void()> on_change) {
  sys::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.is_open()) return core::fail(errno, "inotify_init");
  constexpr std::uint32_t kMask =
      IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
  if (::inotify_add_watch(inotify.get(), directory.c_str(), kMask) < 0)
    return core::fail(errno, "inotify_add_watch", directory);
  const int fd = inotify.get();
  IoWatch watch(loop, fd, Readiness::kRead,
                [fd, on_change = std::move(on_change)](Readiness) {
                  alignas(inotify_event) char events[4096];
                  while (::read(fd, events, sizeof events) > 0) {
                  }
                  on_change();
                });
  return PlaceGuard(std::move(inotify), std::move(watch));
}

}  // namespace supervisor
