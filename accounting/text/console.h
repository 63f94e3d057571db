// SPDX-License-Identifier: Apache-2.0
// Standard output and standard error of a published command, and how it gives
// up: with a sentence and an exit code.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "accounting/text/report_text.h"
#include "core/try.h"

namespace accounting {

/// A command cannot go on. `text` is what it says, as it is printed.
struct Stop {
  std::string text;
  int code = 1;
};
template <class T>
using Outcome = std::expected<T, Stop>;

/// Gives up with a sentence.
inline std::unexpected<Stop> stop(std::string text) {
  return std::unexpected(Stop{std::move(text) + "\n"});
}
/// Gives up because of the system's error `code`, in the published form.
std::unexpected<Stop> stop(std::string text, int code);

/// The published form of a sentence about a system's error.
std::string with_system_error(std::string text, int code);

class Console {
 public:
  Console() = default;
  /// Writes to these descriptors instead.
  Console(int output, int errors) : output_(output), errors_(errors) {}
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console() { flush(); }

  /// What goes to standard output, and stays here until flush().
  [[nodiscard]] ReportText& out() { return text_; }
  /// Writes what has become much.
  void breathe() {
    if (text_.size() > kMuch) flush();
  }
  void write(std::string_view text);
  void flush();
  /// To standard error, behind what was printed before.
  void complain(std::string_view text);
  /// The errno of the first write that failed; 0: all arrived.
  [[nodiscard]] int error() const { return error_; }
  /// Prints why, and returns the exit code.
  int give_up(const Stop& reason);

 private:
  static constexpr std::size_t kMuch = 256U << 10;
  int output_ = 1;
  int errors_ = 2;
  int error_ = 0;
  ReportText text_;
};

}  // namespace accounting
