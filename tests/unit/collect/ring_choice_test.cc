// SPDX-License-Identifier: Apache-2.0
// How large the ring of the eBPF collector is, by a table.
#include "collect/ring_choice.h"

#include <doctest/doctest.h>

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;

struct Row {
  std::uint64_t asked;
  std::uint64_t available;
  std::uint64_t size;
  const char* why;  ///< its beginning
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Row kRows[] = {
    {0, 0, 64 * kMiB, ""},  // not known
    {0, 100 * kGiB, 64 * kMiB, ""},
    {0, 2 * kGiB, 64 * kMiB, ""},  // a 32nd
    {0, 2 * kGiB - 1, 32 * kMiB, "memory is short (2047 MiB are available), "},
    {0, kGiB, 32 * kMiB, "memory is short (1024 MiB "},
    {0, kGiB - 1, 16 * kMiB, "memory is short (1023 MiB "},
    {0, 64 * kMiB, 2 * kMiB, "memory is short (64 MiB "},
    {0, 33 * kMiB, kMiB, "memory is short (33 MiB "},
    {0, kMiB, kMiB, "memory is short (1 MiB "},
    {0, 1, kMiB, "memory is short (0 MiB "},
    {4 * kMiB, 0, 4 * kMiB, "its ring has 4 MiB, as the site's settings say"},
    {kGiB, kMiB, kGiB, "its ring has 1024 MiB, as the site's settings say"},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

TEST_CASE(
    "the ring is 64 MiB, a 32nd of memory that is short, or what is asked") {
  for (const Row& row : kRows) {
    CAPTURE(row.asked);
    CAPTURE(row.available);
    const collect::RingChoice choice =
        collect::choose_ring(row.asked, row.available);
    CHECK(choice.size == row.size);
    CHECK(choice.why.starts_with(row.why));
    CHECK(choice.why.empty() == (*row.why == '\0'));
    if (choice.why.starts_with("memory"))
      CHECK(choice.why.ends_with("so its ring has " +
                                 std::to_string(row.size / kMiB) +
                                 " MiB instead of 64"));
  }
}
