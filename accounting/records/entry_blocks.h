// SPDX-License-Identifier: Apache-2.0
// A file in blocks that are read at the same time. Where the first entry of a
// block begins is guessed from its bytes, and believed only when the block
// before it has ended there: else the block is read again from the right place,
// so that the outcome is that of one reader from begin to end.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "accounting/records/ordered_work.h"
#include "accounting/records/resync.h"

namespace accounting {

inline constexpr std::uint64_t kBlock = 4U << 20;

/// Memory that was freed stays ours: each block needs what the one before it
/// gave back, and to get it anew costs more than to fill it.
void keep_freed_memory();

/// Threads that read a file: each would unpack all of a stream.
inline std::size_t worker_count(const ByteWindow& window) {
  return window.is_stream() ? 1 : worker_count();
}

/// Where, from `from` on, an entry is likely to begin; the end if nowhere.
std::uint64_t guess_entry(EntryReader& reader, std::uint64_t from);

/// What became of one block.
template <class Piece>
struct BlockResult {
  std::uint64_t begin = 0;  ///< of its first entry
  std::uint64_t end = 0;    ///< behind its last entry
  std::vector<DamagedRange> damages;
  Piece piece;
};

/// Reads `window` from `from` to its end. Each worker has a `Handler` made by
/// `make()`: `handler.begin()` starts a piece, `handler.entry(entry)` adds to
/// it and says whether to go on, `handler.finish()` hands it over. In the order
/// of the file `take(result)` gets the pieces and says whether to go on.
template <class Piece, class Make, class Take>
core::Result<void> for_each_block(const ByteWindow& window, std::uint64_t from,
                                  const Make& make, const Take& take) {
  using Handler = decltype(make());
  struct Worker {
    ResilientReader reader;
    Handler handler;
  };
  const std::uint64_t size = window.size();
  const std::size_t count =
      size <= from ? 0
                   : static_cast<std::size_t>((size - from - 1) / kBlock + 1);
  const std::size_t workers = std::min(worker_count(window), count);
  if (workers > 1) keep_freed_memory();
  std::vector<std::unique_ptr<Worker>> crew;
  for (std::size_t i = 0; i <= workers; ++i)  // the last one reads again
    crew.push_back(std::unique_ptr<Worker>(
        new Worker{ResilientReader(TRY(window.twin())), make()}));

  const auto read = [&](Worker& worker, std::uint64_t begin,
                        std::uint64_t end) {
    BlockResult<Piece> result{
        .begin = begin, .end = begin, .damages = {}, .piece = {}};
    worker.reader.reader().seek(begin);
    worker.handler.begin();
    Entry entry;
    while (worker.reader.reader().position() < end) {
      const bool is_entry = worker.reader.next(entry);
      if (worker.reader.damage())
        result.damages.push_back(*worker.reader.damage());
      if (!is_entry || !worker.handler.entry(entry)) break;
    }
    result.end = worker.reader.reader().position();
    result.piece = worker.handler.finish();
    return result;
  };
  const auto end_of = [&](std::size_t i) {
    return std::min(size, from + (i + 1) * kBlock);
  };
  std::uint64_t expected = from;
  OrderedWork<BlockResult<Piece>>::run(
      workers, count,
      [&](std::size_t w, std::size_t i) {
        const std::uint64_t begin = from + i * kBlock;
        return read(
            *crew[w],
            i == 0 ? from : guess_entry(crew[w]->reader.reader(), begin),
            end_of(i));
      },
      [&](std::size_t i, BlockResult<Piece> result) {
        if (result.begin != expected)
          result = read(*crew.back(), expected, end_of(i));
        const bool goes_on = take(result);
        expected = std::max(expected, result.end);
        return goes_on;
      });
  return {};
}

}  // namespace accounting
