// SPDX-License-Identifier: Apache-2.0
// What csacom is asked for: which records, and which columns of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting::csacom {

/// Whose records are selected.
struct Owner {
  enum class Kind : std::uint8_t { kAnybody, kUser, kPrivileged, kUnknown };
  Kind kind = Kind::kAnybody;
  std::uint32_t uid = 0;
};

struct Selection {
  Owner owner;
  std::optional<std::uint32_t> gid;
  std::uint64_t jid = 0;  ///< 0: any
  std::optional<std::string> command;
  int cpu_seconds = 0;     ///< more than these; 0: any
  int system_seconds = 0;  ///< likewise
  int characters = 0;      ///< at least these; 0: any
  double hog_factor = 0;   ///< more than this; 0: any
  // Seconds from the midnight before the first record; 0: any time.
  std::int64_t existing_before = 0;  ///< -e
  std::int64_t existing_after = 0;   ///< -s
  std::int64_t started_after = 0;    ///< -S
  std::int64_t ended_before = 0;     ///< -E
};

struct Columns {
  bool cpu_factor = false;
  bool flags = false;
  bool gid = false;
  bool hog_factor = false;
  bool io_characters = false;
  bool io_requests = false;
  bool is_io_combined = false;
  bool is_numeric = false;
  bool is_split = false;  ///< system and user time apart
  bool jid = false;
  bool kcore_minutes = false;
  bool leaves_out_first = false;
  bool marks = false;  ///< high-water marks and faults
  bool mean_sizes = false;
  bool nice = false;
  bool pids = false;
  bool project = false;
  bool session = false;
  bool start_date = false;
  bool end_date = false;
  int delays = 0;  ///< 1: totals, 2: and counts
};

struct Options {
  Selection selection;
  Columns columns;
  bool is_backwards = false;
  bool has_headings = true;
  bool shows_jobs = false;            ///< -T
  bool shows_dates = false;           ///< -W
  bool shows_configurations = false;  ///< -L
  std::string output_file;            ///< -o; "" none
};

/// What was asked for. Sentences about options that mean nothing go to
/// `console`.
Outcome<Options> read_options(const CommandLine& line, Console& console);

}  // namespace accounting::csacom
