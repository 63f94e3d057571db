// SPDX-License-Identifier: Apache-2.0
// Consolidated records by their keys, in the order in which the keys came.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "accounting/csa_summary_layout.h"
#include "accounting/exact_sum.h"

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

/// A record whose money is summed up apart: units of processes by the million,
/// of which each rounds a little away.
struct Charge {
  csa::Consolidated use = {};  ///< all but `sbu` and `fee`
  ExactSum units;
  ExactSum fee;

  [[nodiscard]] csa::Consolidated record() const {
    csa::Consolidated whole = use;
    whole.sbu = units.value();
    whole.fee = fee.value();
    return whole;
  }
};

/// Of a key what counts; the rest is as of nobody.
ChargeKey reduced(const ChargeKey& key, const KeyParts& parts);

class ChargeTable {
 public:
  /// The first record whose key is `key` in the `parts` that count; made with
  /// the whole key if there is none. Stays where it is only until the next
  /// call.
  Charge& find(const ChargeKey& key, const KeyParts& parts);

  /// A new record.
  Charge& add(const ChargeKey& key);

  [[nodiscard]] const std::vector<Charge>& charges() const { return charges_; }
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

  std::vector<Charge> charges_;
  std::map<unsigned, std::pair<KeyParts, Index>> indices_;
  std::size_t last_ = 0;  ///< what was found last, by these
  ChargeKey last_key_;
  unsigned last_parts_ = 0;
};

}  // namespace accounting
