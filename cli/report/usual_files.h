// SPDX-License-Identifier: Apache-2.0
// Which accounting files are read where none is named.
#pragma once

#include <string>
#include <vector>

#include "cli/connection.h"

namespace cli {

struct UsualFiles {
  std::vector<std::string> paths;  ///< the one in use is the last
  /// Why there is none, and what to do. Empty: there is one, or an instance
  /// runs that has had nothing to write yet.
  std::string absence;
};

/// The file that the instance writes which `corral accounting` would ask, and
/// those that were switched from it, by their numbers. CORRAL_PACCT names
/// another one; where no instance runs it is the one that it would write.
[[nodiscard]] UsualFiles usual_files(Which which);

}  // namespace cli
