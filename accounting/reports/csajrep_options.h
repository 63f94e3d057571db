// SPDX-License-Identifier: Apache-2.0
// What csajrep is asked for.
#pragma once

#include <cstdint>
#include <string>

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting::csajrep {

/// Stands for "any" in a selection.
inline constexpr std::int64_t kAny = -1;

struct Selection {
  std::uint64_t jid = static_cast<std::uint64_t>(kAny);
  std::uint64_t project = static_cast<std::uint64_t>(kAny);
  std::uint32_t uid = static_cast<std::uint32_t>(kAny);
  std::int64_t reqid = kAny;
  bool is_exclusive = false;  ///< -e: only the records, not whole jobs
  bool is_full = false;       ///< -F: every record of every job
  bool skips_jid_0 = false;   ///< -Z
};

struct Columns {
  bool jid = false;
  bool session = false;
  bool start = false;
  bool cpu = false;
  bool delays = false;
  bool io = false;
  bool faults = false;
  bool units = false;
  bool queue = false;
};

struct Options {
  std::string sorted = "/var/csa/work/spacct";
  Selection selection;
  Columns columns;
  bool takes_all = false;        ///< -A
  bool only_requests = false;    ///< -N
  bool has_form_feeds = false;   ///< -L
  bool has_headings = true;      ///< not -h
  bool has_totals = false;       ///< -t or -T
  bool has_only_totals = false;  ///< -T
};

/// Nothing: the letters contradict each other; `console` was told how.
bool read_options(const CommandLine& line, Options& options, Console& console);

}  // namespace accounting::csajrep
