// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacon_jobs.h"

#include <algorithm>

#include "accounting/bounded_sum.h"
#include "accounting/text/quantities.h"

namespace accounting::csacon {

namespace {

/// Part of a process' time, of which one part is prime time.
struct Split {
  double prime;
  double nonprime;
};

/// A sum of doubles, and which of a process's shares it is made of.
struct Share {
  double csa::Use::* member;
  std::size_t prime;
  std::size_t nonprime;
};
constexpr Share kCpu = {&csa::Use::cpu, 0, 1};
constexpr Share kCpuDelay = {&csa::Use::cpu_delay, 2, 3};
constexpr Share kBlockDelay = {&csa::Use::block_delay, 4, 5};
constexpr Share kSwapDelay = {&csa::Use::swap_delay, 6, 7};
constexpr Share kCore = {&csa::Use::kcore, 8, 9};
constexpr Share kVirtual = {&csa::Use::kvirt, 10, 11};
constexpr Share kShares[] = {kCpu,       kCpuDelay, kBlockDelay,
                             kSwapDelay, kCore,     kVirtual};

void put(Shares& shares, const Share& share, const Split& split) {
  shares[share.prime] = split.prime;
  shares[share.nonprime] = split.nonprime;
}

void add_count(Addition& to, std::int64_t Addition::Counts::* member,
               std::uint64_t count, double p) {
  const auto all = static_cast<double>(count);
  add_bounded(to.prime.*member, rounded(all * p));
  add_bounded(to.nonprime.*member, rounded(all - all * p));
}

void put_delays(Shares& shares, const csa::Delay& delay, double p) {
  const auto put_one = [&](const Share& share, std::uint64_t nsec) {
    const double seconds = seconds_of_nsec(nsec);
    const double prime = seconds * p;
    put(shares, share, {.prime = prime, .nonprime = seconds - prime});
  };
  put_one(kCpuDelay, delay.cpu_delay_total);
  put_one(kBlockDelay, delay.blkio_delay_total);
  put_one(kSwapDelay, delay.swapin_delay_total);
}

}  // namespace

Charge& find(ChargeTable& table, const ChargeKey& key, KeyParts keys) {
  if (key.gid == csa::kNoId) keys.gid = false;
  return table.find(key, keys);
}

void add(Charge& charge, const Addition& addition, const Shares* shares,
         const double* units) {
  for (std::uint32_t i = 0; i < addition.units; ++i)
    charge.units.add(units[i]);
  csa::Consolidated& to = charge.use;
  to.jobs += addition.jobs;
  to.processes += addition.processes;
  to.requests += addition.requests;
  add_bounded(to.request_utime, addition.request_utime);
  add_bounded(to.request_stime, addition.request_stime);
  const auto add_counts = [](csa::Use& use, const Addition::Counts& counts) {
    add_bounded(use.chars, counts.chars);
    add_bounded(use.requests, counts.requests);
    add_bounded(use.minor_faults, counts.minor_faults);
    add_bounded(use.major_faults, counts.major_faults);
  };
  add_counts(to.prime, addition.prime);
  add_counts(to.nonprime, addition.nonprime);
  if (addition.shares == 0) return;
  Shares sums = {};
  for (const Share& share : kShares) {
    sums[share.prime] = to.prime.*share.member;
    sums[share.nonprime] = to.nonprime.*share.member;
  }
  for (std::uint32_t i = 0; i < addition.shares; ++i)
    for (std::size_t k = 0; k < sums.size(); ++k)
      sums[k] += shares[i][k];
  for (const Share& share : kShares) {
    to.prime.*share.member = sums[share.prime];
    to.nonprime.*share.member = sums[share.nonprime];
  }
}

std::unexpected<Stop> JobReckoner::unreadable(std::string_view what) const {
  return stop("An error occurred during the reading of file '" +
                  options_.sorted + "' " + std::string(what) + ".",
              0);
}

Outcome<void> JobReckoner::add_requests(SortedFile& sorted,
                                        const csa::JobHeader& job,
                                        Additions& to) {
  weights_.clear();
  Entry entry;
  sorted.go_to(job, SortedFile::Part::kWorkload);
  for (std::int32_t i = 0; i < job.workload.count; ++i) {
    if (!sorted.next_entry(entry) || entry.workload == nullptr)
      return unreadable("for workload management record");
    const csa::Workload& request = *entry.workload;
    weights_.emplace_back(request.jid, request.sbu_wt);
    Addition& addition = addition_of({.uid = request.uid,
                                      .gid = csa::kNoId,
                                      .prid = request.prid,
                                      .jid = request.jid},
                                     to);
    if (request.term_subtype != csa::kSpoolTerm) ++addition.requests;
    add_bounded(addition.request_utime, request.utime);
    add_bounded(addition.request_stime, request.stime);
  }
  return {};
}

/// What the units of a job are multiplied by.
double JobReckoner::weight_of(std::uint64_t jid) const {
  for (const auto& [request_jid, weight] : weights_)
    if (request_jid == jid) return weight;
  return 1;
}

void JobReckoner::add_event(const Entry& entry, bool is_counted,
                            Additions& to) const {
  if (entry.start != nullptr) {
    Addition& addition = addition_of({.uid = entry.start->uid,
                                      .gid = csa::kNoId,
                                      .prid = 0,
                                      .jid = entry.start->jid},
                                     to);
    if (is_counted) ++addition.jobs;
  } else if (entry.end != nullptr) {
    Addition& addition = addition_of({.uid = entry.end->uid,
                                      .gid = entry.end->gid,
                                      .prid = 0,
                                      .jid = entry.end->jid},
                                     to);
    to.units.push_back(static_cast<double>(entry.end->sbu) *
                       weight_of(entry.end->jid));
    ++addition.units;
    addition.jobs += is_counted ? 2 : 1;
  }
}

void JobReckoner::add_process(const Entry& entry, std::int32_t number,
                              bool is_counted, Additions& to) {
  const csa::Csa& process = *entry.process;
  const double p = biller_.prime_ratio(process);
  double units = billed_.of(number, entry, biller_, [p] { return p; });
  if (!weights_.empty()) units *= weight_of(process.jid);
  Addition& addition = addition_of({.uid = process.uid,
                                    .gid = process.gid,
                                    .prid = process.prid,
                                    .jid = process.jid},
                                   to);
  to.units.push_back(units);
  ++addition.units;
  if (is_counted) ++addition.jobs;
  ++addition.processes;
  const double usec =
      static_cast<double>(process.stime) + static_cast<double>(process.utime);
  const Split cpu = {.prime = usec * p, .nonprime = usec - usec * p};
  Shares& shares = to.shares.emplace_back();
  ++addition.shares;
  put(shares, kCpu,
      {.prime = seconds_of_usec(cpu.prime),
       .nonprime = seconds_of_usec(cpu.nonprime)});
  if (entry.delay != nullptr) put_delays(shares, *entry.delay, p);
  using Counts = Addition::Counts;
  if (entry.io != nullptr) {
    const csa::Io& io = *entry.io;
    add_count(addition, &Counts::chars, io.chr + io.chw, p);
    add_count(addition, &Counts::requests, io.scr + io.scw, p);
  }
  if (entry.memory == nullptr) return;
  // Mean sizes are reckoned from system time, as published.
  const auto system = static_cast<double>(process.stime);
  const auto put_size = [&](const Share& share, const csa::MemoryUse& use) {
    const auto integral = static_cast<double>(
        memory_integral(use, biller_.rules().memory_integral));
    const double kb = (system != 0 ? integral / system : 0) * 1024;
    put(shares, share,
        {.prime = kb * minutes_of_usec(cpu.prime),
         .nonprime = kb * minutes_of_usec(cpu.nonprime)});
  };
  put_size(kCore, entry.memory->core);
  put_size(kVirtual, entry.memory->virt);
  add_count(addition, &Counts::minor_faults, entry.memory->minflt, p);
  add_count(addition, &Counts::major_faults, entry.memory->majflt, p);
}

}  // namespace accounting::csacon
