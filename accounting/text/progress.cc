// SPDX-License-Identifier: Apache-2.0
#include "accounting/text/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace accounting {

namespace {

constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr auto kStep = std::chrono::milliseconds(100);

void say(const char* text, int length) {
  // A terminal that does not take it is not worth a word.
  if (::write(STDERR_FILENO, text, static_cast<std::size_t>(length)) < 0)
    return;
}

}  // namespace

Progress::Progress(std::uint64_t size, Rows rows)
    : size_(size),
      is_wanted_(::isatty(STDERR_FILENO) != 0 &&
                 (rows == Rows::kAtTheEnd || ::isatty(STDOUT_FILENO) == 0)),
      next_(std::chrono::steady_clock::now() + kPatience) {}

void Progress::show(std::uint64_t done) {
  if (!is_wanted_ || size_ == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kStep;
  is_shown_ = true;
  char text[64];
  say(text,
      std::snprintf(text, sizeof text, "\r%3d %%",
                    static_cast<int>(std::min(done, size_) * 100 / size_)));
}

Progress::~Progress() {
  constexpr char kGone[] = "\r\033[K";
  if (is_shown_) say(kGone, sizeof kGone - 1);
}

}  // namespace accounting
