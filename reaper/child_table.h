// SPDX-License-Identifier: Apache-2.0
// Which launch made which child: pid -> {job, order}, for the records of their
// ends. A table of fixed size with linear probing; pids follow one another, so
// few pages of it are ever touched. When it is full a child is not remembered:
// its record then names the job by its cgroup alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/ids.h"

namespace reaper {

struct KnownChild {
  std::int32_t pid = 0;  ///< 0: the place is free
  std::uint32_t reserved = 0;
  std::uint64_t jid = 0;
  std::uint64_t order = 0;
};

class ChildTable {
 public:
  static constexpr std::size_t kCapacity = 32768;

  /// False if there is no room.
  bool remember(const KnownChild& child) {
    if (size_ >= kMost) return false;
    std::size_t at = home_of(child.pid);
    while (places_[at].pid != 0 && places_[at].pid != child.pid)
      at = after(at);
    if (places_[at].pid == 0) ++size_;
    places_[at] = child;
    return true;
  }

  [[nodiscard]] KnownChild find(core::Pid pid) const {
    for (std::size_t at = home_of(pid.raw()); places_[at].pid != 0;
         at = after(at))
      if (places_[at].pid == pid.raw()) return places_[at];
    return {};
  }

  void forget(core::Pid pid) {
    std::size_t hole = home_of(pid.raw());
    while (places_[hole].pid != pid.raw()) {
      if (places_[hole].pid == 0) return;
      hole = after(hole);
    }
    close_gap(hole);
    --size_;
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const KnownChild& child : places_)
      if (child.pid != 0) visit(child);
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kMost = kCapacity - kCapacity / 8;

  static constexpr std::size_t home_of(std::int32_t pid) {
    return static_cast<std::uint32_t>(pid) % kCapacity;
  }
  static constexpr std::size_t after(std::size_t at) {
    return (at + 1) % kCapacity;
  }

  /// Moves back what probing would no longer reach.
  void close_gap(std::size_t hole) {
    for (std::size_t at = after(hole); places_[at].pid != 0; at = after(at)) {
      const std::size_t home = home_of(places_[at].pid);
      const std::size_t distance = (at - home) % kCapacity;
      if (distance < (at - hole) % kCapacity) continue;
      places_[hole] = places_[at];
      hole = at;
    }
    places_[hole] = {};
  }

  KnownChild places_[kCapacity] = {};
  std::size_t size_ = 0;
};

}  // namespace reaper
