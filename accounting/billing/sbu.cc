// SPDX-License-Identifier: Apache-2.0
#include "accounting/billing/sbu.h"

#include <algorithm>

#include "accounting/text/quantities.h"

namespace accounting {

namespace {

struct WeightRow {
  const char* name;
  double Weights::* member;
};
// In the order in which the published programs ask for them.
// clang-format off: a table
constexpr WeightRow kWeights[] = {
    {.name = "BASIC", .member = &Weights::basic},
    {.name = "TIME", .member = &Weights::time},
    {.name = "STIME", .member = &Weights::stime},
    {.name = "UTIME", .member = &Weights::utime},
    {.name = "MEM", .member = &Weights::mem},
    {.name = "XMEM", .member = &Weights::xmem},
    {.name = "VMEM", .member = &Weights::vmem},
    {.name = "IO", .member = &Weights::io},
    {.name = "CIO", .member = &Weights::cio},
    {.name = "LIO", .member = &Weights::lio},
    {.name = "DELAY", .member = &Weights::delay},
    {.name = "CPUDELAY", .member = &Weights::cpudelay},
    {.name = "BLKDELAY", .member = &Weights::blkdelay},
    {.name = "SWPDELAY", .member = &Weights::swpdelay},
};
// clang-format on

Weights read_weights(CsaConf& conf, const std::string& prefix) {
  Weights weights;
  for (const WeightRow& row : kWeights)
    weights.*row.member = conf.real(prefix + row.name, 0);
  return weights;
}

/// Adds a kind of use, billed by both parts of the day. The order of the
/// operations is the published one: its rounding is ours.
struct Sum {
  const Weights& p;
  const Weights& np;
  double p_ratio;
  double total = 0;

  void add(double prime, double nonprime) {
    total +=
        p.basic * (prime * p_ratio) + np.basic * (nonprime * (1 - p_ratio));
  }
};

}  // namespace

std::string holidays_file(CsaConf& conf) {
  return conf.find("HOLIDAY_FILE").value_or(usual_holidays_file());
}

BillingRules read_billing_rules(CsaConf& conf, std::string& faults,
                                MissingWeights missing,
                                std::optional<int> integral) {
  BillingRules rules;
  rules.memory_integral = integral ? *integral : conf.integer("MEMINT", 1);
  if (missing == MissingWeights::kNotTold) conf.tell_no_missing();
  rules.prime = read_weights(conf, "P_");
  rules.nonprime = read_weights(conf, "NP_");
  rules.holidays =
      read_holidays(holidays_file(conf), faults).value_or(Holidays());
  return rules;
}

std::string fault_of_integral(int integral) {
  if (integral >= 1 && integral <= 3) return {};
  return "An invalid value for MEMINT (" + std::to_string(integral) +
         ") was found in the configuration file.\n  MEMINT must be between 1 "
         "and 3.";
}

bool is_weight(std::string_view name) {
  return std::ranges::any_of(
      kWeights, [name](const WeightRow& row) { return name == row.name; });
}

std::string placed_fault_of_integral(const CsaConf& conf, int integral) {
  if (fault_of_integral(integral).empty()) return {};
  return conf.place_of("MEMINT") + ": MEMINT: '" + std::to_string(integral) +
         "': expected 1, 2 or 3\n";
}

std::uint64_t memory_integral(const csa::MemoryUse& use, int which) {
  switch (which) {
    case 1:
      return use.mem1;
    case 2:
      return use.mem2;
    case 3:
      return use.mem3;
    default:
      return 0;
  }
}

double Biller::prime_ratio(const csa::Csa& process) {
  auto elapsed = static_cast<std::int64_t>(seconds_of_usec(process.etime));
  if (elapsed == 0) elapsed = 1;
  return static_cast<double>(prime_time_.seconds(process.btime, elapsed)) /
         static_cast<double>(elapsed);
}

double Biller::units(const Entry& entry, double prime_ratio) const {
  const Weights& p = rules_.prime;
  const Weights& np = rules_.nonprime;
  Sum sum{.p = p, .np = np, .p_ratio = prime_ratio};
  if (entry.process != nullptr) {
    const double user = seconds_of_usec(entry.process->utime);
    const double system = seconds_of_usec(entry.process->stime);
    sum.add(p.time * (p.stime * system + p.utime * user),
            np.time * (np.stime * system + np.utime * user));
  }
  if (entry.memory != nullptr) {
    const int which = rules_.memory_integral;
    const double core =
        minutes_of_usec(memory_integral(entry.memory->core, which));
    const double virt =
        minutes_of_usec(memory_integral(entry.memory->virt, which));
    sum.add(p.mem * (p.xmem * core + p.vmem * virt),
            np.mem * (np.xmem * core + np.vmem * virt));
  }
  if (entry.io != nullptr) {
    const auto bytes = static_cast<double>(entry.io->chr + entry.io->chw);
    const auto calls = static_cast<double>(entry.io->scr + entry.io->scw);
    sum.add(p.io * (p.cio * bytes + p.lio * calls),
            np.io * (np.cio * bytes + np.lio * calls));
  }
  if (entry.delay != nullptr) {
    const double cpu = seconds_of_nsec(entry.delay->cpu_delay_total);
    const double block = seconds_of_nsec(entry.delay->blkio_delay_total);
    const double swap = seconds_of_nsec(entry.delay->swapin_delay_total);
    sum.add(
        p.delay * (p.cpudelay * cpu + p.blkdelay * block + p.swpdelay * swap),
        np.delay *
            (np.cpudelay * cpu + np.blkdelay * block + np.swpdelay * swap));
  }
  return sum.total;
}

std::optional<double> Biller::recorded_units(const Entry& entry,
                                             double prime_ratio) const {
  const auto recorded = static_cast<double>(entry.process->sbu);
  const double exact = units(entry, prime_ratio);
  if (exact >= recorded && exact < recorded + 1) return exact;
  return std::nullopt;
}

}  // namespace accounting
