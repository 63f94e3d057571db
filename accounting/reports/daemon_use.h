// SPDX-License-Identifier: Apache-2.0
// What csadrep sums up, and the file that it keeps it in (-o). The file has
// the published layout, in this machine's order; where that has addresses of
// the program that wrote it there are zeroes, and so between its members.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accounting/records/byte_window.h"
#include "accounting/records/entry.h"
#include "accounting/text/console.h"

namespace accounting::csadrep {

inline constexpr std::size_t kMostQueues = 250;

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/// struct drep_times.
struct Times {
  std::uint64_t system = 0;       ///< usec
  std::uint64_t user = 0;         ///< usec
  std::uint64_t cpu_delay = 0;    ///< nsec
  std::uint64_t block_delay = 0;  ///< nsec
  std::uint64_t swap_delay = 0;   ///< nsec

  [[nodiscard]] std::uint64_t cpu() const { return system + user; }
  void add(const Times& other);
};
static_assert(sizeof(Times) == 40);

/// An element of the queues of struct drep_batch.
struct QueueUse {
  std::uint64_t system = 0;  ///< usec
  std::uint64_t user = 0;    ///< usec
  char name[16] = {};
  std::int32_t jobs = 0;
  std::int32_t padding = 0;
  std::int64_t wait = 0;     ///< seconds
  std::uint64_t unused = 0;  ///< an address in the published program
  std::uint64_t core_himem = 0;
  std::uint64_t core_highest = 0;
  std::uint64_t core_lowest = 0;
  std::uint64_t virt_himem = 0;
  std::uint64_t virt_highest = 0;
  std::uint64_t virt_lowest = 0;
  std::uint64_t cpu_lowest = 0;
  std::uint64_t cpu_highest = 0;
};
static_assert(sizeof(QueueUse) == 120);

/// struct mf: jobs of a queue by the machine that they came from.
struct MachineUse {
  char name[16] = {};
  std::int32_t jobs = 0;
  std::int32_t padding = 0;
  std::uint64_t unused = 0;
};
static_assert(sizeof(MachineUse) == 32);

/// struct request.
struct RequestUse {
  std::uint32_t uid = 0;
  char name[16] = {};
  std::int32_t arrayid = 0;
  std::int64_t start = 0;
  std::uint64_t system = 0;  ///< usec
  std::uint64_t user = 0;    ///< usec
  std::uint64_t core_himem = 0;
  std::uint64_t virt_himem = 0;
  std::uint64_t cpu_delay = 0;    ///< nsec
  std::uint64_t block_delay = 0;  ///< nsec
  std::uint64_t swap_delay = 0;   ///< nsec
  char machine[16] = {};
  std::int64_t reqid = 0;
  std::int32_t flag = 0;
  std::int32_t padding = 0;
  std::uint64_t unused = 0;

  [[nodiscard]] std::uint64_t cpu() const { return system + user; }
};
static_assert(sizeof(RequestUse) == 128);

#pragma GCC diagnostic pop

struct Queue {
  QueueUse use;
  std::vector<MachineUse> machines;  ///< the newest first
  std::vector<RequestUse> requests;  ///< the newest first
};

/// What one job's processes used, until its requests take it.
struct JobUse {
  Times times;
  std::uint64_t core_himem = 0;
  std::uint64_t virt_himem = 0;
};

/// How far the requests of one job are.
struct RequestProgress {
  std::int32_t seen = 0;
  std::int32_t all = 0;
  std::size_t queue = 0;  ///< of the job's first record
};

class DaemonUse {
 public:
  std::int32_t interactive_jobs = 0;
  std::int32_t batch_jobs = 0;
  Times interactive;
  Times batch;

  [[nodiscard]] const std::vector<Queue>& queues() const { return queues_; }

  /// Adds one of a job's consolidated records; `job` is used up by the first.
  Outcome<void> add_request(const csa::Workload& record, JobUse& job,
                            RequestProgress& progress);

  /// Everything as the file has it.
  [[nodiscard]] std::string to_bytes() const;
  /// Adds what a file has. Gives up if it is none.
  Outcome<void> add_bytes(std::string_view bytes, const std::string& name);

 private:
  Outcome<std::size_t> queue_named(std::string_view name);
  void merge(std::size_t index, const Queue& other);

  std::uint64_t system_ = 0;  ///< of all requests
  std::uint64_t user_ = 0;
  std::vector<Queue> queues_;
};

}  // namespace accounting::csadrep
