// SPDX-License-Identifier: Apache-2.0
#include "supervisor/jid_source.h"

#include <algorithm>
#include <utility>

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
                        const std::optional<JidBlock>& block) {
  note(last);
  if (!block) return;
  block_ = *block;
  note(block->after);
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
  if (sequence <= last_) return done(Request::kUsed);
  if (sequence <= block_.end) {
    last_ = sequence;
    return done(Request::kGiven);
  }
  handlers_.reserve(sequence - 1, [this, sequence, done = std::move(done)](
                                      core::Result<JidBlock> block) {
    if (!block) return done(std::unexpected(std::move(block).error()));
    use(*block);
    // Above it if the disk knew of one as high.
    if (sequence <= last_) return done(Request::kUsed);
    last_ = sequence;
    done(Request::kGiven);
  });
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
