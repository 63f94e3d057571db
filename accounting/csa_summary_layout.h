// SPDX-License-Identifier: Apache-2.0
// The records of consolidated files (cacct) and command summaries (cms) as CSA
// 5.0 lays them out on disk. Facts only; sizes and offsets are asserted. All
// bytes have names, as in accounting/csa_layout.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "accounting/csa_layout.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

namespace accounting::csa {

/// Stands for an id that a record does not have.
inline constexpr std::uint32_t kNoId = static_cast<std::uint32_t>(-2);
inline constexpr std::uint64_t kNoLongId = static_cast<std::uint64_t>(-2);

/// cumuAcctInfo: use in one part of the day.
struct Use {
  double cpu;          ///< seconds
  std::int64_t chars;  ///< bytes
  std::int64_t requests;
  std::int64_t minor_faults;
  std::int64_t major_faults;
  double kcore;        ///< KB * minutes
  double kvirt;        ///< KB * minutes
  double cpu_delay;    ///< seconds
  double block_delay;  ///< seconds
  double swap_delay;   ///< seconds
};
static_assert(sizeof(Use) == 80);

/// cacct.
struct Consolidated {
  Head head;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint64_t prid;
  std::uint64_t jid;
  std::uint64_t ash;
  std::int64_t jobs;
  Use prime;
  Use nonprime;
  double disk_use;
  std::int32_t disk_samples;
  std::int32_t padding;
  std::int64_t processes;
  double sbu;
  double fee;
  struct Tape {
    std::int32_t mounts;
    std::int32_t padding;
    std::int64_t reads;
    std::int64_t writes;
    std::int64_t reserved;
    std::int64_t utime;
    std::int64_t stime;
    char device[16];
  } tapes[8];
  std::int64_t requests;
  std::int64_t request_utime;  ///< usec
  std::int64_t request_stime;  ///< usec
};
static_assert(sizeof(Consolidated) == 784);
static_assert(offsetof(Consolidated, jobs) == 40);
static_assert(offsetof(Consolidated, nonprime) == 128);
static_assert(offsetof(Consolidated, processes) == 224);
static_assert(offsetof(Consolidated, sbu) == 232);
static_assert(offsetof(Consolidated, requests) == 760);

/// acctinfo: a command's use in one part of the day.
struct CommandUse {
  std::int64_t processes;
  double cpu;     ///< minutes
  double system;  ///< minutes
  double real;    ///< minutes
  double kcore;   ///< KB * minutes
  double kvirt;   ///< KB * minutes
  double chars_read;
  double chars_written;
  double reads;
  double writes;
  double core_himem;  ///< KB
  double virt_himem;  ///< KB
  double major_faults;
  double minor_faults;
  double cpu_delay;    ///< minutes
  double block_delay;  ///< minutes
  double swap_delay;   ///< minutes
  double site1;
  double site2;
};
static_assert(sizeof(CommandUse) == 152);

/// cms.
struct CommandSummary {
  Head head;
  char name[16];
  CommandUse prime;
  CommandUse nonprime;
};
static_assert(sizeof(CommandSummary) == 328);

constexpr Head consolidated_head() {
  return {.magic = kMagic,
          .revision = kRevision,
          .type = static_cast<std::uint8_t>(RecordType::kConsolidated),
          .flag = 0,
          .size = sizeof(Consolidated)};
}
constexpr Head summary_head() {
  return {.magic = kMagic,
          .revision = kRevision,
          .type = static_cast<std::uint8_t>(RecordType::kCommandSummary),
          .flag = 0,
          .size = sizeof(CommandSummary)};
}

}  // namespace accounting::csa

#pragma GCC diagnostic pop
