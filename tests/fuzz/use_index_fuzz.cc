// SPDX-License-Identifier: Apache-2.0
// What a hostile index may hold in its packed rows, and a hostile packed file
// in its frames. The first byte is the reader's: 'j' jobs of a row, 'z' a file
// that zstd packed.
//
// Jobs are taken only from bytes that an index would have written of them, are
// no more than the bytes can hold, and are counted once by every key. What
// frames hold is what the whole file does.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/index/index_rows.h"
#include "accounting/packed_file.h"
#include "accounting/use_fold.h"
#include "sys/unique_fd.h"
#include "tests/fuzz/first_byte.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;

void must(bool holds) {
  if (!holds) std::abort();
}

struct Told {
  std::uint64_t jobs = 0;
  std::uint64_t processes = 0;
};

Told told_by(const std::vector<JobPart>& parts, UseKey key) {
  UseFold fold(key, {});
  for (const JobPart& part : parts)
    fold.add(part);
  Told told;
  for (const UseRow& row : std::move(fold).finish()) {
    told.jobs += row.jobs;
    told.processes += row.processes;
  }
  return told;
}

/// The first byte says how many jobs the row is said to have.
void jobs_of_a_row(std::string_view bytes) {
  if (bytes.empty()) return;
  const index::JobBunch bunch = {
      .jobs = static_cast<unsigned char>(bytes.front()),
      .bytes = std::string(bytes.substr(1))};
  std::vector<JobPart> parts;
  std::size_t bounds = 0;
  const bool is_good = index::unpack(bunch, [&](const JobPart& part) {
    parts.push_back(part);
    bounds += part.start.asked.size();
  });
  // Each bound has two bytes at least, and was written.
  must(bounds * 2 <= bunch.bytes.size() && parts.size() <= bunch.jobs);
  if (is_good) {
    index::JobBunch again;
    for (const JobPart& part : parts)
      index::add(again, part);
    must(again.jobs == bunch.jobs && again.bytes == bunch.bytes);
  }
  const Told by_job = told_by(parts, UseKey::kJob);
  for (const UseKey key : {UseKey::kUser, UseKey::kGroup, UseKey::kProject,
                           UseKey::kAccount, UseKey::kHour, UseKey::kNode}) {
    const Told told = told_by(parts, key);
    must(told.jobs == by_job.jobs && told.processes == by_job.processes);
  }
}

void packed_file(std::string_view bytes) {
  const sys::UniqueFd file(::memfd_create("packed", MFD_CLOEXEC));
  must(::write(file.get(), bytes.data(), bytes.size()) ==
       static_cast<ssize_t>(bytes.size()));
  std::string whole;
  const auto unpacked = unpack(
      file.get(), [&](std::span<const std::byte> piece) -> core::Result<void> {
        whole.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
      });
  const auto frames = PackedFrames::of(file.get());
  if (!frames || !*frames) return;
  // Frames that are all good make a file that is.
  must(unpacked.has_value() && (*frames)->size() == whole.size());
  std::vector<std::byte> room((*frames)->largest());
  for (std::size_t i = 0; i < (*frames)->count(); ++i) {
    const std::uint64_t begin = (*frames)->begin_of(i);
    const auto size = (*frames)->unpack(file.get(), i, room);
    must(size.has_value() && *size <= room.size() &&
         begin + *size <= whole.size() && (*frames)->frame_of(begin) == i);
    must(whole.compare(begin, *size, reinterpret_cast<const char*>(room.data()),
                       *size) == 0);
  }
}

constexpr fuzz::Reader kReaders[] = {{.letter = 'j', .read = jobs_of_a_row},
                                     {.letter = 'z', .read = packed_file}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  return fuzz::read_by_first_byte(kReaders, data, size);
}
