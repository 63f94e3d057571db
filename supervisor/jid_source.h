// SPDX-License-Identifier: Apache-2.0
// Where jids come from: the sequence numbers of this instance, from blocks that
// were reserved on the disk (jid_blocks.h).
//
// Invariants:
//  - A sequence is given once, and only from a block that the disk has; or,
//    where none can be reserved, from one of the clock's, which is said.
//  - The next block is asked for when half of one is used: with a disk that
//    answers no job waits but the first.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/error.h"
#include "supervisor/event_loop.h"
#include "supervisor/free_jids.h"
#include "supervisor/jid_blocks.h"

namespace supervisor {

class JidSource {
 public:
  using Answer = std::function<void(core::Result<JidBlock>)>;
  struct Handlers {
    /// Reserves a block above this; answers once or never, from the loop.
    std::function<void(std::uint32_t above, Answer)> reserve;
    /// A block is used from now on: for the journal.
    std::function<void(const JidBlock&)> remember;
    /// These are free from now on, before one of them, or one above them, is
    /// given: for the journal. Errors: it cannot be written.
    std::function<core::Result<void>(const FreeJids&)> remember_free;
  };

  JidSource(EventLoop& loop, Handlers handlers);

  /// Goes on where a journal stops: `block` and `free` are the last that it
  /// has.
  void take_up(std::uint32_t last, const std::optional<JidBlock>& block,
               FreeJids free = {});
  /// Asks for a block if there is none, so that the first job need not wait.
  void prepare();
  /// The next sequence. Nothing: a block is awaited.
  [[nodiscard]] std::optional<std::uint32_t> next();
  /// What came of asking for one.
  enum class Request : std::uint8_t {
    kGiven,    ///< nobody else gets it
    kUsed,     ///< it was given before, or may have been
    kTooHigh,  ///< too few would be left above it
  };
  /// The highest that can be asked for: above it are enough for years.
  static constexpr std::uint32_t kHighest = 0xEFFFFFFF;
  /// Gives a sequence of the caller's choice: above all that were given, or one
  /// that was passed over so. next() gives none of those between. Answers once,
  /// at once or from the loop. Errors: those of `reserve` and `remember_free`,
  /// when that it was given cannot be written down.
  void request(std::uint32_t sequence,
               std::function<void(core::Result<Request>)> done);
  /// Calls when next() gives one again, from the loop.
  void when_there(std::function<void()> call);
  /// A sequence that others gave: the next is above it.
  void note(std::uint32_t sequence);

  [[nodiscard]] std::uint32_t last() const { return last_; }
  [[nodiscard]] JidBlock block() const { return block_; }
  [[nodiscard]] const FreeJids& free() const { return free_; }
  [[nodiscard]] bool is_awaited() const { return !waiting_.empty(); }

 private:
  [[nodiscard]] core::Result<void> pass_over(std::uint32_t sequence);
  void ask();
  void take(core::Result<JidBlock> block);
  void use(const JidBlock& block);
  void improvise(const char* why);

  EventLoop& loop_;
  Handlers handlers_;
  std::uint32_t last_ = 0;
  JidBlock block_;
  FreeJids free_;  ///< below last_
  bool is_asking_ = false;
  bool was_refused_ = false;  ///< then the block is used up first
  Timer patience_;
  std::vector<std::function<void()>> waiting_;
};

/// What two blocks are together: one, if the second continues the first.
[[nodiscard]] JidBlock joined(const JidBlock& block, const JidBlock& next);

}  // namespace supervisor
