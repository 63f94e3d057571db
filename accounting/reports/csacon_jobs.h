// SPDX-License-Identifier: Apache-2.0
// What the jobs of a sorted file add to csacon's table. Any thread reckons it;
// doubles are kept one by one, as their sum depends on the order: one thread
// adds them in that of the file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "accounting/billing/billed_units.h"
#include "accounting/billing/charge_table.h"
#include "accounting/billing/sbu.h"
#include "accounting/records/sorted_file.h"
#include "accounting/text/console.h"

namespace accounting::csacon {

struct Options {
  std::string sorted = "/var/csa/work/spacct";
  KeyParts keys;
  bool takes_all = false;  ///< -A: also jobs that go on
};

/// Of one process, in the order of kShares.
using Shares = std::array<double, 12>;

/// What neighbours with one key add; whole numbers in sum.
struct Addition {
  ChargeKey key;
  std::uint32_t shares = 0;  ///< how many of those of all are theirs
  std::uint32_t units = 0;   ///< likewise
  std::int64_t jobs = 0;
  std::int64_t processes = 0;
  std::int64_t requests = 0;
  std::int64_t request_utime = 0;  ///< usec
  std::int64_t request_stime = 0;  ///< usec
  struct Counts {
    std::int64_t chars = 0;
    std::int64_t requests = 0;
    std::int64_t minor_faults = 0;
    std::int64_t major_faults = 0;
  };
  Counts prime = {};
  Counts nonprime = {};
};

/// In the order of the file.
struct Additions {
  std::vector<Addition> all;
  std::vector<Shares> shares;
  std::vector<double> units;
  std::vector<std::size_t> job_ends;  ///< behind how many of `all` jobs end

  struct Sizes {
    std::size_t all = 0;
    std::size_t shares = 0;
    std::size_t units = 0;
  };
  [[nodiscard]] Sizes sizes() const {
    return {all.size(), shares.size(), units.size()};
  }
  void reserve(const Sizes& sizes) {
    all.reserve(sizes.all + sizes.all / 16);
    shares.reserve(sizes.shares + sizes.shares / 16);
    units.reserve(sizes.units + sizes.units / 16);
  }
  void clear() {
    all.clear();
    shares.clear();
    units.clear();
    job_ends.clear();
  }
  /// That of the record in hand. `key`: what counts of its own.
  Addition& of(const ChargeKey& key) {
    if (all.empty() || all.back().key != key) all.push_back({.key = key});
    return all.back();
  }
};

/// The record of a counted key in a table. One without a group goes to the
/// first that has its other keys.
Charge& find(ChargeTable& table, const ChargeKey& key, KeyParts keys);

/// Adds what an addition has to a record. `shares` and `units` are its own.
void add(Charge& charge, const Addition& addition, const Shares* shares,
         const double* units);

/// Adds all to a table, and calls `on_job_end()` behind each job.
template <class OnJobEnd>
void add(const Additions& additions, const KeyParts& keys, ChargeTable& table,
         const OnJobEnd& on_job_end) {
  const Shares* shares = additions.shares.data();
  const double* units = additions.units.data();
  auto job_end = additions.job_ends.begin();
  const auto end_jobs = [&](std::size_t added) {
    for (; job_end != additions.job_ends.end() && *job_end == added; ++job_end)
      on_job_end();
  };
  end_jobs(0);
  for (std::size_t i = 0; i < additions.all.size(); ++i) {
    const Addition& addition = additions.all[i];
    add(find(table, addition.key, keys), addition, shares, units);
    shares += addition.shares;
    units += addition.units;
    end_jobs(i + 1);
  }
}

/// Reckons for one thread.
class JobReckoner {
 public:
  JobReckoner(const Options& options, const BillingRules& rules,
              BilledUnits billed)
      : options_(options), biller_(rules), billed_(std::move(billed)) {}

  /// Puts the job in hand of `sorted` behind what `to` has. `relieve()` is
  /// called now and then, and may take what is there.
  template <class Relieve>
  Outcome<void> job(SortedFile& sorted, const csa::JobHeader& job,
                    Additions& to, const Relieve& relieve);

  [[nodiscard]] BilledUnits& billed() { return billed_; }

 private:
  [[nodiscard]] std::unexpected<Stop> unreadable(std::string_view what) const;
  Outcome<void> add_requests(SortedFile& sorted, const csa::JobHeader& job,
                             Additions& to);
  [[nodiscard]] double weight_of(std::uint64_t jid) const;
  Addition& addition_of(const ChargeKey& key, Additions& to) const {
    return to.of(reduced(key, options_.keys));
  }
  void add_event(const Entry& entry, bool is_counted, Additions& to) const;
  void add_process(const Entry& entry, std::int32_t number, bool is_counted,
                   Additions& to);

  const Options& options_;
  Biller biller_;
  BilledUnits billed_;
  std::vector<std::pair<std::uint64_t, double>> weights_;  ///< of the job
};

template <class Relieve>
Outcome<void> JobReckoner::job(SortedFile& sorted, const csa::JobHeader& job,
                               Additions& to, const Relieve& relieve) {
  using Part = SortedFile::Part;
  billed_.begin_job(job);
  if (!options_.takes_all && !has_ended(job)) return {};
  TRY(add_requests(sorted, job, to));
  constexpr std::int32_t kEnds =
      JobFlags::kInteractiveEnd | JobFlags::kCrashed | JobFlags::kTimedOut;
  // A job without an end of its own is counted with its first record.
  bool is_counted_here = (job.flags & JobFlags::kCrashed) != 0 ||
                         (options_.takes_all && (job.flags & kEnds) == 0);
  sorted.go_to(job, Part::kProcesses);
  Entry entry;
  for (std::int32_t i = 0; i < job.processes.count; ++i) {
    if (!sorted.next_entry(entry) || entry.process == nullptr)
      return unreadable("for process record");
    add_process(entry, i, is_counted_here, to);
    is_counted_here = false;
    relieve();
  }
  sorted.go_to(job, Part::kEvents);
  for (std::int32_t i = 0; i < job.events.count; ++i) {
    if (!sorted.next_entry(entry))
      return unreadable("for soj, eoj or cfg record");
    add_event(entry, is_counted_here, to);
    relieve();
  }
  to.job_ends.push_back(to.all.size());
  return {};
}

}  // namespace accounting::csacon
