// SPDX-License-Identifier: Apache-2.0
// Rare: an optional value that most do not have. While it is absent it takes
// the room of a pointer; it is copied with what holds it.
#pragma once

#include <memory>
#include <utility>

namespace core {

template <class T>
class Rare {
 public:
  Rare() = default;
  Rare(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Rare(const Rare& other)
      : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Rare() = default;

  [[nodiscard]] bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }

  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return value_.get(); }
  T* operator->() { return value_.get(); }

  void reset() { value_.reset(); }
  T& emplace(T value) {
    *this = Rare(std::move(value));
    return *value_;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace core
