// SPDX-License-Identifier: Apache-2.0
#include "bus/path_watch.h"

#include <sys/inotify.h>

#include <cerrno>

namespace bus {

core::Result<PathWatch> PathWatch::make() {
  sys::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.is_open()) return core::fail(errno, "inotify_init");
  return PathWatch(std::move(inotify));
}

core::Result<void> PathWatch::arm(const std::string& path) {
  constexpr std::uint32_t kMask = IN_CREATE | IN_MOVED_TO | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  std::string directory = path;
  while (true) {
    const std::size_t slash = directory.find_last_of('/');
    directory.resize(slash == std::string::npos ? 0 : slash);
    const char* name = directory.c_str();
    if (directory.empty()) name = path.starts_with('/') ? "/" : ".";
    if (::inotify_add_watch(inotify_.get(), name, kMask) >= 0) return {};
    const int code = errno;
    if ((code != ENOENT && code != ENOTDIR && code != EACCES) ||
        directory.empty())
      return core::fail(code, "inotify_add_watch", name);
  }
}

void PathWatch::drain() {
  alignas(inotify_event) char events[4096];
  while (::read(inotify_.get(), events, sizeof events) > 0) {
  }
}

}  // namespace bus
