// SPDX-License-Identifier: Apache-2.0
// Command summaries by name, in the order in which the names came.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "accounting/billing/sbu.h"
#include "accounting/csa_summary_layout.h"
#include "accounting/records/entry.h"

namespace accounting {

/// The largest process of a command. A summary has only the sum of all, which
/// is what the published programs keep there.
struct LargestUse {
  double core = 0;  ///< KB
  double virt = 0;
};

/// What a process adds to the sums of its command. It can be reckoned before
/// the processes ahead of it are added, by another thread.
struct CommandShare {
  enum class Part : std::uint8_t {
    kPrime,     ///< all of its time is prime
    kNonprime,  ///< none is
    kBoth,      ///< its prime part; the next share is the other one
  };
  Part part = Part::kPrime;
  bool has_memory = false;
  char name[16] = {};
  csa::CommandUse use = {};
};

/// Not for two threads at a time.
class CommandReckoner {
 public:
  explicit CommandReckoner(const BillingRules& rules) : biller_(rules) {}
  /// Puts the share, or both shares, of a process behind the others.
  void add(const Entry& process, std::vector<CommandShare>& shares);

 private:
  Biller biller_;
};

class CommandTable {
 public:
  /// In the order of the processes: sums of doubles depend on it.
  void add(const std::vector<CommandShare>& shares);
  void add(const csa::CommandSummary& summary);

  /// Puts commands that ran once together under one name, the last.
  void join_singles();

  [[nodiscard]] std::vector<csa::CommandSummary>& summaries() {
    return summaries_;
  }
  [[nodiscard]] const LargestUse& largest_of(std::size_t index) const {
    return largest_[index];
  }
  /// False: a summary was added, of which only sums are known.
  [[nodiscard]] bool knows_largest() const { return knows_largest_; }

 private:
  /// Fifteen characters of a name, and zeroes.
  struct NameKey {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    bool operator==(const NameKey&) const = default;
  };
  struct NameHash {
    std::size_t operator()(const NameKey& key) const {
      constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15;
      const std::uint64_t hash = (key.first * kPrime ^ key.second) * kPrime;
      return static_cast<std::size_t>(hash ^ (hash >> 32U));
    }
  };
  std::size_t place_of(std::string_view name);
  std::size_t place_of_new(std::string_view name);

  std::vector<csa::CommandSummary> summaries_;
  std::vector<LargestUse> largest_;
  std::unordered_map<NameKey, std::size_t, NameHash> by_name_;
  NameKey last_key_;
  std::size_t last_ = SIZE_MAX;
  bool knows_largest_ = true;
};

/// Adds all numbers of one to the other.
void add_use(csa::CommandUse& to, const csa::CommandUse& from);

}  // namespace accounting
