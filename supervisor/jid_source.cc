// SPDX-License-Identifier: Apache-2.0
#include "supervisor/jid_source.h"

#include <algorithm>
#include <utility>

#include "core/try.h"
#include "supervisor/log.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

/// How long a job waits for a disk that does not answer.
constexpr core::Microseconds kPatience = core::seconds(5);

}  // namespace

JidBlock joined(const JidBlock& block, const JidBlock& next) {
  if (next.after != block.end) return next;
  return {.after = block.after, .end = next.end};
}

JidSource::JidSource(EventLoop& loop, Handlers handlers)
    : loop_(loop),
      handlers_(std::move(handlers)),
      patience_(loop, [this] { improvise("the disk does not answer"); }) {}

void JidSource::take_up(std::uint32_t last,
                        const std::optional<JidBlock>& block, FreeJids free) {
  note(last);
  if (block) {
    block_ = *block;
    note(block->after);
  }
  // One that was to be given above them was not: next() gives them.
  free.cut_above(last_);
  free_ = std::move(free);
}

void JidSource::prepare() {
  if (last_ >= block_.end) ask();
}

std::optional<std::uint32_t> JidSource::next() {
  if (last_ >= block_.end) {
    ask();
    if (!patience_.is_set()) patience_.set(sys::boot_now() + kPatience);
    return std::nullopt;
  }
  ++last_;
  if (block_.end - last_ < kJidBlock / 2 && !was_refused_) ask();
  return last_;
}

void JidSource::request(std::uint32_t sequence,
                        std::function<void(core::Result<Request>)> done) {
  if (sequence > kHighest) return done(Request::kTooHigh);
  if (sequence <= last_) {
    FreeJids free = free_;
    if (!free.take(sequence)) return done(Request::kUsed);
    auto remembered = handlers_.remember_free(free);
    if (!remembered) return done(std::unexpected(remembered.error()));
    free_ = std::move(free);
    return done(Request::kGiven);
  }
  const auto give = [this, sequence] -> core::Result<Request> {
    TRY(pass_over(sequence));
    last_ = sequence;
    return Request::kGiven;
  };
  if (sequence <= block_.end) return done(give());
  handlers_.reserve(
      sequence - 1, [this, sequence, give,
                     done = std::move(done)](core::Result<JidBlock> block) {
        if (!block) return done(std::unexpected(std::move(block).error()));
        // Above it if the disk knew of one as high: those were another's.
        const bool is_ours = block->after < sequence;
        if (is_ours)
          if (auto passed = pass_over(sequence); !passed)
            return done(std::unexpected(std::move(passed).error()));
        use(*block);
        // Overtaken: it may be free.
        if (sequence <= last_) return request(sequence, done);
        done(give());
      });
}

/// Those of ours between the last one and this are free, once that is written
/// down; those beyond our block another instance may have given.
core::Result<void> JidSource::pass_over(std::uint32_t sequence) {
  if (sequence <= last_ + 1) return {};  // it is the next, or was overtaken
  // Before our first block nobody knows which of them an earlier instance gave.
  if (block_.end != 0) {
    FreeJids free = free_;
    free.add(last_ + 1, std::min(sequence - 1, block_.end));
    TRY(handlers_.remember_free(free));
    free_ = std::move(free);
  }
  last_ = sequence - 1;
  return {};
}

void JidSource::when_there(std::function<void()> call) {
  waiting_.push_back(std::move(call));
}

void JidSource::note(std::uint32_t sequence) {
  last_ = std::max(last_, sequence);
}

void JidSource::ask() {
  if (std::exchange(is_asking_, true)) return;
  handlers_.reserve(std::max(last_, block_.end),
                    [this](core::Result<JidBlock> block) {
                      is_asking_ = false;
                      take(std::move(block));
                    });
}

void JidSource::take(core::Result<JidBlock> block) {
  if (block) return use(*block);
  was_refused_ = true;
  if (last_ >= block_.end) improvise(block.error().message().c_str());
}

void JidSource::use(const JidBlock& block) {
  // One that comes too late may be below what the clock gave meanwhile.
  if (block.end <= last_) return prepare();
  if (block.after != block_.end) note(block.after);
  block_ = joined(block_, block);
  handlers_.remember(block);
  patience_.clear();
  was_refused_ = false;
  for (auto& call : std::exchange(waiting_, {}))
    loop_.defer(std::move(call));
}

void JidSource::improvise(const char* why) {
  const JidBlock block = block_of_clock(last_);
  spdlog::error(
      "which jids were given is not kept: {}; going on from the clock, with "
      "0x{:x}",
      why, block.after + 1);
  use(block);
}

}  // namespace supervisor
