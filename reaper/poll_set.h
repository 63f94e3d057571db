// SPDX-License-Identifier: Apache-2.0
// PollSet: the descriptors of one poll(2). Only open ones are in it: poll
// refuses a list that is longer than RLIMIT_NOFILE, closed places included.
#pragma once

#include <poll.h>

#include <cstddef>

#include "core/quantity.h"

namespace reaper {

inline pollfd to_poll(int fd, short events) {
  return {.fd = fd, .events = events, .revents = 0};
}

/// Whether there is something to read from `fd` before `most` has passed.
[[nodiscard]] inline bool is_ready_within(int fd, core::Microseconds most) {
  pollfd poll = to_poll(fd, POLLIN);
  return ::poll(&poll, 1, static_cast<int>(most.raw() / 1000)) > 0;
}

template <std::size_t kMost>
class PollSet {
 public:
  /// Adds a descriptor, which may be -1; returns its place.
  std::size_t add(int fd, short events) {
    if (fd < 0 || size_ == kMost) return kMost;
    polls_[size_] = to_poll(fd, events);
    return size_++;
  }

  /// Waits; -1 ms is for ever. Whether any is ready.
  [[nodiscard]] bool wait(int milliseconds) {
    return ::poll(polls_, static_cast<nfds_t>(size_), milliseconds) > 0;
  }

  [[nodiscard]] bool is_ready(std::size_t place) const {
    return place < size_ && polls_[place].revents != 0;
  }

 private:
  pollfd polls_[kMost] = {};
  std::size_t size_ = 0;
};

}  // namespace reaper
