// SPDX-License-Identifier: Apache-2.0
// Users by a name or a number, through every NSS module that the machine has
// (getpwnam_r(3), getgrouplist(3)): who `--user WORD` means, with an instance
// and without one. A module may ask a server and hang.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"

namespace sys {

struct User {
  std::string name;  ///< empty: a number that has no entry
  core::Uid uid;
  core::Gid gid;
  std::vector<core::Gid> groups;  ///< supplementary ones, `gid` among them
  std::string home;
  std::string shell;
};

/// The user of that name, else that number. A number that has no entry is that
/// uid and that gid, without groups; 2^32-1 is nobody (setresuid(2)). Errors:
/// ESRCH when there is none; E2BIG for more than 8192 groups.
[[nodiscard]] core::Result<User> find_user(const std::string& word);

/// The entry of a uid. Errors: ESRCH when it has none.
[[nodiscard]] core::Result<User> find_user(core::Uid uid);

/// Its name alone, for any number of threads (getpwuid_r(3)). Errors: likewise.
[[nodiscard]] core::Result<std::string> user_name(core::Uid uid);

/// The names of those groups that have one, in their order (getgrgid_r(3)).
/// Errors: what a name service that failed has said.
[[nodiscard]] core::Result<std::vector<std::string>> group_names(
    const std::vector<core::Gid>& groups);

/// The group of that name (getgrnam_r(3)). Errors: ESRCH when there is none.
[[nodiscard]] core::Result<core::Gid> find_group(const std::string& name);

}  // namespace sys
