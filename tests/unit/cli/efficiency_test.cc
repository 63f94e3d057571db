// SPDX-License-Identifier: Apache-2.0
// What is told of memory that was asked for and not used, and that was.
#include "cli/report/efficiency.h"

#include <doctest/doctest.h>

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

std::vector<std::string> hints(std::uint64_t asked, std::uint64_t used,
                               bool is_of_process = false) {
  accounting::JobFacts job;
  job.asked = {{.kind = core::LimitKind::kMemory, .bound = asked}};
  job.memory_bytes = used;
  job.is_memory_of_process = is_of_process;
  return cli::hints_of(job);
}

}  // namespace

TEST_CASE(
    "memory that was asked for and not used is told, with what would do") {
  CHECK(hints(1024 * kMiB, 100 * kMiB) ==
        std::vector<std::string>{"asked 1.0G of memory, used 100M (10 %): "
                                 "memory=126M would do"});
  CHECK(hints(1024 * kMiB, 512 * kMiB).empty());  // half of it is no little
  CHECK(hints(63 * kMiB, kMiB).empty());          // not worth a line
  CHECK(hints(64 * kMiB, kMiB).size() == 1);
}

TEST_CASE("memory of which little is left is told") {
  CHECK(hints(1000 * kMiB, 950 * kMiB) ==
        std::vector<std::string>{
            "used 95 % of memory that it asked (1000M): little is left"});
  CHECK(hints(1000 * kMiB, 949 * kMiB).empty());
}

TEST_CASE("the memory of one process says nothing of the job's") {
  CHECK(hints(1024 * kMiB, 100 * kMiB, true).empty());
}
