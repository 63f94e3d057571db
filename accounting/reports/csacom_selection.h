// SPDX-License-Identifier: Apache-2.0
// Which records csacom shows.
#pragma once

#include <cstdint>

#include "accounting/reports/csacom_columns.h"
#include "accounting/reports/csacom_options.h"

namespace accounting::csacom {

/// The bounds in time, in seconds since 1970; 0: none.
struct Bounds {
  std::int64_t existing_before = 0;
  std::int64_t existing_after = 0;
  std::int64_t started_after = 0;
  std::int64_t ended_before = 0;
};

enum class Verdict : std::uint8_t { kShown, kPassedOver, kLast };

/// The absolute bounds for a file whose first record began at `first`.
Bounds bounds_of(const Selection& selection, std::int64_t first);

/// Local midnight before `time` plus the zone's offset, as csacom reckons it.
std::int64_t midnight_of(std::int64_t time);

/// When an entry began, for the bounds.
std::int64_t begin_of(const Entry& entry);

/// Judges entries. Not for two threads at a time.
class Judge {
 public:
  Judge(const Options& options, const Bounds& bounds, int memory_integral)
      : options_(options), bounds_(bounds), integral_(memory_integral) {}

  /// Of a process; `facts` are filled where it is shown.
  Verdict process(const Entry& entry, Facts& facts);
  bool is_shown(const csa::StartOfJob& start);
  bool is_shown(const csa::EndOfJob& end);
  [[nodiscard]] bool is_shown(const csa::Configuration& configuration) const;

 private:
  bool is_owner(std::uint32_t uid);
  [[nodiscard]] Verdict in_time(std::int64_t begin, std::int64_t end) const;
  bool is_selected(const csa::Csa& process, const Facts& facts);

  Options options_;
  Bounds bounds_;
  int integral_;
  AccountNames names_;
};

}  // namespace accounting::csacom
