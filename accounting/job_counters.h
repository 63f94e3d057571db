// SPDX-License-Identifier: Apache-2.0
// What is counted of a process beside its times and its memory, and what comes
// of it for its job: one table, in the order in which it is shown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "accounting/record_view.h"

namespace accounting {

struct JobCounter {
  enum class Fold : bool { kSum, kLargest };
  enum class Unit : std::uint8_t { kNumber, kTime, kBytes, kIntegral };

  std::string_view key;    ///< as `corral records` names it
  std::string_view title;  ///< for people
  RecordView::Count RecordView::* member;
  Unit unit = Unit::kNumber;
  Fold fold = Fold::kSum;
};

inline constexpr auto kJobCounters = std::to_array<JobCounter>({
    {.key = "minor_faults",
     .title = "minor faults",
     .member = &RecordView::minor_faults},
    {.key = "major_faults",
     .title = "major faults",
     .member = &RecordView::major_faults},
    {.key = "read_bytes",
     .title = "read by calls",
     .member = &RecordView::read_bytes,
     .unit = JobCounter::Unit::kBytes},
    {.key = "written_bytes",
     .title = "written by calls",
     .member = &RecordView::written_bytes,
     .unit = JobCounter::Unit::kBytes},
    {.key = "read_calls",
     .title = "read calls",
     .member = &RecordView::read_calls},
    {.key = "write_calls",
     .title = "write calls",
     .member = &RecordView::write_calls},
    {.key = "voluntary_switches",
     .title = "voluntary switches",
     .member = &RecordView::voluntary_switches},
    {.key = "involuntary_switches",
     .title = "involuntary switches",
     .member = &RecordView::involuntary_switches},
    {.key = "peak_virtual_bytes",
     .title = "most address space",
     .member = &RecordView::virtual_bytes,
     .unit = JobCounter::Unit::kBytes,
     .fold = JobCounter::Fold::kLargest},
    {.key = "resident_mbyte_us",
     .title = "memory integral",
     .member = &RecordView::resident_integral,
     .unit = JobCounter::Unit::kIntegral},
    {.key = "virtual_mbyte_us",
     .title = "address integral",
     .member = &RecordView::virtual_integral,
     .unit = JobCounter::Unit::kIntegral},
    {.key = "processor_waits",
     .title = "processor waits",
     .member = &RecordView::processor_waits},
    {.key = "processor_delay_us",
     .title = "processor delay",
     .member = &RecordView::processor_delay_us,
     .unit = JobCounter::Unit::kTime},
    {.key = "block_waits",
     .title = "disk waits",
     .member = &RecordView::block_waits},
    {.key = "block_delay_us",
     .title = "disk delay",
     .member = &RecordView::block_delay_us,
     .unit = JobCounter::Unit::kTime},
    {.key = "swap_waits",
     .title = "swap waits",
     .member = &RecordView::swap_waits},
    {.key = "swap_delay_us",
     .title = "swap delay",
     .member = &RecordView::swap_delay_us,
     .unit = JobCounter::Unit::kTime},
});

/// What the end of a job says of all of it, in the same way.
inline constexpr auto kEndCounters = std::to_array<JobCounter>({
    {.key = "cpu_some_stall_us",
     .title = "some wait for CPU",
     .member = &RecordView::cpu_some_us,
     .unit = JobCounter::Unit::kTime},
    {.key = "cpu_full_stall_us",
     .title = "all wait for CPU",
     .member = &RecordView::cpu_full_us,
     .unit = JobCounter::Unit::kTime},
    {.key = "memory_some_stall_us",
     .title = "some wait for memory",
     .member = &RecordView::memory_some_us,
     .unit = JobCounter::Unit::kTime},
    {.key = "memory_full_stall_us",
     .title = "all wait for memory",
     .member = &RecordView::memory_full_us,
     .unit = JobCounter::Unit::kTime},
    {.key = "io_some_stall_us",
     .title = "some wait for disks",
     .member = &RecordView::io_some_us,
     .unit = JobCounter::Unit::kTime},
    {.key = "io_full_stall_us",
     .title = "all wait for disks",
     .member = &RecordView::io_full_us,
     .unit = JobCounter::Unit::kTime},
    {.key = "processes_peak",
     .title = "processes at a time",
     .member = &RecordView::processes_peak},
    {.key = "swap_peak_bytes",
     .title = "peak swap",
     .member = &RecordView::swap_peak_bytes,
     .unit = JobCounter::Unit::kBytes},
    {.key = "oom_kills",
     .title = "killed without memory",
     .member = &RecordView::oom_kills},
    {.key = "processes_seen",
     .title = "processes seen",
     .member = &RecordView::processes_seen},
    {.key = "processes_not_seen",
     .title = "processes not seen",
     .member = &RecordView::processes_not_seen},
    {.key = "stragglers",
     .title = "stragglers",
     .member = &RecordView::stragglers},
});

}  // namespace accounting
