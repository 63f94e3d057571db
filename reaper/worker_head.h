// SPDX-License-Identifier: Apache-2.0
// The head of each packet between the supervisor and a worker of its own.
#pragma once

#include <cstdint>

namespace reaper {

/// Before the body of a request and of its answer.
struct WorkerHead {
  std::uint64_t id = 0;
  std::int32_t code = 0;  ///< of an answer: an errno, 0 if it was done
  std::uint32_t reserved = 0;
};
static_assert(sizeof(WorkerHead) == 16);

}  // namespace reaper
