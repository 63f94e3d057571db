// SPDX-License-Identifier: Apache-2.0
// Crowd: whether so many processes end at once that it is cheaper to look for
// the dead again a little later than to be woken by each. A wake-up costs as
// much as half a reaping, and while we wake up the next one ends.
#pragma once

#include <cstdint>

#include "core/quantity.h"

namespace reaper {

class Crowd {
 public:
  /// When to look again; signals other than SIGCHLD do not wait for that.
  static constexpr core::Microseconds kPause = core::Microseconds(250);

  /// `count` were reaped in one go that ended at `now`. A look that finds one
  /// or nobody ends the crowd.
  constexpr void note(unsigned count, core::BootTime now) {
    if (now - since_ > kWindow) {
      since_ = now;
      count_ = 0;
    }
    count_ += count;
    const bool was_here = is_here_;
    is_here_ = was_here ? count > 1 : count_ >= kMany;
    if (was_here && !is_here_) count_ = 0;
  }

  [[nodiscard]] constexpr bool is_here() const { return is_here_; }

 private:
  static constexpr core::Microseconds kWindow = core::milliseconds(10);
  static constexpr unsigned kMany = 16;  ///< in a window; a pipeline is less

  core::BootTime since_;
  unsigned count_ = 0;
  bool is_here_ = false;
};

/// Of those that end at once, the few that are worth a look.
class FirstFew {
 public:
  /// Whether one that is found dead `now` is among the first of its window.
  constexpr bool takes(core::BootTime now) {
    if (now - since_ > kWindow) {
      since_ = now;
      count_ = 0;
    }
    return count_ < kMost && ++count_ != 0;
  }

 private:
  static constexpr core::Microseconds kWindow = core::milliseconds(10);
  static constexpr unsigned kMost = 8;

  core::BootTime since_;
  unsigned count_ = 0;
};

}  // namespace reaper
