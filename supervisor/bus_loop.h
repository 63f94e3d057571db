// SPDX-License-Identifier: Apache-2.0
// The supervisor's event loop, as bus/ wants a loop.
#pragma once

#include <poll.h>

#include <functional>
#include <memory>
#include <utility>

#include "bus/loop_hooks.h"
#include "supervisor/event_loop.h"

namespace supervisor {

inline Readiness readiness_of(short events) {
  return static_cast<Readiness>(((events & POLLIN) != 0 ? 1 : 0) |
                                ((events & POLLOUT) != 0 ? 2 : 0));
}

class BusWatch final : public bus::LoopWatch {
 public:
  BusWatch(EventLoop& loop, int fd, short events, std::function<void()> ready)
      : watch_(loop, fd, readiness_of(events),
               [ready = std::move(ready)](Readiness) { ready(); }) {}
  void want(short events) override { watch_.want(readiness_of(events)); }

 private:
  IoWatch watch_;
};

class BusTimer final : public bus::LoopTimer {
 public:
  BusTimer(EventLoop& loop, std::function<void()> passed)
      : timer_(loop, std::move(passed)) {}
  void set(core::BootTime deadline) override { timer_.set(deadline); }
  void clear() override { timer_.clear(); }

 private:
  Timer timer_;
};

class BusLoop final : public bus::LoopHooks {
 public:
  explicit BusLoop(EventLoop& loop) : loop_(loop) {}
  std::unique_ptr<bus::LoopWatch> watch(int fd, short events,
                                        std::function<void()> ready) override {
    return std::make_unique<BusWatch>(loop_, fd, events, std::move(ready));
  }
  std::unique_ptr<bus::LoopTimer> timer(std::function<void()> passed) override {
    return std::make_unique<BusTimer>(loop_, std::move(passed));
  }
  void defer(std::function<void()> call) override {
    loop_.defer(std::move(call));
  }

 private:
  EventLoop& loop_;
};

}  // namespace supervisor
