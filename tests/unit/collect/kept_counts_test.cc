// SPDX-License-Identifier: Apache-2.0
// What a collector counted is there for the next one.
#include "collect/kept_counts.h"

#include <sys/mman.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace {

sys::UniqueFd memory_of(std::size_t size) {
  sys::UniqueFd memory(::memfd_create("control", MFD_CLOEXEC));
  REQUIRE(::ftruncate(memory.get(), static_cast<off_t>(size)) == 0);
  return memory;
}

std::size_t whole() {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) +
         accounting::kKeptCountsSize;
}

}  // namespace

TEST_CASE("the next collector goes on with the counts of the one before") {
  const sys::UniqueFd memory = memory_of(whole());
  {
    collect::KeptCounts first;
    first.open(memory);
    for (std::uint64_t jid = 1; jid <= 3; ++jid) {
      auto* const row = first.row_of(jid);
      REQUIRE(row != nullptr);
      row->exits = 10 * jid;
      row->lost = jid;
    }
    first.forget(2);
  }
  collect::KeptCounts next;
  next.open(memory);
  CHECK(next.row_of(1)->exits == 10);
  CHECK(next.row_of(3)->exits == 30);
  CHECK(next.row_of(3)->lost == 3);
  auto* const again = next.row_of(2);
  CHECK(again->exits == 0);
  CHECK(again + 1 == next.row_of(3));  // its row was free
  CHECK(next.row_of(4) == next.row_of(3) + 1);
}

TEST_CASE("without room a job has no row, and one that goes makes room") {
  const sys::UniqueFd memory = memory_of(whole());
  collect::KeptCounts counts;
  counts.open(memory);
  for (std::uint64_t jid = 1; jid <= accounting::kKeptRows; ++jid)
    REQUIRE(counts.row_of(jid) != nullptr);
  CHECK(counts.row_of(accounting::kKeptRows + 1) == nullptr);
  counts.forget(7);
  CHECK(counts.row_of(accounting::kKeptRows + 1) != nullptr);
  collect::KeptCounts none;
  none.open(memory_of(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))));
  CHECK(none.row_of(1) == nullptr);
}
