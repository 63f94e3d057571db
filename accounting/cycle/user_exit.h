// SPDX-License-Identifier: Apache-2.0
// User exits: shell scripts of the site's that an accounting run reads in at
// given places (csa.archive1 and others). Corral's run is no shell: a shell is
// started that reads the script with the run's variables in its environment.
// What the script sets there is not seen by the run.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "accounting/cycle/places.h"
#include "accounting/text/console.h"

namespace accounting {

struct UserExit {
  std::string name;    ///< in Places::exits
  std::string folder;  ///< to run it in
  std::string errors;  ///< the file that takes its standard error
  std::vector<std::pair<std::string, std::string>> variables;
};

/// False: the site has none. Gives up if it cannot be read, if root does not
/// believe it or its folder (accounting/trusted_file.h), or if it ends with
/// another code than 0. Killed in between, a run that goes on runs it again.
[[nodiscard]] Outcome<bool> run_user_exit(const Places& places,
                                          const UserExit& exit);

}  // namespace accounting
