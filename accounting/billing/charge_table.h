// SPDX-License-Identifier: Apache-2.0
// Consolidated records by their keys, in the order in which the keys came.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "accounting/csa_summary_layout.h"

namespace accounting {

/// Whose use it is. What does not count is kNoId.
struct ChargeKey {
  std::uint32_t uid = csa::kNoId;
  std::uint32_t gid = csa::kNoId;
  std::uint64_t prid = csa::kNoLongId;
  std::uint64_t jid = csa::kNoLongId;

  bool operator==(const ChargeKey&) const = default;
};

/// Which parts of a key are compared.
struct KeyParts {
  bool uid = false;
  bool gid = false;
  bool prid = false;
  bool jid = false;

  [[nodiscard]] unsigned bits() const {
    return (uid ? 1U : 0) | (gid ? 2U : 0) | (prid ? 4U : 0) | (jid ? 8U : 0);
  }
};

class ChargeTable {
 public:
  /// The first record whose key is `key` in the `parts` that count; made with
  /// the whole key if there is none. Stays where it is only until the next
  /// call.
  csa::Consolidated& find(const ChargeKey& key, const KeyParts& parts);

  /// A new record.
  csa::Consolidated& add(const ChargeKey& key);

  [[nodiscard]] const std::vector<csa::Consolidated>& records() const {
    return records_;
  }
  void clear();

 private:
  struct Hash {
    std::size_t operator()(const ChargeKey& key) const {
      constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15;
      std::uint64_t hash = key.jid * kPrime;
      hash = (hash ^ (hash >> 32U) ^ key.prid) * kPrime;
      hash = (hash ^ (hash >> 32U) ^ key.uid) * kPrime;
      return static_cast<std::size_t>((hash ^ (hash >> 29U) ^ key.gid) *
                                      kPrime);
    }
  };
  using Index = std::unordered_map<ChargeKey, std::size_t, Hash>;
  Index& index_of(const KeyParts& parts);

  std::vector<csa::Consolidated> records_;
  std::map<unsigned, std::pair<KeyParts, Index>> indices_;
  std::size_t last_ = 0;  ///< what was found last, by these
  ChargeKey last_key_;
  unsigned last_parts_ = 0;
};

}  // namespace accounting
