// SPDX-License-Identifier: Apache-2.0
// Sentinel: a process beside the scope, in the same process group, that tells
// whether a signal which the scope received was sent to the whole group (^C,
// kill %1: the command has it already) or to the scope alone (kill PID: it must
// be passed on). The kernel does not say which: but it signals a group's newest
// members first, so when the scope reads a group's signal, the sentinel, which
// blocks every signal, has it pending.
//
// Beside it is the scope's guard, in a session of its own, so that who kills
// the whole group (timeout(1) does) does not kill it: it sleeps until the scope
// is dead, and ends the job. When the scope dies the kernel clears the word
// that the sentinel sleeps on (set_tid_address(2)), and that one goes too;
// without a guard it does the guard's work.
//
// An entrypoint has a sentinel only while it is stopped as its command is.
//
// Both share memory and descriptors with the scope, so starting them copies
// nothing. They run only while the scope waits for an answer, or when the scope
// is dead; in between they sleep. So no two of the three use errno or anything
// else of the C library at the same time. Their ends are told by SIGURG: they
// are nobody's to wait for but ours (__WALL), and must not be left dead in a
// pid namespace whose init waits for them.
#pragma once

#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "core/ids.h"
#include "core/kill_plan.h"
#include "reaper/foreground.h"
#include "reaper/poll_set.h"
#include "sys/pid_fd.h"
#include "sys/signals.h"
#include "sys/unique_fd.h"
#include "sys/wait_id.h"

namespace reaper {

class Sentinel {
 public:
  /// What the guard does when the scope was killed: `run(context)`, in the
  /// scope's memory as the scope left it.
  struct Guard {
    void (*run)(void* context) = nullptr;
    void* context = nullptr;
  };

  Sentinel() = default;
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;
  ~Sentinel() { stop(); }

  /// Starts the guard; before the command, so that there is no command without
  /// it. Every signal must be blocked, and this object must not move. Where
  /// there is no pidfd_open(2) the sentinel does its work.
  void start_guard(Guard guard) {
    guard_ = guard;
    if (prepare() && open_scope())
      guard_pid_ = clone_with(&Sentinel::stand_guard, stack_ + kStackSize);
  }

  /// Starts the sentinel, unless there is one: when the command has lived for a
  /// while, because one that ends at once has no use for it. What kill(2) sends
  /// to the group before that is passed on.
  void start() {
    if (!prepare() || is_alive()) return;
    (void)::syscall(SYS_set_tid_address, &word_);
    store(word_, kIdle);
    pid_ = clone_with(&Sentinel::live, stack_);
  }

  [[nodiscard]] core::Pid pid() const { return pid_; }
  [[nodiscard]] core::Pid guard_pid() const { return guard_pid_; }

  /// Whether a signal tells of the end of one of the two: nobody sends it so.
  static bool is_of_an_end(std::uint32_t signal, std::int32_t code) {
    return signal == SIGURG && code > 0 && code <= CLD_CONTINUED;
  }

  /// Whether a signal tells of the end of one of the two, who are waited for,
  /// or was sent by one of them or, by a write to a file that may not grow or
  /// to a closed pipe, by the scope itself.
  [[nodiscard]] bool is_from_us(const signalfd_siginfo& info) {
    if (is_of_an_end(info.ssi_signo, info.ssi_code)) {
      (void)lives(pid_);  // the signals of two ends may be one
      (void)lives(guard_pid_);
      return true;
    }
    const core::Pid sender(static_cast<std::int32_t>(info.ssi_pid));
    if (sender == core::Pid(::getpid()))
      return info.ssi_signo == SIGXFSZ || info.ssi_signo == SIGPIPE;
    return sender != core::Pid() && (sender == pid_ || sender == guard_pid_);
  }

  /// Whether the whole process group was sent the signal that the scope has
  /// just received; the sentinel forgets it, and what it was sent before
  /// without the scope. Without a sentinel: what a terminal sent.
  [[nodiscard]] bool group_was_sent(const signalfd_siginfo& info) {
    const core::SignalNumber signal(static_cast<int>(info.ssi_signo));
    if (!is_alive()) return came_from_terminal(signal.raw(), info.ssi_code);
    if (is_stopped()) {
      // The group was sent SIGSTOP, and then we alone were continued.
      (void)::kill(pid_.raw(), SIGCONT);
      (void)ask(any(SIGCONT));
      if (signal == core::kSigcont) return false;
    }
    return ask(info);
  }

  /// To be called before the scope stops itself: from now on the sentinel
  /// continues it as soon as one of the descriptors is ready (the command died;
  /// the supervisor wants something; it is time), once, until end_watch().
  void watch_while_stopped(int main, int link, int timer) {
    if (!is_alive() || (!scope_.is_open() && !open_scope())) return;
    wake_up_ = sys::UniqueFd(::eventfd(0, EFD_CLOEXEC));
    if (!wake_up_.is_open()) return;
    watched_[kWakeUp] = to_poll(wake_up_.get(), POLLIN);
    watched_[kScope] = to_poll(scope_.get(), POLLIN);
    watched_[kMain] = to_poll(main, POLLIN);
    watched_[kLink] = to_poll(link, POLLIN);
    watched_[kTimer] = to_poll(timer, POLLIN);
    store(word_, kWatching);
    wake(word_);
  }

  void end_watch() {
    if (!wake_up_.is_open()) return;
    const std::uint64_t one = 1;
    (void)!::write(wake_up_.get(), &one, sizeof one);
    // An answer means that it has left the watch and its descriptors.
    (void)group_was_sent(any(SIGCHLD));
    wake_up_.reset();
  }

  /// Kills both and does not wait: that is stop()'s. They are our own children,
  /// not yet waited for: their numbers are their own.
  void dismiss() const {
    for (const core::Pid own : {pid_, guard_pid_})
      if (own != core::Pid()) (void)::kill(own.raw(), SIGKILL);
  }

  /// Kills both, if dismiss() has not, and waits for them.
  void stop() {
    dismiss();
    for (core::Pid* const own : {&pid_, &guard_pid_}) {
      if (*own != core::Pid()) (void)::waitpid(own->raw(), nullptr, __WALL);
      *own = core::Pid();
    }
  }

 private:
  static constexpr std::size_t kStackSize = std::size_t{256} * 1024;
  static constexpr int kPatience = 20;
  static constexpr long kTenMilliseconds = 10000000;
  static constexpr int kPauseMilliseconds = 10;
  // The word that the sentinel sleeps on.
  static constexpr std::uint32_t kScopeIsDead = 0;  ///< the kernel writes it
  static constexpr std::uint32_t kIdle = 1;
  static constexpr std::uint32_t kAsked = 2;
  static constexpr std::uint32_t kWatching = 3;
  // The word that the scope sleeps on.
  static constexpr std::uint32_t kNoAnswer = 0;
  static constexpr std::uint32_t kNo = 1;
  static constexpr std::uint32_t kYes = 2;

  static std::uint32_t load(const std::uint32_t& word) {
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
  }
  static void store(std::uint32_t& word, std::uint32_t value) {
    __atomic_store_n(&word, value, __ATOMIC_RELEASE);
  }
  static void wake(std::uint32_t& word) {
    (void)::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  /// Sleeps while `word` is `value`; 0 nanoseconds: for as long as it takes.
  static void wait_for_change(std::uint32_t& word, std::uint32_t value,
                              long nanoseconds) {
    const timespec limit = {.tv_sec = 0, .tv_nsec = nanoseconds};
    (void)::syscall(SYS_futex, &word, FUTEX_WAIT, value,
                    nanoseconds > 0 ? &limit : nullptr, nullptr, 0);
  }

  /// Room for both; false if there is none.
  bool prepare() {
    if (stack_ != nullptr) return true;
    void* const stacks =
        ::mmap(nullptr, 2 * kStackSize, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED) return false;
    stack_ = static_cast<std::byte*>(stacks) + kStackSize;
    return true;
  }

  bool open_scope() {
    if (auto scope = sys::PidFd::open(core::Pid(::getpid())))
      scope_ = std::move(*scope);
    return scope_.is_open();
  }

  /// Nobody, if it cannot be started.
  core::Pid clone_with(int (*run)(void*), std::byte* stack) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): clone(2) is so
    const int pid = ::clone(run, stack, CLONE_VM | CLONE_FILES | SIGURG, this);
    return core::Pid(pid < 0 ? 0 : pid);
  }

  /// False, and nobody's number any more, once somebody has killed it.
  static bool lives(core::Pid& own) {
    if (own == core::Pid()) return false;
    if (::waitpid(own.raw(), nullptr, WNOHANG | __WALL) == 0) return true;
    own = core::Pid();
    return false;
  }

  [[nodiscard]] bool is_alive() { return lives(pid_); }

  [[nodiscard]] bool is_stopped() const {
    siginfo_t info;
    return sys::wait_id(P_PID, pid_, info, WSTOPPED | WNOWAIT | __WALL) &&
           info.si_pid != 0;
  }

  static signalfd_siginfo any(std::uint32_t signal) {
    signalfd_siginfo info = {};
    info.ssi_signo = signal;
    return info;
  }

  [[nodiscard]] bool ask(const signalfd_siginfo& info) {
    asked_ = info;
    store(answer_, kNoAnswer);
    store(word_, kAsked);
    wake(word_);
    for (int tries = 0; load(answer_) == kNoAnswer; ++tries) {
      if (tries == kPatience || !is_alive()) return false;
      wait_for_change(answer_, kNoAnswer, kTenMilliseconds);
    }
    return load(answer_) == kYes;
  }

  static int live(void* self) {
    (void)::prctl(PR_SET_NAME, "corral-sentinel");  // not one of pidof's
    static_cast<Sentinel*>(self)->watch();
    return 0;  // to clone(2)'s wrapper, which ends the process
  }

  static int stand_guard(void* self) {
    const auto* const own = static_cast<Sentinel*>(self);
    (void)::prctl(PR_SET_NAME, "corral-guard");
    (void)::setsid();
    pollfd scope = to_poll(own->scope_.get(), POLLIN);
    if (::poll(&scope, 1, -1) == 1) own->guard_.run(own->guard_.context);
    return 0;
  }

  void watch() {
    for (;;) {
      const std::uint32_t word = load(word_);
      if (word == kIdle) {
        wait_for_change(word_, kIdle, 0);
      } else if (word == kAsked) {
        answer_question();
      } else if (word == kWatching) {
        keep_watch();
      } else {
        if (guard_pid_ == core::Pid() && guard_.run != nullptr)
          guard_.run(guard_.context);
        return;
      }
    }
  }

  /// Returns when the scope runs again or is dead. It makes no system call that
  /// fails, so errno stays the scope's, which is about to stop.
  void keep_watch() {
    nfds_t size = kWatched;
    int patience = -1;
    for (;;) {
      const int ready = ::poll(watched_, size, patience);
      if (ready > 0 && watched_[kWakeUp].revents != 0) become_idle(kWatching);
      if (ready > 0 &&
          (watched_[kWakeUp].revents | watched_[kScope].revents) != 0)
        return;
      // Again until it runs: the first may have come just before the stop.
      (void)scope_.signal(core::kSigcont);
      size = kMain;
      patience = kPauseMilliseconds;
    }
  }

  /// Only from `state`: the scope may have asked, or died, meanwhile.
  void become_idle(std::uint32_t state) {
    (void)__atomic_compare_exchange_n(&word_, &state, kIdle, false,
                                      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  }

  /// One kill(2) tells all its receivers the same of its sender; in another
  /// pid namespace the sender has no number.
  [[nodiscard]] bool is_the_one(const siginfo_t& pending) const {
    return pending.si_code == asked_.ssi_code &&
           (pending.si_pid == 0 ||
            static_cast<std::uint32_t>(pending.si_pid) == asked_.ssi_pid);
  }

  void answer_question() {
    const auto set = sys::SignalSet::of(
        core::SignalNumber(static_cast<int>(asked_.ssi_signo)));
    auto pending = sys::take_signal(set);
    while (pending && !is_the_one(*pending))
      pending = sys::take_signal(set);
    become_idle(kAsked);
    store(answer_, pending ? kYes : kNo);
    wake(answer_);
  }

  Guard guard_;
  std::byte* stack_ =
      nullptr;  ///< the sentinel's, growing down; the guard's is behind
  core::Pid pid_;
  core::Pid guard_pid_;
  signalfd_siginfo asked_ = {};
  enum : std::size_t { kWakeUp, kScope, kMain, kLink, kTimer, kWatched };
  pollfd watched_[kWatched] = {};
  sys::UniqueFd wake_up_;  ///< open during a watch
  sys::PidFd scope_;       ///< who started us, for guard and watch
  std::uint32_t word_ = kIdle;
  std::uint32_t answer_ = kNoAnswer;
};

}  // namespace reaper
