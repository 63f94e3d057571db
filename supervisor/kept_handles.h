// SPDX-License-Identifier: Apache-2.0
// The descriptors of live jobs. Each is in the store too, under the job's path
// name and the handle's kind ("j00000000000000a1.main"), so that the next
// supervisor has them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/ids.h"
#include "supervisor/store_link.h"

namespace supervisor {

enum class HandleKind : std::uint8_t {
  kInput,     ///< standard input that the job was lent
  kOutput,    ///< standard output
  kError,     ///< standard error
  kLink,      ///< our end of its scope's link
  kScope,     ///< the scope's end, until a scope that we ordered has begun
  kMain,      ///< the main process's pidfd
  kPlace,     ///< see ScopePlaces: where a first process says who it is,
  kGate,      ///< where it waits until it was moved,
  kTaker,     ///< and a pidfd of its parent
  kLifetime,  ///< the lifeline of a job that ends with its creator
  kLast = kLifetime,
};

class KeptHandles {
 public:
  explicit KeptHandles(StoreLink& store) : store_(store) {}

  /// Keeps it here and in the store (StoreLink::put_soon).
  void put(core::JobId jid, HandleKind kind, sys::UniqueFd fd);
  /// -1: there is none.
  [[nodiscard]] int find(core::JobId jid, HandleKind kind) const;
  /// It stays open as long as somebody has it, dropped or not. Null: none.
  [[nodiscard]] std::shared_ptr<const sys::UniqueFd> share(
      core::JobId jid, HandleKind kind) const;
  void drop(core::JobId jid, HandleKind kind);
  void drop_all(core::JobId jid);

  /// What a store gave back. False: the name is none of ours.
  [[nodiscard]] bool adopt(std::string_view name, sys::UniqueFd fd);
  /// Drops the handles of jobs for which `is_live` says no.
  template <class IsLive>
  void drop_unless(const IsLive& is_live) {
    for (auto at = handles_.begin(); at != handles_.end();) {
      const auto [jid, kind] = at->first;
      ++at;
      if (!is_live(jid)) drop(jid, kind);
    }
  }
  /// What was put is on its way to the store: before what relies on it.
  void flush() { store_.flush(); }
  /// A new store knows nothing: puts all again.
  void put_again();

  [[nodiscard]] static std::string name_of(core::JobId jid, HandleKind kind);

 private:
  using Key = std::pair<core::JobId, HandleKind>;
  StoreLink& store_;
  std::map<Key, std::shared_ptr<const sys::UniqueFd>> handles_;
};

}  // namespace supervisor
