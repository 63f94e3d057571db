// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacon.h"

#include <cerrno>

#include "accounting/billing/billed_units.h"
#include "accounting/billing/charge_table.h"
#include "accounting/billing/sbu.h"
#include "accounting/records/damage_text.h"
#include "accounting/records/sorted_file.h"
#include "accounting/records/summary_file.h"
#include "accounting/text/progress.h"
#include "accounting/text/quantities.h"

namespace accounting {

namespace csacon {
namespace {

struct Options {
  std::string sorted = "/var/csa/work/spacct";
  KeyParts keys;
  bool takes_all = false;  ///< -A: also jobs that go on
};

/// Part of the jobs' processes, of which one part is prime time.
struct Split {
  double prime;
  double nonprime;
};

/// Adds the records of jobs to a table.
class Consolidator {
 public:
  Consolidator(const Options& options, const BillingRules& rules,
               Console& console, const ByteWindow& sorted)
      : options_(options),
        biller_(rules),
        billed_("csacon", options.sorted, sorted, console),
        console_(console) {}

  Outcome<void> run(SortedFile& sorted) {
    csa::Configuration boot = {};
    Progress progress(sorted.reader().size());
    while (sorted.next_boot(boot)) {
      csa::JobHeader job = {};
      while (sorted.next_job(job)) {
        billed_.begin_job(job);
        if (!options_.takes_all && !has_ended(job)) continue;
        TRY(add_job(sorted, job));
        if (options_.keys.jid) hand_over();  // no later job has these keys
        progress.show(sorted.job_begin());
      }
      if (!sorted.is_at_boots_end())
        console_.complain("The position in file '" + options_.sorted +
                          "' is wrong for the next uptime record.\n   Examine "
                          "the data file for correct version of the file.\n   "
                          "(Match the binary with the record structure.)\n");
    }
    TRY(must_be_read(sorted, "csacon", options_.sorted));
    hand_over();
    return {};
  }

 private:
  using Part = SortedFile::Part;

  void hand_over() {
    for (const Charge& charge : table_.charges())
      console_.out().add(bytes_of(charge.record()));
    table_.clear();
    console_.breathe();
  }

  std::unexpected<Stop> unreadable(std::string_view what) {
    return stop("An error occurred during the reading of file '" +
                    options_.sorted + "' " + std::string(what) + ".",
                0);
  }

  Outcome<void> add_job(SortedFile& sorted, const csa::JobHeader& job) {
    weights_.clear();
    Entry entry;
    sorted.go_to(job, Part::kWorkload);
    for (std::int32_t i = 0; i < job.workload.count; ++i) {
      if (!sorted.next_entry(entry) || entry.workload == nullptr)
        return unreadable("for workload management record");
      add_request(*entry.workload);
    }
    constexpr std::int32_t kEnds =
        JobFlags::kInteractiveEnd | JobFlags::kCrashed | JobFlags::kTimedOut;
    // A job without an end of its own is counted with its first record.
    bool is_counted_here = (job.flags & JobFlags::kCrashed) != 0 ||
                           (options_.takes_all && (job.flags & kEnds) == 0);
    sorted.go_to(job, Part::kProcesses);
    for (std::int32_t i = 0; i < job.processes.count; ++i) {
      if (!sorted.next_entry(entry) || entry.process == nullptr)
        return unreadable("for process record");
      add_process(entry, i, is_counted_here);
      is_counted_here = false;
    }
    sorted.go_to(job, Part::kEvents);
    for (std::int32_t i = 0; i < job.events.count; ++i) {
      if (!sorted.next_entry(entry))
        return unreadable("for soj, eoj or cfg record");
      add_event(entry, is_counted_here);
    }
    return {};
  }

  /// A record without a group goes to the first that has its other keys.
  Charge& find(const ChargeKey& key) {
    KeyParts parts = options_.keys;
    ChargeKey wanted;
    if (parts.uid) wanted.uid = key.uid;
    if (parts.prid) wanted.prid = key.prid;
    if (parts.gid) wanted.gid = key.gid;
    if (parts.jid) wanted.jid = key.jid;
    if (wanted.gid == csa::kNoId) parts.gid = false;
    return table_.find(wanted, parts);
  }

  /// What the units of a job are multiplied by.
  double weight_of(std::uint64_t jid) const {
    for (const auto& [request_jid, weight] : weights_)
      if (request_jid == jid) return weight;
    return 1;
  }

  void add_request(const csa::Workload& request) {
    weights_.emplace_back(request.jid, request.sbu_wt);
    csa::Consolidated& to = find({.uid = request.uid,
                                  .gid = csa::kNoId,
                                  .prid = request.prid,
                                  .jid = request.jid})
                                .use;
    if (request.term_subtype != csa::kSpoolTerm) ++to.requests;
    to.request_utime += request.utime;
    to.request_stime += request.stime;
  }

  void add_event(const Entry& entry, bool is_counted) {
    if (entry.start != nullptr) {
      csa::Consolidated& to = find({.uid = entry.start->uid,
                                    .gid = csa::kNoId,
                                    .prid = 0,
                                    .jid = entry.start->jid})
                                  .use;
      if (is_counted) ++to.jobs;
    } else if (entry.end != nullptr) {
      Charge& to = find({.uid = entry.end->uid,
                         .gid = entry.end->gid,
                         .prid = 0,
                         .jid = entry.end->jid});
      to.units.add(static_cast<double>(entry.end->sbu) *
                   weight_of(entry.end->jid));
      to.use.jobs += is_counted ? 2 : 1;
    }
  }

  void add_process(const Entry& entry, std::int32_t number, bool is_counted) {
    const csa::Csa& process = *entry.process;
    const double p = biller_.prime_ratio(process);
    double units = billed_.of(number, entry, biller_, [p] { return p; });
    if (!weights_.empty()) units *= weight_of(process.jid);
    Charge& charge = find({.uid = process.uid,
                           .gid = process.gid,
                           .prid = process.prid,
                           .jid = process.jid});
    charge.units.add(units);
    csa::Consolidated& to = charge.use;
    if (is_counted) ++to.jobs;
    ++to.processes;
    const double usec =
        static_cast<double>(process.stime) + static_cast<double>(process.utime);
    const Split cpu = {.prime = usec * p, .nonprime = usec - usec * p};
    to.prime.cpu += seconds_of_usec(cpu.prime);
    to.nonprime.cpu += seconds_of_usec(cpu.nonprime);
    if (entry.delay != nullptr) add_delays(to, *entry.delay, p);
    if (entry.io != nullptr) {
      const csa::Io& io = *entry.io;
      add_count(to, &csa::Use::chars, io.chr + io.chw, p);
      add_count(to, &csa::Use::requests, io.scr + io.scw, p);
    }
    if (entry.memory != nullptr) add_memory(to, *entry.memory, process, cpu, p);
  }

  static void add_count(csa::Consolidated& to, std::int64_t csa::Use::* member,
                        std::uint64_t count, double p) {
    const auto all = static_cast<double>(count);
    to.prime.*member += rounded(all * p);
    to.nonprime.*member += rounded(all - all * p);
  }

  static void add_delays(csa::Consolidated& to, const csa::Delay& delay,
                         double p) {
    const auto add = [&](double csa::Use::* member, std::uint64_t nsec) {
      const double seconds = seconds_of_nsec(nsec);
      const double prime = seconds * p;
      to.prime.*member += prime;
      to.nonprime.*member += seconds - prime;
    };
    add(&csa::Use::cpu_delay, delay.cpu_delay_total);
    add(&csa::Use::block_delay, delay.blkio_delay_total);
    add(&csa::Use::swap_delay, delay.swapin_delay_total);
  }

  /// Mean sizes are reckoned from system time, as published.
  void add_memory(csa::Consolidated& to, const csa::Mem& memory,
                  const csa::Csa& process, const Split& cpu, double p) {
    const auto system = static_cast<double>(process.stime);
    const auto add = [&](double csa::Use::* member, const csa::MemoryUse& use) {
      const auto integral = static_cast<double>(
          memory_integral(use, biller_.rules().memory_integral));
      const double kb = (system != 0 ? integral / system : 0) * 1024;
      to.prime.*member += kb * minutes_of_usec(cpu.prime);
      to.nonprime.*member += kb * minutes_of_usec(cpu.nonprime);
    };
    add(&csa::Use::kcore, memory.core);
    add(&csa::Use::kvirt, memory.virt);
    add_count(to, &csa::Use::minor_faults, memory.minflt, p);
    add_count(to, &csa::Use::major_faults, memory.majflt, p);
  }

  const Options& options_;
  Biller biller_;
  BilledUnits billed_;
  Console& console_;
  ChargeTable table_;
  std::vector<std::pair<std::uint64_t, double>> weights_;  ///< of the job
};

Outcome<void> run(const Options& options, Console& console) {
  CsaConf conf;
  std::string faults;
  const int integral = conf.integer("MEMINT", 2);  // as published
  const BillingRules rules =
      read_billing_rules(conf, faults, MissingWeights::kNotTold, integral);
  console.complain(conf.take_complaints() + faults);
  if (conf.has_wrong_value())
    return stop("Nothing is billed by a configuration that is wrong.");
  if (auto fault = fault_of_integral(integral); !fault.empty())
    return stop(std::move(fault));
  auto window = ByteWindow::open(options.sorted.c_str());
  if (!window)
    return stop("An error occurred during the opening of file '" +
                    options.sorted + "'.",
                window.error().code);
  SortedFile sorted(std::move(*window));
  return Consolidator(options, rules, console, sorted.reader().window())
      .run(sorted);
}

}  // namespace
}  // namespace csacon

int csacon_command(const CommandLine& line, Console& console) {
  csacon::Options options;
  options.takes_all = line.has('A');
  options.keys = {.uid = line.has('u'),
                  .gid = line.has('g'),
                  .prid = line.has('p'),
                  .jid = line.has('j')};
  if (const auto* const path = line.value('s')) options.sorted = *path;
  if (options.keys.bits() == 0) options.keys.uid = options.keys.prid = true;
  if (!options.keys.uid && !options.keys.prid && !options.keys.jid)
    return kWrongUse;  // not every record has a group
  const auto done = csacon::run(options, console);
  return done ? 0 : console.give_up(done.error());
}

}  // namespace accounting
