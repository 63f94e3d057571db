// SPDX-License-Identifier: Apache-2.0
// lastlogin and its file sum/loginlog: a line "YYYY-MM-DD  USER" for each user
// of the password file, by date; 0000-00-00 stands for never.
#pragma once

#include <ctime>
#include <string>

#include "accounting/cycle/places.h"
#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

/// Whom a consolidated file has a record of was there on the day of `when`.
[[nodiscard]] Outcome<void> update_login_log(const Places& places,
                                             const std::string& consolidated,
                                             std::time_t when);

[[nodiscard]] int lastlogin_command(const CommandLine& line, Console& console);

}  // namespace accounting
