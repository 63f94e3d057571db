// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csajrep.h"

#include <memory>

#include "accounting/records/damage_text.h"
#include "accounting/records/sorted_ranges.h"
#include "accounting/reports/csajrep_jobs.h"
#include "accounting/reports/csajrep_options.h"
#include "accounting/text/progress.h"

namespace accounting {

namespace csajrep {
namespace {

/// Puts the report together.
class Report {
 public:
  Report(const Options& options, const BillingRules& rules, Console& console,
         SortedFile& sorted)
      : options_(options),
        rules_(rules),
        console_(console),
        sorted_(sorted),
        writer_(options, rules, billed(), console.out(), &console),
        progress_(sorted.reader().size(), Progress::Rows::kMeanwhile) {}

  Outcome<void> run() {
    if (is_by_one()) {
      (void)TRY(read(JobRange::whole()));
      return {};
    }
    return for_each_range<Piece>(
        sorted_.reader().window(),
        [&]() -> core::Result<Reader> {
          std::optional<BilledUnits> billed;
          if (writer_.billed() != nullptr)
            billed = TRY(writer_.billed()->quiet_twin());
          return Reader(options_, rules_, std::move(billed));
        },
        [&](const Piece& piece) { take(piece); },
        [&](const JobRange& range) { return read(range); });
  }

 private:
  /// What ranges become.
  struct Piece {
    ReportText text;
    std::optional<Headings> open;  ///< nothing: no job was wanted
    std::uint64_t end = 0;
  };

  /// Reads ranges that are plain.
  class Reader {
   public:
    Reader(const Options& options, const BillingRules& rules,
           std::optional<BilledUnits> billed)
        : text_(std::make_unique<ReportText>()),
          writer_(options, rules, std::move(billed), *text_, nullptr) {}

    std::optional<Piece> read(SortedFile& sorted, const JobRange& range) {
      // A piece is about as long as the one before it.
      *text_ = ReportText(last_size_ + last_size_ / 16);
      writer_.begin();
      if (writer_.billed() != nullptr) writer_.billed()->go_to(range.word);
      csa::Configuration boot = {};
      const bool is_plain = walk(
          sorted, range, boot,
          [&](const csa::JobHeader& job) {
            return writer_.job(sorted, boot, job).has_value();
          },
          [] { return false; });
      last_size_ = text_->size();
      const BilledUnits* const billed = writer_.billed();
      if (!is_plain || (billed != nullptr && billed->has_told()))
        return std::nullopt;
      return Piece{.text = std::move(*text_),
                   .open = writer_.open_headings(),
                   .end = range.end};
    }

   private:
    std::unique_ptr<ReportText> text_;  ///< stays where it is
    JobWriter writer_;
    std::size_t last_size_ = 0;
  };

  [[nodiscard]] std::optional<BilledUnits> billed() {
    if (!options_.columns.units) return std::nullopt;
    return BilledUnits("csajrep", options_.sorted, sorted_.reader().window(),
                       console_);
  }

  /// Do jobs depend on more than the headings of the one before? A report of
  /// requests has its headings once. A request that is not shown leaves its
  /// place among the weights to the one that had it in the job before.
  [[nodiscard]] bool is_by_one() const {
    const Selection& want = options_.selection;
    return options_.only_requests ||
           (options_.columns.units && (want.is_exclusive || want.skips_jid_0));
  }

  void take(const Piece& piece) {
    if (piece.open) {
      writer_.end_last_job();
      console_.flush();
      console_.write(piece.text.view());
      writer_.go_on_behind(*piece.open);
    }
    progress_.show(piece.end);
  }

  /// Reads a range by itself.
  Outcome<bool> read(const JobRange& range) {
    BilledUnits* const billed = writer_.billed();
    const bool had_told = billed != nullptr && billed->has_told();
    if (billed != nullptr) billed->go_to(range.word);
    Outcome<void> outcome;
    csa::Configuration boot = {};
    const auto on_job = [&](const csa::JobHeader& job) {
      outcome = writer_.job(sorted_, boot, job);
      console_.breathe();
      progress_.show(sorted_.job_begin());
      return outcome.has_value();
    };
    const auto on_gap = [&] {
      console_.complain(gap_text(options_.sorted));
      return true;
    };
    if (walk(sorted_, range, boot, on_job, on_gap) &&
        range.kind == JobRange::Kind::kLargeJob) {
      if (billed == nullptr || billed->has_told() == had_told) return true;
      walk(sorted_, JobRange::rest(sorted_.place(), boot), boot, on_job,
           on_gap);
    }
    TRY(std::move(outcome));
    TRY(must_be_read(sorted_, "csajrep", options_.sorted));
    return false;
  }

  const Options& options_;
  const BillingRules& rules_;
  Console& console_;
  SortedFile& sorted_;
  JobWriter writer_;
  Progress progress_;
};

Outcome<void> run(const Options& options, Console& console) {
  auto window = ByteWindow::open(options.sorted.c_str());
  if (!window)
    return stop("An error occurred during the opening of file '" +
                    options.sorted + "'.",
                window.error().code);
  BillingRules rules;
  if (options.columns.units) {  // only they are made by rules
    CsaConf conf;
    std::string faults;
    rules = read_billing_rules(conf, faults);
    console.complain(conf.take_complaints() + faults);
  }
  SortedFile sorted(std::move(*window));
  return Report(options, rules, console, sorted).run();
}

}  // namespace
}  // namespace csajrep

int csajrep_command(const CommandLine& line, Console& console) {
  csajrep::Options options;
  if (!csajrep::read_options(line, options, console)) return kWrongUse;
  const auto done = csajrep::run(options, console);
  return done ? 0 : console.give_up(done.error());
}

}  // namespace accounting
