// SPDX-License-Identifier: Apache-2.0
// The store's memory: name -> descriptor. Nothing is allocated, and an empty
// table is all zero bytes, so that it costs neither the program's file nor,
// before it is used, memory: numbers are kept off by one. A place keeps its
// number while it is taken, so that a listing under way misses nothing when
// others come and go.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "core/checksum.h"
#include "reaper/protocol.h"
#include "sys/unique_fd.h"

namespace reaper {

class StoreTable {
 public:
  static constexpr std::uint32_t kCapacity = 32768;

  /// Keeps a descriptor, closing an earlier one of that name. False if there
  /// is no room.
  [[nodiscard]] bool put(std::string_view name, sys::UniqueFd fd) {
    const std::uint32_t link = find_link(name);
    if (index_[link] != kNone) {
      places_[index_[link]].close();
      places_[index_[link]].fd_and_one = fd.release() + 1;
      return true;
    }
    const std::uint32_t place = take_place();
    if (place == kNone) return false;
    places_[place].name = StoreName();
    std::memcpy(places_[place].name.name, name.data(), name.size());
    places_[place].fd_and_one = fd.release() + 1;
    index_[link] = place;
    ++size_;
    return true;
  }

  void drop(std::string_view name) {
    const std::uint32_t link = find_link(name);
    const std::uint32_t place = index_[link];
    if (place == kNone) return;
    places_[place].close();
    places_[place].next_free = first_free_;
    first_free_ = place + 1;
    --size_;
    close_gap(link);
  }

  /// The place of a name, kNone if it is not kept.
  [[nodiscard]] std::uint32_t find(std::string_view name) const {
    return index_[find_link(name)];
  }
  /// The first taken place from `place` on, kNone if there is none.
  [[nodiscard]] std::uint32_t taken_from(std::uint32_t place) const {
    for (; place < used_; ++place)
      if (places_[place].fd_and_one != 0) return place;
    return kNone;
  }
  [[nodiscard]] const StoreName& name_at(std::uint32_t place) const {
    return places_[place].name;
  }
  [[nodiscard]] int fd_at(std::uint32_t place) const {
    return places_[place].fd_and_one - 1;
  }
  [[nodiscard]] std::uint32_t size() const { return size_; }

  static constexpr std::uint32_t kNone = ~0U;

 private:
  struct Place {
    void close() {
      if (fd_and_one != 0) (void)::close(fd_and_one - 1);
      fd_and_one = 0;
    }
    StoreName name;
    std::int32_t fd_and_one = 0;  ///< 0: the place is free
    std::uint32_t next_free = 0;  ///< as first_free_
  };
  /// Never full: twice the places.
  static constexpr std::uint32_t kLinks = kCapacity * 2;

  class Entry {
   public:
    // NOLINTNEXTLINE(google-explicit-constructor): it is that number
    operator std::uint32_t() const { return value_ - 1; }
    Entry& operator=(std::uint32_t place) {
      value_ = place + 1;
      return *this;
    }

   private:
    std::uint32_t value_ = 0;
  };

  static std::uint32_t home_of(std::string_view name) {
    return core::crc32c(std::as_bytes(std::span(name))) % kLinks;
  }
  static std::uint32_t after(std::uint32_t link) { return (link + 1) % kLinks; }

  /// Where the name is in the index, or where it would be put.
  [[nodiscard]] std::uint32_t find_link(std::string_view name) const {
    std::uint32_t link = home_of(name);
    while (index_[link] != kNone &&
           std::string_view(places_[index_[link]].name.name) != name)
      link = after(link);
    return link;
  }

  [[nodiscard]] std::uint32_t take_place() {
    if (first_free_ != 0) {
      const std::uint32_t place = first_free_ - 1;
      first_free_ = places_[place].next_free;
      return place;
    }
    return used_ < kCapacity ? used_++ : kNone;
  }

  /// Moves back what probing would no longer reach.
  void close_gap(std::uint32_t hole) {
    for (std::uint32_t at = after(hole); index_[at] != kNone; at = after(at)) {
      const std::uint32_t home =
          home_of(std::string_view(places_[index_[at]].name.name));
      if ((at - home) % kLinks < (at - hole) % kLinks) continue;
      index_[hole] = index_[at];
      hole = at;
    }
    index_[hole] = kNone;
  }

  Place places_[kCapacity];
  Entry index_[kLinks];
  std::uint32_t used_ = 0;
  std::uint32_t first_free_ = 0;  ///< a place and one; 0: there is none
  std::uint32_t size_ = 0;
};

}  // namespace reaper
