// SPDX-License-Identifier: Apache-2.0
// Handle: an owned descriptor number that crosses the port. The core does no
// system calls, so whoever makes a handle says how it is closed
// (sys/unique_fd.h converts to and from it).
#pragma once

#include <utility>

namespace core {

class Handle {
 public:
  using Closer = void (*)(int);

  Handle() = default;
  Handle(int number, Closer closer) : number_(number), closer_(closer) {}
  Handle(Handle&& other) noexcept
      : number_(std::exchange(other.number_, -1)), closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
      closer_ = other.closer_;
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { reset(); }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }
  void reset() {
    // The analyser does not see through vectors and std::expected.
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
    if (number_ >= 0 && closer_ != nullptr) closer_(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
  Closer closer_ = nullptr;
};

}  // namespace core
