// SPDX-License-Identifier: Apache-2.0
// ja's part that is no report: it begins and ends the accounting of the job
// that it runs in, into a file that it opens itself.
#pragma once

#include <cstdint>
#include <functional>

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

/// What is asked of whoever keeps the jobs.
struct JobFileControl {
  /// Of the job that this process is in.
  std::function<Outcome<std::uint64_t>()> jid;
  /// The job's records go into this file (borrowed) from now on.
  std::function<Outcome<void>(int file)> start;
  /// All that has ended is in the file. Where there is none nothing is done.
  std::function<void()> sync;
  std::function<Outcome<void>()> stop;
};

/// ja.
[[nodiscard]] int ja_command(const CommandLine& line, Console& console,
                             const JobFileControl& control);

}  // namespace accounting
