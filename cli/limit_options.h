// SPDX-License-Identifier: Apache-2.0
// Options, examples and keys of JSON of corral limit (command_table.cc).
#pragma once

#include "cli/command_options.h"

namespace cli::options {

// NOLINTBEGIN(modernize-use-designated-initializers): tables

inline constexpr OptionRow kLimitOptions[] = {
    {"limit", 'l', ValueType::kLimitChange, "",
     "Set this limit, or take it away (NAME=none)", Repeat::kAllCount},
    kAcceptLess,
    {"project", 'P', ValueType::kChargeName, "the user's usual project",
     "With 'explain': the limits of a job that is charged to it, if "
     "corral.toml "
     "lists it"},
    {"site", '\0', ValueType::kFile, "/etc/corral/limits.toml",
     "With 'explain': read the site's limits here"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kLimitExamples[] = {
    {"corral limit build", "its limits, and what it used of them"},
    {"corral limit build --limit cpu=2h --limit memory=none",
     "more time, and as much memory as it wants"},
    {"corral limit build --limit cpu=1h:2h/signal=USR1/grace=30s",
     "SIGUSR1 after an hour of it; after two 30 seconds to end"},
    {"corral limit explain alice batch",
     "which limits the site sets to batch jobs of alice, and where it says so"},
};
inline constexpr JsonKey kLimitKeys[] = {
    {"(a job)", "the keys of *corral show*"},
    {"file, user, groups, domain, project",
     "with 'explain': the file that was read, and whose job it is"},
    {"limits",
     "with 'explain': for each limit an object with its _bound_ and its _soft_ "
     "bound (null: none), _when_over_ as in _limit_actions_, and the _table_ "
     "and "
     "_line_ of the file that decide (null: no rule)"},
};

// NOLINTEND(modernize-use-designated-initializers)

}  // namespace cli::options
