// SPDX-License-Identifier: Apache-2.0
// FullScreen: a terminal taken for a program that draws on all of it, with
// nothing but the codes that every terminal of today understands (ECMA-48, and
// xterm's alternate screen).
//
// Invariants:
//  - However the program ends, but for SIGKILL, the terminal is as it was: its
//    settings, its screen and its cursor. So it is while the program is stopped
//    (SIGTSTP), and taken again when it goes on.
//  - Signals come through signals(), a descriptor, while the object lives; the
//    mask of before comes back with it.
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <vector>

#include "core/error.h"
#include "sys/signals.h"
#include "sys/unique_fd.h"

namespace cli {

class FullScreen {
 public:
  /// Takes the terminal of standard input and output. Errors: ENOTTY.
  [[nodiscard]] static core::Result<FullScreen> take();
  FullScreen(FullScreen&& other) noexcept;
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;
  FullScreen& operator=(FullScreen&&) = delete;
  ~FullScreen();

  /// Readable when a signal has come.
  [[nodiscard]] int signals() const { return signals_.get(); }

  enum class Signalled : char { kNothing, kRedraw, kEnd };
  /// Takes what has come: stops and goes on where that was asked for. kEnd: a
  /// signal ends the program; ending_signal() says which.
  [[nodiscard]] Signalled take_signals();
  [[nodiscard]] int ending_signal() const { return ending_signal_; }

  struct Size {
    std::size_t rows = 24;
    std::size_t columns = 80;
  };
  [[nodiscard]] static Size size();

  /// Draws the lines from the top; what is below them becomes empty.
  static void draw(const std::vector<std::string>& lines);

 private:
  FullScreen() = default;
  [[nodiscard]] core::Result<void> enter() const;
  void leave() const;
  [[nodiscard]] Signalled stop_and_go_on() const;

  bool is_taken_ = false;
  termios before_ = {};
  sys::SignalSet mask_ = sys::SignalSet::none();
  sys::UniqueFd signals_;
  int ending_signal_ = 0;
};

}  // namespace cli
