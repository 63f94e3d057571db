// SPDX-License-Identifier: Apache-2.0
// Amounts with their unit in the type. Time points are values handed in; the
// core never asks a clock.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

namespace core {

/// An amount of one unit: sums and comparisons stay within the unit.
template <class Tag>
class Amount {
 public:
  constexpr Amount() = default;
  constexpr explicit Amount(std::uint64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t raw() const { return value_; }
  friend constexpr auto operator<=>(Amount, Amount) = default;
  friend constexpr Amount operator+(Amount a, Amount b) {
    return Amount(a.value_ + b.value_);
  }
  /// Never below zero.
  friend constexpr Amount operator-(Amount a, Amount b) {
    return Amount(a.value_ > b.value_ ? a.value_ - b.value_ : 0);
  }

 private:
  std::uint64_t value_ = 0;
};

using Bytes = Amount<struct BytesTag>;
using Microseconds = Amount<struct MicrosecondsTag>;

constexpr Microseconds milliseconds(std::uint64_t n) {
  return Microseconds(n * 1000);
}
constexpr Microseconds seconds(std::uint64_t n) {
  return Microseconds(n * 1000000);
}

/// A point of CLOCK_BOOTTIME, in microseconds: for durations and timers.
class BootTime {
 public:
  constexpr BootTime() = default;
  constexpr explicit BootTime(std::uint64_t microseconds)
      : microseconds_(microseconds) {}
  [[nodiscard]] constexpr std::uint64_t raw() const { return microseconds_; }
  friend constexpr auto operator<=>(BootTime, BootTime) = default;
  friend constexpr BootTime operator+(BootTime t, Microseconds d) {
    return BootTime(t.microseconds_ + d.raw());
  }
  friend constexpr Microseconds operator-(BootTime a, BootTime b) {
    return Microseconds(a.microseconds_) - Microseconds(b.microseconds_);
  }

 private:
  std::uint64_t microseconds_ = 0;
};

/// Later than any other.
inline constexpr BootTime kEndOfTime{~std::uint64_t{0}};

/// A point of CLOCK_REALTIME, in microseconds since 1970: for records only.
class RealTime {
 public:
  constexpr RealTime() = default;
  constexpr explicit RealTime(std::uint64_t microseconds)
      : microseconds_(microseconds) {}
  [[nodiscard]] constexpr std::uint64_t raw() const { return microseconds_; }
  friend constexpr auto operator<=>(RealTime, RealTime) = default;

 private:
  std::uint64_t microseconds_ = 0;
};

/// When something happened, on both clocks.
struct Moment {
  BootTime boot;
  RealTime real;
};

/// A counter that may not have been collected. Absent is not zero.
template <class T>
using Maybe = std::optional<T>;

}  // namespace core
