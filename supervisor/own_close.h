// SPDX-License-Identifier: Apache-2.0
// Who closes what clients handed in, for the whole of corrald.
#pragma once

#include "supervisor/closer.h"

namespace supervisor {

/// As long as it lives what is marked (sys/foreign_fds.h) is closed by its
/// Closer, whoever in this program calls close(2); else at once, as everywhere.
class ForeignCloses {
 public:
  explicit ForeignCloses(EventLoop& loop);
  ForeignCloses(const ForeignCloses&) = delete;
  ForeignCloses& operator=(const ForeignCloses&) = delete;
  ~ForeignCloses();

 private:
  Closer closer_;
};

}  // namespace supervisor
