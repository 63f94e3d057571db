// SPDX-License-Identifier: Apache-2.0
// The packets between the supervisor and the taskstats collector
// (corral-collect --taskstats), over SOCK_SEQPACKET in the machine's byte
// order. What it collects goes into a ring as the kernel's own
// (accounting/kernel_exit.h); here it is told of what the kernel does not tell
// it, and says how far it is.
//
// A request with a number is answered by kPassed when it is done, behind all
// that was asked and all that had ended before it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace accounting {

inline constexpr std::uint32_t kTaskstatsMagic = 0x32535354U;  // "TSS2"

enum class TaskstatsOrder : std::uint32_t {
  /// First; with three descriptors: the ring, its control and the eventfd that
  /// wakes the reader. `pid`: the reaper's, which clones into jobs' cgroups.
  kBegin = 1,
  /// A job is to be counted. `pid`: who will clone into its cgroup; 0: the
  /// reaper.
  kEnrol = 2,
  kWithdraw = 3,
  kMember = 4,   ///< the process `pid` was cloned into the job
  kMoving = 5,   ///< processes are about to be moved between jobs
  kMoved = 6,    ///< they were; each kMoving has one
  kBarrier = 7,  ///< all who have ended are in the ring, and counted
};

struct TaskstatsRequest {
  std::uint32_t magic = kTaskstatsMagic;
  TaskstatsOrder order = TaskstatsOrder::kBegin;
  std::uint64_t jid = 0;
  std::uint64_t number = 0;  ///< 0: no answer is wanted
  std::int32_t pid = 0;
  std::uint32_t reserved = 0;
  std::uint64_t project_id = 0;  ///< of kEnrol: what the records bear; 0: none
};

enum class TaskstatsNews : std::uint32_t {
  kBegun = 1,   ///< the answer to kBegin: it works, or `code` and `why` not
  kPassed = 2,  ///< the answer to a number
  kCount = 3,   ///< before kPassed, of each job that has changed
};

struct TaskstatsReply {
  std::uint32_t magic = kTaskstatsMagic;
  TaskstatsNews news = TaskstatsNews::kBegun;
  std::uint64_t number = 0;
  std::uint64_t jid = 0;
  std::uint64_t exits = 0;    ///< of the job, also by collectors before
  std::uint64_t lost = 0;     ///< of those: without a record, the ring was full
  std::int32_t code = 0;      ///< errno
  std::uint32_t is_sure = 0;  ///< none can have been missed since then
  char why[200] = {};

  void say(std::string_view text) {
    const std::size_t size = std::min(text.size(), sizeof why - 1);
    std::memcpy(why, text.data(), size);
    why[size] = '\0';
  }
};

/// The descriptors of kBegin.
inline constexpr std::size_t kTaskstatsParts = 3;

/// In the control's memory, from its second page on: a number, how many rows
/// were ever used, and the rows. What the collector has counted of a job.
struct KeptCount {
  std::uint64_t jid = 0;  ///< 0: it is free
  std::uint64_t exits = 0;
  std::uint64_t lost = 0;
};
inline constexpr std::size_t kKeptRows = 65536;
inline constexpr std::size_t kKeptCountsSize =
    sizeof(std::uint64_t) + kKeptRows * sizeof(KeptCount);

}  // namespace accounting
