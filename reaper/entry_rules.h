// SPDX-License-Identifier: Apache-2.0
// What an entrypoint does with the signals that it gets, when it ends and with
// which exit code: values and decisions, no system call. The plain entrypoint
// and a scope that stands in one's place keep the same rules.
#pragma once

#include <signal.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/ids.h"
#include "core/job_result.h"
#include "core/text.h"

namespace reaper {

/// To whom a signal goes.
enum class Target : std::uint8_t {
  kMain,   ///< the main process
  kGroup,  ///< its process group, which is then one of its own
  kJob,    ///< every process of the job
};

/// A set of the signals 1 to 64.
class SignalBits {
 public:
  constexpr void add(int signal) { bits_ |= bit(signal); }
  constexpr void clear() { bits_ = 0; }
  [[nodiscard]] constexpr bool has(int signal) const {
    return core::is_signal(signal) && (bits_ & bit(signal)) != 0;
  }

 private:
  static constexpr std::uint64_t bit(int signal) {
    return std::uint64_t{1} << static_cast<unsigned>(signal - 1);
  }
  std::uint64_t bits_ = 0;
};

/// One rule of a list: `from` becomes `to`.
struct Replacement {
  std::uint8_t from = 0;
  std::uint8_t to = 0;
};

struct EntryRules {
  static constexpr std::size_t kMostReplacements = 32;

  Target signal_target = Target::kMain;  ///< of what is passed on
  Target stop_target = Target::kJob;
  SignalBits stop_signals = [] {
    SignalBits bits;
    bits.add(SIGTERM);
    return bits;
  }();
  core::SignalNumber stop_with;  ///< none: the signal that came
  Replacement signals[kMostReplacements];
  std::uint8_t signal_count = 0;
  Replacement codes[kMostReplacements];
  std::uint8_t code_count = 0;
  const char* code_from = nullptr;   ///< the name of a process; null: the main
  const char* last_words = nullptr;  ///< a file for the reason of the end
  bool leaves = false;  ///< ends with the main process, whatever lives
  bool is_quiet = false;

  [[nodiscard]] bool has_own_group() const {
    return signal_target == Target::kGroup || stop_target == Target::kGroup;
  }
  /// What is sent when `signal` came; nothing: it is dropped. The last rule
  /// for a signal holds.
  [[nodiscard]] std::optional<core::SignalNumber> rewrite(int signal) const {
    for (int i = signal_count; i-- > 0;) {
      if (signals[i].from != signal) continue;
      if (signals[i].to == 0) return std::nullopt;
      return core::SignalNumber(signals[i].to);
    }
    return core::SignalNumber(signal);
  }
  /// The exit code that `code` becomes.
  [[nodiscard]] int map_code(int code) const {
    for (int i = code_count; i-- > 0;)
      if (codes[i].from == code) return codes[i].to;
    return code;
  }
};

/// Whether an end needs no words: success, a death by a signal that was passed
/// on or by somebody's ^C, or the exit code that stands for one; and 126 and
/// 127, which whoever could not execute something has explained.
inline bool is_expected_end(std::int32_t status, const SignalBits& passed_on) {
  const int code = core::shell_code(status);
  return code == 0 || code == 126 || code == 127 || code == 128 + SIGINT ||
         (code > 128 && passed_on.has(code - 128));
}

/// Whether a signal's death is a fault of the program, or a limit.
constexpr bool is_fault(int signal) {
  switch (signal) {
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGSYS:
    case SIGXCPU:
    case SIGXFSZ:
    case SIGKILL:
      return true;
    default:
      return false;
  }
}

}  // namespace reaper
