// SPDX-License-Identifier: Apache-2.0
// Which accounting files a report is about, and reading them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "accounting/csa_group.h"

namespace cli {

/// The file that the instance of this user writes, and those that were switched
/// from it, by their numbers.
[[nodiscard]] std::vector<std::string> usual_files();

enum class Absence : bool { kIsError, kIsEmpty };

/// Gives each group of the file to `take`. False: parts of it could not be
/// read; that was said.
[[nodiscard]] bool read_groups(
    const std::string& path, Absence absence,
    const std::function<void(const accounting::Group&)>& take);

}  // namespace cli
