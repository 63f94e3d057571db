// SPDX-License-Identifier: Apache-2.0
// The file of a journal, as a crash or a bug may have left it: open() either
// refuses it or gives a journal that replays, takes an entry, and is the same
// when it is opened again. The first byte chooses whether the header's checksum
// is put right, so that the entries behind it are reached.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "core/checksum.h"
#include "supervisor/journal.h"

namespace {

constexpr std::size_t kHeaderSize = 48;

void repair_header(std::span<std::byte> file) {
  if (file.size() < kHeaderSize) return;
  const std::uint32_t sum = core::crc32c(file.first(kHeaderSize - 4));
  std::memcpy(file.data() + kHeaderSize - 4, &sum, sizeof sum);
}

sys::UniqueFd file_of(std::span<const std::byte> bytes) {
  sys::UniqueFd file(::memfd_create("fuzz", MFD_CLOEXEC));
  if (!file.is_open() || ::write(file.get(), bytes.data(), bytes.size()) !=
                             static_cast<ssize_t>(bytes.size()))
    std::abort();
  return file;
}

std::uint64_t count_of(const supervisor::Journal& journal) {
  std::uint64_t count = 0;
  const auto done = journal.replay(
      [&](const supervisor::JournalEntry&) -> core::Result<void> {
        ++count;
        return {};
      });
  if (!done) std::abort();
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  std::vector<std::byte> bytes(input.begin(), input.end());
  if ((data[0] & 1U) != 0) repair_header(bytes);
  auto journal = supervisor::Journal::open(file_of(bytes));
  if (!journal) return 0;
  const std::uint64_t count = count_of(*journal);
  const std::byte body[3] = {};
  const auto number = journal->append(body);
  if (!number || count_of(*journal) != count + 1) std::abort();
  auto again =
      supervisor::Journal::open(sys::UniqueFd(::dup(journal->memfd())));
  if (!again || again->bytes_cut() != 0 || count_of(*again) != count + 1 ||
      again->next_number() != *number + 1)
    std::abort();
  return 0;
}
