// SPDX-License-Identifier: Apache-2.0
// NewsRing: the latest events, kept for those who have not been told yet. Each
// reader is a cursor; one that falls behind what is kept learns how many events
// it lost. Memory is bounded, whoever reads or does not.
//
// Invariants:
//  - Events are numbered from 1 without gaps; [begin(), end()) are kept.
//  - lost() counts only events of the reader's own classes.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "core/job_news.h"

namespace bus {

/// Some classes of events.
class NewsClasses {
 public:
  constexpr void add(core::NewsClass of) { bits_ |= bit_of(of); }
  [[nodiscard]] constexpr bool has(core::NewsClass of) const {
    return (bits_ & bit_of(of)) != 0;
  }
  friend constexpr bool operator==(NewsClasses, NewsClasses) = default;

 private:
  static constexpr std::uint32_t bit_of(core::NewsClass of) {
    return std::uint32_t{1} << static_cast<unsigned>(of);
  }
  std::uint32_t bits_ = 0;
};

class NewsRing {
 public:
  using Counts = std::array<std::uint64_t, core::kNewsClasses>;

  struct News {
    core::NewsClass of = core::NewsClass::kJob;
    core::Uid owner;  ///< of the job
    std::string line;
    Counts before = {};  ///< events of each class before this one
  };

  /// How far a reader is.
  struct Cursor {
    std::uint64_t next = 1;
    Counts before = {};  ///< events of each class before `next`
  };

  explicit NewsRing(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  [[nodiscard]] std::uint64_t begin() const { return begin_; }
  [[nodiscard]] std::uint64_t end() const { return begin_ + news_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const News& at(std::uint64_t number) const {
    return news_[number - begin_];
  }

  /// The number that the next event will have is end().
  void add(core::NewsClass of, core::Uid owner, std::string_view line) {
    bytes_ += line.size() + kOverhead;
    news_.push_back({.of = of,
                     .owner = owner,
                     .line = std::string(line),
                     .before = counts_});
    ++counts_[static_cast<unsigned>(of)];
    while (bytes_ > most_bytes_ && news_.size() > 1)
      drop_oldest();
  }

  /// Everybody has been told what is before `number`.
  void drop_before(std::uint64_t number) {
    while (begin_ < number && !news_.empty())
      drop_oldest();
  }

  /// A reader that has been told everything.
  [[nodiscard]] Cursor latest() const {
    return {.next = end(), .before = counts_};
  }

  /// How many events of these classes the reader missed for good.
  [[nodiscard]] std::uint64_t lost(const Cursor& cursor,
                                   NewsClasses classes) const {
    if (cursor.next >= begin_) return 0;
    const Counts& now = counts_at(begin_);
    std::uint64_t lost = 0;
    for (unsigned i = 0; i < core::kNewsClasses; ++i)
      if (classes.has(static_cast<core::NewsClass>(i)))
        lost += now[i] - cursor.before[i];
    return lost;
  }

  /// The cursor at `number`, which is kept or end().
  [[nodiscard]] Cursor cursor_at(std::uint64_t number) const {
    return {.next = number, .before = counts_at(number)};
  }

 private:
  /// Of a deque's entry and of a string's memory, more or less.
  static constexpr std::size_t kOverhead = sizeof(News) + 16;

  [[nodiscard]] const Counts& counts_at(std::uint64_t number) const {
    return number < end() ? at(number).before : counts_;
  }
  void drop_oldest() {
    bytes_ -= news_.front().line.size() + kOverhead;
    news_.pop_front();
    ++begin_;
  }

  std::size_t most_bytes_;
  std::deque<News> news_;
  std::uint64_t begin_ = 1;
  std::size_t bytes_ = 0;
  Counts counts_ = {};
};

}  // namespace bus
