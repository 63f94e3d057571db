// SPDX-License-Identifier: Apache-2.0
// What ja is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/records/entry_reader.h"
#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting::ja {

struct Options {
  bool is_command = false;   ///< -c
  bool is_flow = false;      ///< -f
  bool is_other = false;     ///< -o
  bool is_summary = false;   ///< -s
  bool is_extended = false;  ///< -e
  bool is_long = false;      ///< -l
  bool has_marks = false;    ///< -h
  bool has_jobs = false;     ///< -J
  bool is_raw = false;       ///< -r
  std::optional<std::uint64_t> session;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint64_t> jid;
  std::optional<std::uint64_t> project;
  std::optional<std::uint32_t> uid;
  std::vector<std::string> names;     ///< -n, basic regular expressions
  std::optional<std::string> ranges;  ///< -M

  [[nodiscard]] bool has_report() const {
    return is_command || is_flow || is_other || is_summary;
  }
};

Outcome<Options> read_options(const CommandLine& line);

/// A list's elements: commas or blanks between, a backslash before what is
/// meant itself.
std::vector<std::string> elements_of(const std::string& list);

/// Bytes [begin, end) of the file.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// The ranges of -M in a file, ascending, those that touch each other joined.
/// `path` is the file's name, `program` the command's, for messages.
Outcome<std::vector<Range>> read_ranges(const std::string& list,
                                        EntryReader& reader,
                                        const std::string& program,
                                        const std::string& path);

}  // namespace accounting::ja
