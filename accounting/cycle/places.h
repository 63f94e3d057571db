// SPDX-License-Identifier: Apache-2.0
// Where the files of the accounting cycle are, and what csa.conf says of how
// they are made. ACCT_DIR and EXIT_DIR are labels of Corral's: the published
// programs have these two folders compiled in.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "accounting/billing/csa_conf.h"
#include "accounting/text/console.h"

namespace accounting {

inline constexpr const char kAccountingFolder[] = "/var/csa";
inline constexpr const char kExitFolder[] = "/usr/sbin";

struct Places {
  std::string root = kAccountingFolder;  ///< ACCT_DIR
  std::string exits = kExitFolder;       ///< EXIT_DIR: csa.archive1 and others
  std::string file_system;               ///< ACCT_FS
  std::string pacct;                     ///< PACCT_FILE
  std::uint64_t least_free = 2000;       ///< MIN_BLKS, of 1024 bytes
  mode_t folder_mode = 0770;             ///< CHMOD
  mode_t mask = 0017;                    ///< UMASK
  std::optional<gid_t> group;            ///< CHGRP, if there is such a group
  std::string mailed_on_error = "root";  ///< MAIL_LIST, to whom it is mailed
  std::string mailed_on_warning = "root";     ///< WMAIL_LIST
  std::string mailer = "/usr/sbin/sendmail";  ///< MAILER, as sendmail(8) is

  [[nodiscard]] std::string day() const { return root + "/day"; }
  [[nodiscard]] std::string nite() const { return root + "/nite"; }
  [[nodiscard]] std::string sum() const { return root + "/sum"; }
  [[nodiscard]] std::string work() const { return root + "/work"; }
  [[nodiscard]] std::string fiscal() const { return root + "/fiscal"; }
};

/// What is missing has its published default and is told on the console, as is
/// a group that does not exist; a machine without csa.conf has the defaults.
/// Gives up on a value that is none, and where CSACONFIG names no file.
[[nodiscard]] Outcome<Places> read_places(CsaConf& conf, Console& console);

/// Makes a folder with the site's mode and group, unless it is there.
[[nodiscard]] Outcome<void> make_folder(const Places& places,
                                        const std::string& folder);

/// Gives an open file to the site's group.
void give_to_group(const Places& places, int file);

/// Blocks of 1024 bytes that are free there for anybody.
[[nodiscard]] Outcome<std::uint64_t> free_blocks(const std::string& folder);

/// Blocks of 1024 bytes that the files in a folder take.
[[nodiscard]] std::uint64_t used_blocks(const std::string& folder);

}  // namespace accounting
