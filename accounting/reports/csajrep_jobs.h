// SPDX-License-Identifier: Apache-2.0
// What csajrep writes of a job: its requests, processes, starts and ends. Any
// thread writes the jobs of a part of the file. What a job begins with depends
// on the one before it, whose headings want a trailer: who puts the parts
// together ends that one.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "accounting/billing/billed_units.h"
#include "accounting/records/sorted_file.h"
#include "accounting/reports/csajrep_options.h"
#include "accounting/reports/csajrep_requests.h"
#include "accounting/reports/csajrep_rows.h"
#include "accounting/text/console.h"

namespace accounting::csajrep {

/// Which headings stand above what was written last, and want a trailer.
struct Headings {
  bool processes = false;
  bool requests = false;
};

class JobWriter {
 public:
  /// Writes to `text`; `console`, if any, is what that goes to now and then.
  /// Without `billed` no units are shown.
  JobWriter(const Options& options, const BillingRules& rules,
            std::optional<BilledUnits> billed, ReportText& text,
            Console* console)
      : options_(options),
        biller_(rules),
        billed_(std::move(billed)),
        text_(text),
        console_(console),
        rows_(options, text),
        requests_(text) {}

  /// Writes the job in hand of `sorted`, if it is wanted.
  Outcome<void> job(SortedFile& sorted, const csa::Configuration& boot,
                    const csa::JobHeader& job);

  /// Null: no units are shown.
  [[nodiscard]] BilledUnits* billed() { return billed_ ? &*billed_ : nullptr; }

  /// The trailers of the job before this.
  void end_last_job();
  /// Those of the job that was written last; nothing: none was since begin().
  [[nodiscard]] std::optional<Headings> open_headings() const {
    if (!has_written_) return std::nullopt;
    return headings_;
  }
  /// As if no job had been written.
  void begin() {
    headings_ = {};
    has_written_ = false;
  }
  /// Another writer has written what stands here by now.
  void go_on_behind(const Headings& open) { headings_ = open; }

 private:
  using Part = SortedFile::Part;

  [[nodiscard]] std::unexpected<Stop> unreadable(Part part) const;
  /// Calls `take` with each record of a part until it says false.
  template <class Take>
  Outcome<void> for_each(const csa::JobHeader& job, Part part, Take take);
  /// `is_in_job`: of a job that is reported; there a selection counts only if
  /// it is exclusive.
  [[nodiscard]] bool is_selected(const Entry& entry, bool is_in_job) const;
  Outcome<bool> has_selected(const csa::JobHeader& job);
  [[nodiscard]] bool is_shown(const Entry& entry) const;
  void headings(bool& is_printed, void (Rows::*write)());
  Outcome<void> write_requests_of_job(const csa::JobHeader& job);
  double units_of(const Entry& entry, std::int32_t number,
                  std::size_t requests);
  Outcome<void> write_job(const csa::JobHeader& job);
  void write_event(const Entry& entry);
  Outcome<void> write_requests(const csa::JobHeader& job);
  void breathe() {
    if (console_ != nullptr) console_->breathe();
  }

  const Options& options_;
  Biller biller_;
  std::optional<BilledUnits> billed_;
  ReportText& text_;
  Console* console_;
  Rows rows_;
  RequestReport requests_;
  SortedFile* sorted_ = nullptr;  ///< where the job in hand is
  csa::Configuration boot_ = {};  ///< likewise
  std::vector<std::pair<std::uint64_t, double>> weights_;  ///< by jid
  std::int64_t request_utime_ = 0;
  std::int64_t request_stime_ = 0;
  Headings headings_;
  bool is_new_job_ = true;
  bool has_written_ = false;
};

}  // namespace accounting::csajrep
