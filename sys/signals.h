// SPDX-License-Identifier: Apache-2.0
// Signal sets and masks as the kernel has them (signal(7)). The C library's
// own calls leave out the real-time signals that it keeps for its threads; a
// program that stands in for another one must see and pass on those too, so
// everything here is the bare system call.
#pragma once

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "core/ids.h"
#include "core/quantity.h"
#include "sys/unique_fd.h"

namespace sys {

/// The kernel's idea of the size of a set.
inline constexpr std::size_t kSignalSetSize = _NSIG / 8;
inline constexpr int kLastSignal = static_cast<int>(kSignalSetSize * 8);

class SignalSet {
 public:
  [[nodiscard]] static SignalSet none() { return SignalSet(0); }
  [[nodiscard]] static SignalSet all() { return SignalSet(0xFF); }
  [[nodiscard]] static SignalSet of(core::SignalNumber number) {
    SignalSet set(0);
    set.add(number);
    return set;
  }

  /// Signal N is bit N - 1.
  [[nodiscard]] static SignalSet of_bits(std::uint64_t bits) {
    SignalSet set(0);
    for (int number = 1; number <= 64; ++number, bits >>= 1U)
      if ((bits & 1U) != 0) set.add(core::SignalNumber(number));
    return set;
  }

  void add(core::SignalNumber number) { word(number) |= bit(number); }
  void remove(core::SignalNumber number) { word(number) &= ~bit(number); }
  [[nodiscard]] const sigset_t* get() const { return &set_; }
  [[nodiscard]] sigset_t* get() { return &set_; }

 private:
  explicit SignalSet(int fill) { std::memset(&set_, fill, sizeof set_); }

  static constexpr unsigned kBits = sizeof(unsigned long) * 8;
  [[nodiscard]] unsigned long& word(core::SignalNumber number) {
    auto* const words = reinterpret_cast<unsigned long*>(&set_);
    return words[static_cast<unsigned>(number.raw() - 1) / kBits];
  }
  static unsigned long bit(core::SignalNumber number) {
    return 1UL << (static_cast<unsigned>(number.raw() - 1) % kBits);
  }

  sigset_t set_ = {};
};

/// Replaces the thread's mask; returns the old one (rt_sigprocmask(2)).
inline SignalSet set_signal_mask(const SignalSet& mask) {
  SignalSet old = SignalSet::none();
  (void)::syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask.get(), old.get(),
                  kSignalSetSize);  // cannot fail with these arguments
  return old;
}

/// A signal's action (sigaction(2)). No handlers: those need more of the C
/// library than is wanted here.
class SignalAction {
 public:
  SignalAction() = default;
  /// SIG_DFL or SIG_IGN, and SA_NOCLDSTOP or nothing.
  explicit SignalAction(void (*handler)(int), int flags = 0) {
    action_.sa_handler = handler;
    action_.sa_flags = flags;
  }
  [[nodiscard]] bool is_ignored() const {
    return action_.sa_handler == SIG_IGN;
  }

  /// Makes it the signal's action; returns the one before. (KILL and STOP
  /// refuse, and those that the C library keeps for its threads.)
  // NOLINTNEXTLINE(modernize-use-nodiscard): mostly the old one is not wanted
  SignalAction set_for(core::SignalNumber signal) const {
    SignalAction before;
    (void)::sigaction(signal.raw(), &action_, &before.action_);
    return before;
  }
  [[nodiscard]] static SignalAction of(core::SignalNumber signal) {
    SignalAction now;
    (void)::sigaction(signal.raw(), nullptr, &now.action_);
    return now;
  }

 private:
  struct sigaction action_ = {};
};

/// Gives every signal its default action, the ignored ones too, which clone3's
/// CLONE_CLEAR_SIGHAND leaves ignored (signal(7)).
inline void set_default_actions() {
  // A kernel_sigaction of zeros is SIG_DFL with no flags on every machine. The
  // C library's own call refuses the signals that it keeps for its threads.
  const unsigned long zeros[8] = {};
  for (int signal = 1; signal <= kLastSignal; ++signal)
    (void)::syscall(SYS_rt_sigaction, signal, zeros, nullptr,
                    kSignalSetSize);  // not KILL, STOP
}

namespace detail {
// On 32-bit machines the call without the suffix has a 32-bit time.
#ifdef SYS_rt_sigtimedwait_time64
inline constexpr long kTimedWait = SYS_rt_sigtimedwait_time64;
#else
inline constexpr long kTimedWait = SYS_rt_sigtimedwait;
#endif
}  // namespace detail

/// Takes a pending signal of `set` if there is one (rt_sigtimedwait(2)).
inline std::optional<siginfo_t> take_signal(const SignalSet& set) {
  siginfo_t info = {};
  const timespec now = {};
  const long got =
      ::syscall(detail::kTimedWait, set.get(), &info, &now, kSignalSetSize);
  if (got < 0) return std::nullopt;
  return info;
}

/// Waits for a signal of `set`, which must be blocked. Nothing when a stop and
/// a continuation cut the wait short.
inline std::optional<siginfo_t> wait_for_signal(const SignalSet& set) {
  siginfo_t info = {};
  const long got =
      ::syscall(detail::kTimedWait, set.get(), &info, nullptr, kSignalSetSize);
  if (got < 0) return std::nullopt;
  return info;
}

/// Likewise, but at most for `most`: nothing when that has passed too.
inline std::optional<siginfo_t> wait_for_signal(const SignalSet& set,
                                                core::Microseconds most) {
  siginfo_t info = {};
  timespec time = {};
  time.tv_sec = static_cast<time_t>(most.raw() / 1000000U);
  time.tv_nsec = static_cast<long>(most.raw() % 1000000U) * 1000;
  const long got =
      ::syscall(detail::kTimedWait, set.get(), &info, &time, kSignalSetSize);
  if (got < 0) return std::nullopt;
  return info;
}

/// A descriptor that reads as the pending signals of `set` (signalfd(2)).
[[nodiscard]] inline core::Result<UniqueFd> make_signal_fd(
    const SignalSet& set) {
  const long fd = ::syscall(SYS_signalfd4, -1, set.get(), kSignalSetSize,
                            SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return core::fail(errno, "signalfd");
  return UniqueFd(static_cast<int>(fd));
}

}  // namespace sys
