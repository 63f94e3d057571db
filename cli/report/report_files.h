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

/// What a report reads, in its order.
struct ReportFiles {
  std::vector<std::string> paths;
  Absence absence = Absence::kIsError;
};

/// Gives each group of the file to `take`. False: parts of it could not be
/// read; that was said.
[[nodiscard]] bool read_groups(
    const std::string& path, Absence absence,
    const std::function<void(const accounting::Group&)>& take);

/// Likewise, without a word of what cannot be read.
void read_groups_again(
    const std::string& path,
    const std::function<void(const accounting::Group&)>& take);

/// Gives all groups to a fold, which is told where a file begins. False: not
/// all could be read.
template <class Fold>
[[nodiscard]] bool read_into(Fold& fold, const ReportFiles& files) {
  bool is_complete = true;
  for (const std::string& path : files.paths) {
    fold.begin_file();
    const bool is_read = read_groups(
        path, files.absence,
        [&fold](const accounting::Group& group) { fold.add(group); });
    is_complete = is_complete && is_read;
  }
  return is_complete;
}

}  // namespace cli
