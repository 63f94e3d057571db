// SPDX-License-Identifier: Apache-2.0
// The lines of csajrep's reports about processes and requests.
#pragma once

#include "accounting/exact_sum.h"
#include "accounting/records/entry.h"
#include "accounting/reports/csajrep_options.h"
#include "accounting/text/account_names.h"
#include "accounting/text/report_text.h"

namespace accounting::csajrep {

/// The sums of a job's processes, for -t and -T.
struct Totals {
  std::uint64_t utime = 0;  ///< usec
  std::uint64_t stime = 0;  ///< usec
  std::uint64_t core_himem = 0;
  std::uint64_t virt_himem = 0;
  csa::Io io = {};
  csa::Mem memory = {};
  csa::Delay delay = {};
  ExactSum units;

  void add(const Entry& entry, double units_of_entry);
};

class Rows {
 public:
  Rows(const Options& options, ReportText& text)
      : options_(options), text_(text) {}

  void process_headings();
  void request_headings();
  void process(const Entry& entry, double units);
  void request(const csa::Workload& record);
  void totals(const Totals& totals);
  void request_totals(std::int64_t utime, std::int64_t stime);

 private:
  void user(std::uint32_t uid);
  void cpu_cells(const Entry& entry);
  void delay_cells(const Entry& entry);
  void io_cells(const csa::Io* io);
  void start_cell(std::int64_t time);

  const Options& options_;
  ReportText& text_;
  AccountNames names_;
};

}  // namespace accounting::csajrep
