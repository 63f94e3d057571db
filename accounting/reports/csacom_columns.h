// SPDX-License-Identifier: Apache-2.0
// The columns of csacom's process report: headings and cells from one table.
#pragma once

#include <string>
#include <vector>

#include "accounting/records/entry.h"
#include "accounting/reports/csacom_options.h"
#include "accounting/text/account_names.h"
#include "accounting/text/local_clock.h"
#include "accounting/text/report_text.h"

namespace accounting::csacom {

/// What the cells of one process are made of.
struct Facts {
  const Entry* entry = nullptr;
  std::uint64_t elapsed = 0;        ///< usec, at least 1
  std::uint64_t cpu = 0;            ///< usec, at least 1
  std::int64_t ended = 0;           ///< seconds since 1970
  std::uint64_t core_integral = 0;  ///< MB * usec
  std::uint64_t virt_integral = 0;

  /// Of a record that is not there every number is 0.
  [[nodiscard]] const csa::Io& io() const;
  [[nodiscard]] const csa::Mem& memory() const;
  [[nodiscard]] const csa::Delay& delay() const;
  [[nodiscard]] std::uint64_t characters() const { return io().chr + io().chw; }
};

/// Writes rows. Not for two threads at a time.
class RowWriter {
 public:
  explicit RowWriter(const Columns& columns);

  void write(ReportText& text, const Facts& facts);

  struct Column;

 private:
  const Columns columns_;
  std::vector<const Column*> chosen_;
  LocalClock clock_;
  AccountNames names_;
};

/// Both lines of headings.
std::string headings(const Columns& columns);

}  // namespace accounting::csacom
