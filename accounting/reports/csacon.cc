// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacon.h"

#include <cerrno>

#include "accounting/records/damage_text.h"
#include "accounting/records/sorted_ranges.h"
#include "accounting/records/summary_file.h"
#include "accounting/reports/csacon_jobs.h"
#include "accounting/text/progress.h"

namespace accounting {

namespace csacon {
namespace {

/// Adds the records of jobs to a table.
class Consolidator {
 public:
  Consolidator(const Options& options, const BillingRules& rules,
               Console& console, const ByteWindow& sorted)
      : options_(options),
        rules_(rules),
        reckoner_(options, rules,
                  BilledUnits("csacon", options.sorted, sorted, console)),
        console_(console),
        progress_(sorted.size()) {}

  Outcome<void> run(SortedFile& sorted) {
    const auto make = [&]() -> core::Result<Reader> {
      auto billed = TRY(reckoner_.billed().quiet_twin());
      return Reader(JobReckoner(options_, rules_, std::move(billed)));
    };
    const auto take_piece = [&](const Piece& piece) {
      take(piece.additions);
      progress_.show(piece.end);
    };
    TRY(for_each_range<Piece>(
        sorted.reader().window(), make, take_piece,
        [&](const JobRange& range) { return read(sorted, range); }));
    hand_over();
    return {};
  }

 private:
  struct Piece {
    Additions additions;
    std::uint64_t end = 0;
  };

  /// Reads ranges that are plain.
  class Reader {
   public:
    explicit Reader(JobReckoner reckoner) : reckoner_(std::move(reckoner)) {}

    std::optional<Piece> read(SortedFile& sorted, const JobRange& range) {
      Piece piece = {.additions = {}, .end = range.end};
      piece.additions.reserve(last_);
      csa::Configuration boot = {};
      reckoner_.billed().go_to(range.word);
      const bool is_plain = walk(
          sorted, range, boot,
          [&](const csa::JobHeader& job) {
            return reckoner_.job(sorted, job, piece.additions, [] {})
                .has_value();
          },
          [] { return false; });
      last_ = piece.additions.sizes();
      if (!is_plain || reckoner_.billed().has_told()) return std::nullopt;
      return piece;
    }

   private:
    JobReckoner reckoner_;
    Additions::Sizes last_;  ///< a piece is about as long as that before it
  };

  void take(const Additions& additions) {
    add(additions, options_.keys, table_, [&] {
      if (options_.keys.jid) hand_over();  // no later job has these keys
    });
  }

  void hand_over() {
    for (const Charge& charge : table_.charges())
      console_.out().add(bytes_of(charge.record()));
    table_.clear();
    console_.breathe();
  }

  /// Reads a range by itself.
  Outcome<bool> read(SortedFile& sorted, const JobRange& range) {
    constexpr std::size_t kMuch = 4096;
    const bool had_told = reckoner_.billed().has_told();
    reckoner_.billed().go_to(range.word);
    Outcome<void> outcome;
    Additions additions;
    const auto relieve = [&] {
      take(additions);
      additions.clear();
    };
    csa::Configuration boot = {};
    const auto on_job = [&](const csa::JobHeader& job) {
      outcome = reckoner_.job(sorted, job, additions, [&] {
        if (additions.units.size() + additions.all.size() >= kMuch) relieve();
      });
      relieve();
      progress_.show(sorted.job_begin());
      return outcome.has_value();
    };
    const auto on_gap = [&] {
      console_.complain(gap_text(options_.sorted));
      return true;
    };
    if (walk(sorted, range, boot, on_job, on_gap) &&
        range.kind == JobRange::Kind::kLargeJob) {
      if (reckoner_.billed().has_told() == had_told) return true;
      walk(sorted, JobRange::rest(sorted.place(), boot), boot, on_job, on_gap);
    }
    TRY(std::move(outcome));
    TRY(must_be_read(sorted, "csacon", options_.sorted));
    return false;
  }

  const Options& options_;
  const BillingRules& rules_;
  JobReckoner reckoner_;
  Console& console_;
  ChargeTable table_;
  Progress progress_;
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
