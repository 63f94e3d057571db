// SPDX-License-Identifier: Apache-2.0
// The orders that are under way or answered and not yet acknowledged. Each is
// answered from here however often it is repeated; none is carried out twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/ids.h"
#include "core/launch_stage.h"
#include "core/quantity.h"
#include "reaper/protocol.h"
#include "sys/pid_fd.h"
#include "sys/unique_fd.h"

namespace reaper {

struct OpenOrder {
  enum class State : std::uint32_t { kFree = 0, kUnderWay, kAnswered };

  State state = State::kFree;
  bool is_wanted = false;  ///< the answer is still to be sent
  std::uint64_t epoch = 0;
  std::uint64_t order = 0;
  core::Pid pid;                ///< 0: there is no process
  core::LaunchFailure failure;  ///< kNone: it runs
  core::BootTime deadline;      ///< 0: none
  core::BootTime cloned;        ///< 0: by an image of the reaper before
  sys::PidFd pidfd;
  sys::UniqueFd report;  ///< while it is under way
};

class OpenOrders {
 public:
  [[nodiscard]] OpenOrder* find(std::uint64_t epoch, std::uint64_t order) {
    for (OpenOrder& open : orders_)
      if (open.state != OpenOrder::State::kFree && open.epoch == epoch &&
          open.order == order)
        return &open;
    return nullptr;
  }
  /// The order under way that made this process.
  [[nodiscard]] OpenOrder* find_under_way(core::Pid pid) {
    for (OpenOrder& open : orders_)
      if (open.state == OpenOrder::State::kUnderWay && open.pid == pid)
        return &open;
    return nullptr;
  }
  [[nodiscard]] OpenOrder* find_free() {
    for (OpenOrder& open : orders_)
      if (open.state == OpenOrder::State::kFree) return &open;
    return nullptr;
  }
  [[nodiscard]] std::span<OpenOrder, kOpenOrders> all() { return orders_; }
  [[nodiscard]] std::size_t index_of(const OpenOrder& order) const {
    return static_cast<std::size_t>(&order - orders_);
  }

 private:
  OpenOrder orders_[kOpenOrders];
};

}  // namespace reaper
