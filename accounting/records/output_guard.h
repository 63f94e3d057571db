// SPDX-License-Identifier: Apache-2.0
// A command whose output is of another kind than its input never replaces the
// one by the other.
#pragma once

#include <string>

#include "accounting/records/output_file.h"
#include "accounting/text/console.h"

namespace accounting {

/// Gives up if both paths lead to one file.
inline Outcome<void> must_differ(const std::string& output,
                                 const std::string& input) {
  if (!is_same_file(output, input)) return {};
  return stop("The output file '" + output +
              "' is a file that is read: expected another one.");
}

}  // namespace accounting
