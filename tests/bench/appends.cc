// SPDX-License-Identifier: Apache-2.0
// Appends of a start of a job a second, as the scribe writes them: alone,
// without and with fdatasync(2), and so many of them in one write and one
// fdatasync. Prints "HOW RATE" lines. bench-appends FILE SECONDS
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "accounting/append.h"
#include "accounting/csa_encode.h"
#include "sys/clock.h"

namespace {

struct How {
  const char* name;
  unsigned group;
  bool is_synced;
};
constexpr How kHows[] = {
    {.name = "alone", .group = 1, .is_synced = false},
    {.name = "synced", .group = 1, .is_synced = true},
    {.name = "synced-by-16", .group = 16, .is_synced = true},
    {.name = "synced-by-256", .group = 256, .is_synced = true}};

/// Appends a second, or below 0.
double rate_of(int file, const How& how, double seconds) {
  accounting::StartOfJob start;
  start.jid = core::JobId(7);
  start.when = sys::now();
  const auto begin = sys::now().boot.raw();
  std::uint64_t count = 0;
  std::uint64_t elapsed = 0;
  std::vector<std::byte> group;
  while (static_cast<double>(elapsed) < seconds * 1e6) {
    group.clear();
    for (unsigned i = 0; i < how.group; ++i) {
      start.key = {.instance = 1, .key = ++count};
      const auto bytes = accounting::encode(start);
      group.insert(group.end(), bytes.view().begin(), bytes.view().end());
    }
    if (!accounting::append_whole(file, group)) return -1;
    if (how.is_synced && ::fdatasync(file) < 0) return -1;
    elapsed = sys::now().boot.raw() - begin;
  }
  return static_cast<double>(count) * 1e6 / static_cast<double>(elapsed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  for (const How& how : kHows) {
    const auto file = accounting::open_for_append(AT_FDCWD, argv[1]);
    if (!file || ::ftruncate(file->get(), 0) < 0) return 1;
    const double rate = rate_of(file->get(), how, std::atof(argv[2]));
    if (rate < 0) return 1;
    std::printf("%s %.0f\n", how.name, rate);
  }
  return 0;
}
