// SPDX-License-Identifier: Apache-2.0
// What the reaper holds for the store: the few descriptors that must outlive
// supervisor and store together. Every new store is given them before anybody
// can ask it.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "reaper/keeper.h"
#include "reaper/protocol.h"
#include "sys/unique_fd.h"

namespace reaper {

class Holdings {
 public:
  /// Holds `fd` by that name, in the place of an earlier one; not open: no
  /// more. False: there is no room.
  [[nodiscard]] bool hold(std::string_view name, sys::UniqueFd fd) {
    Held* place = find(name);
    if (place == nullptr && fd.is_open()) place = find("");
    if (place == nullptr) return !fd.is_open();
    place->name = fd.is_open() ? store_name(name) : StoreName();
    place->fd = std::move(fd);
    return true;
  }

  void give_to(Keeper& keeper) const {
    for (const Held& held : held_)
      if (held.fd.is_open()) keeper.keep(name_of(held), held.fd);
  }

 private:
  struct Held {
    StoreName name;
    sys::UniqueFd fd;
  };

  static std::string_view name_of(const Held& held) {
    return {held.name.name, ::strnlen(held.name.name, kStoreName)};
  }
  [[nodiscard]] Held* find(std::string_view name) {
    for (Held& held : held_)
      if (name_of(held) == name) return &held;
    return nullptr;
  }

  Held held_[kMostHeld];
};

}  // namespace reaper
