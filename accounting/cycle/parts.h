// SPDX-License-Identifier: Apache-2.0
// The published commands as parts of an accounting run: called, not executed,
// with the words that csa.conf has for them, from file to file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounting/cycle/places.h"
#include "accounting/text/console.h"

namespace accounting {

struct PartCall {
  std::string_view name;           ///< csabuild, csacms, ...
  std::vector<std::string> words;  ///< behind the name, as on a command line
  std::string input;   ///< for csacrep: what is read in place of standard input
  std::string output;  ///< what takes standard output; replaced as a whole
  std::string errors;  ///< what takes standard error, and output without one
  bool keeps_errors = false;  ///< adds to that file instead of beginning it
};

/// Words with blanks between.
[[nodiscard]] std::vector<std::string> split_words(std::string_view text);

/// Returns the part's exit code. An output of a part that failed is not put in
/// its place. Gives up on words that the part does not know.
[[nodiscard]] Outcome<int> call_part(const Places& places,
                                     const PartCall& call);

/// For a test: the letters of a part, as getopt(3) has them; "": no part.
[[nodiscard]] std::string_view part_letters(std::string_view name);

}  // namespace accounting
