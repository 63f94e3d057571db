// SPDX-License-Identifier: Apache-2.0
// What the row 'accounting' of the command table names, like
// command_options.h.
#pragma once

#include "cli/command_options.h"

namespace cli::options {

// NOLINTBEGIN(modernize-use-designated-initializers): tables

inline constexpr OptionRow kAccountingOptions[] = {
    {"memory-threshold", 'm', ValueType::kSize, "none",
     "With 'on': processes whose most address space is less have no record"},
    {"cpu-threshold", 't', ValueType::kDuration, "none",
     "With 'on': likewise processes that used less processor time"},
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kAccountingExamples[] = {
    {"corral accounting", "what is recorded, and where"},
    {"corral accounting off delay io", "leave these out of each process"},
    {"corral accounting on --cpu-threshold 10ms",
     "no records of processes that used less"},
    {"corral accounting switch", "begin a new accounting file"},
    {"corral accounting record wkmg provider=SLURM type=init reqid=17 jid=0x5",
     "request 17 begins, as job 0x5"},
};
inline constexpr JsonKey kAccountingKeys[] = {
    {"on, pacct", "whether anything is recorded; the accounting file"},
    {"records_written, records_waiting, records_lost",
     "since the supervisor started"},
    {"fault", "why the file cannot be written; null: it can"},
    {"kinds", "an object with true or false for each kind"},
    {"memory_threshold_bytes, cpu_threshold_us", "null: none"},
    {"recorded", "with 'record': false where its kind is off"},
    {"switched",
     "with 'switch': the old file's new name; null: there was none"},
};

// NOLINTEND(modernize-use-designated-initializers)

}  // namespace cli::options
