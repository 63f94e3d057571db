// SPDX-License-Identifier: Apache-2.0
// System billing units, by the published formula, in double precision:
//   sum over time, memory, I/O and delays of
//     P_BASIC * P_k * p * k(P weights) + NP_BASIC * NP_k * q * k(NP weights)
// where p is the part of the elapsed time that is prime, q = 1 - p.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/billing/csa_conf.h"
#include "accounting/billing/holidays.h"
#include "accounting/records/entry.h"

namespace accounting {

/// The weights of one part of the day.
struct Weights {
  double basic = 0;
  double time = 0;
  double stime = 0;
  double utime = 0;
  double mem = 0;
  double xmem = 0;
  double vmem = 0;
  double io = 0;
  double cio = 0;
  double lio = 0;
  double delay = 0;
  double cpudelay = 0;
  double blkdelay = 0;
  double swpdelay = 0;
};

/// What billing is made by, read once from csa.conf.
struct BillingRules {
  int memory_integral = 1;  ///< MEMINT, 1 to 3
  Weights prime;
  Weights nonprime;
  Holidays holidays;
};

enum class MissingWeights : std::uint8_t { kTold, kNotTold };

/// The holidays file that csa.conf names, or the usual one.
[[nodiscard]] std::string holidays_file(CsaConf& conf);

/// Reads the weights and the holidays file, and MEMINT where `integral` is
/// nothing. What is wrong is in `faults` and in conf.take_complaints().
BillingRules read_billing_rules(CsaConf& conf, std::string& faults,
                                MissingWeights missing = MissingWeights::kTold,
                                std::optional<int> integral = std::nullopt);

/// Why MEMINT names none of the three integrals, in the published words; "": it
/// names one.
[[nodiscard]] std::string fault_of_integral(int integral);
/// The same as a line with its place, for behind published words that have
/// none; empty: it may be.
[[nodiscard]] std::string placed_fault_of_integral(const CsaConf& conf,
                                                   int integral);

/// Is it one that stands behind P_ and NP_?
[[nodiscard]] bool is_weight(std::string_view name);

/// The integral that MEMINT names, MB * usec; 0 of none.
[[nodiscard]] std::uint64_t memory_integral(const csa::MemoryUse& use,
                                            int which);

/// Bills processes. Not for two threads at a time.
class Biller {
 public:
  explicit Biller(const BillingRules& rules)
      : rules_(rules), prime_time_(rules.holidays) {}

  /// Units of one process.
  double units(const Entry& entry) {
    return units(entry,
                 entry.process != nullptr ? prime_ratio(*entry.process) : 0);
  }

  /// The same with its fraction, if the whole units in the record are those of
  /// these rules; nothing: other rules have made them. `prime_ratio`: the
  /// process' own.
  [[nodiscard]] std::optional<double> recorded_units(const Entry& entry,
                                                     double prime_ratio) const;

  /// The part of a process' elapsed seconds (at least one) that is prime.
  double prime_ratio(const csa::Csa& process);
  /// Prime seconds of them.
  std::int64_t prime_seconds(std::int64_t begin, std::int64_t length) {
    return prime_time_.seconds(begin, length);
  }
  [[nodiscard]] const BillingRules& rules() const { return rules_; }

 private:
  [[nodiscard]] double units(const Entry& entry, double prime_ratio) const;

  BillingRules rules_;
  PrimeTime prime_time_;
};

}  // namespace accounting
