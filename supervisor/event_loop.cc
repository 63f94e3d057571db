// SPDX-License-Identifier: Apache-2.0
#include "supervisor/event_loop.h"

#include <ev.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/unique_fd.h"

namespace supervisor {

namespace {

/// The one place of the program that catches what the standard library throws:
/// the event is dropped and the loop goes on.
template <class Call>
void guarded(const Call& call) noexcept {
  try {
    call();
  } catch (const std::exception& exception) {
    spdlog::error("an event was dropped: {}", exception.what());
  } catch (...) {
    spdlog::error("an event was dropped: unknown exception");
  }
}

int ev_events_of(Readiness wanted) {
  return (has(wanted, Readiness::kRead) ? EV_READ : 0) |
         (has(wanted, Readiness::kWrite) ? EV_WRITE : 0);
}

Readiness readiness_of(int ev_events) {
  return static_cast<Readiness>(((ev_events & EV_READ) != 0 ? 1 : 0) |
                                ((ev_events & EV_WRITE) != 0 ? 2 : 0));
}

}  // namespace

/// A call before each wait. `is_gone` rather than an empty callback: it may be
/// the one that runs.
struct PrepareHook {
  EventLoop::Callback callback;
  bool is_gone = false;
};

class Timer::State {
 public:
  State(EventLoop::State& loop, EventLoop::Callback callback)
      : loop_(loop), callback_(std::move(callback)) {}

 private:
  friend class EventLoop::State;
  friend class Timer;
  EventLoop::State& loop_;
  EventLoop::Callback callback_;
  core::BootTime deadline_;
  std::uint64_t serial_ = 0;  ///< not 0: in the loop's table
  bool is_due_ = false;       ///< taken from the table, about to be called
};

// --- the loop

class EventLoop::State {
 public:
  State(struct ev_loop* loop, sys::UniqueFd clock)
      : loop_(loop), clock_(std::move(clock)) {
    ev_prepare_init(&prepare_, on_prepare);
    prepare_.data = this;
    ev_prepare_start(loop_, &prepare_);
    ev_io_init(&clock_watch_, on_clock, clock_.get(), EV_READ);
    clock_watch_.data = this;
    ev_io_start(loop_, &clock_watch_);
    start_jump_watch();
  }
  ~State() {
    ev_periodic_stop(loop_, &jump_watch_);
    ev_io_stop(loop_, &clock_watch_);
    ev_prepare_stop(loop_, &prepare_);
    ev_loop_destroy(loop_);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void set(const std::shared_ptr<Timer::State>& timer,
           core::BootTime deadline) {
    if (timer->serial_ != 0 && timer->deadline_ == deadline) return;
    clear(*timer);
    timer->deadline_ = deadline;
    timer->serial_ = ++last_serial_;
    timers_.emplace(key_of(*timer), timer);
  }

  void clear(Timer::State& timer) {
    timer.is_due_ = false;
    if (timer.serial_ == 0) return;
    timers_.erase(key_of(timer));
    timer.serial_ = 0;
  }

  using Hooks = std::vector<std::shared_ptr<PrepareHook>>;

  [[nodiscard]] struct ev_loop* loop() const { return loop_; }
  void defer(Callback callback) { deferred_.push_back(std::move(callback)); }
  void add_prepare(const std::shared_ptr<PrepareHook>& hook) {
    prepares_.push_back(hook);
  }
  void add_external(const std::shared_ptr<PrepareHook>& hook) {
    externals_.push_back(hook);
  }

 private:
  using Key = std::pair<core::BootTime, std::uint64_t>;

  static Key key_of(const Timer::State& timer) {
    return {timer.deadline_, timer.serial_};
  }

  /// libev wakes every minute to look for jumps of the wall clock, unless it
  /// has a timerfd that tells it of them; it makes one for the first periodic
  /// watch. This one never fires (ev.c, MAX_BLOCKTIME and evtimerfd_init).
  void start_jump_watch() {
    constexpr double kNever = 1e11;  // seconds since 1970: the year 5138
    ev_periodic_init(&jump_watch_, on_jump, kNever, 0., nullptr);
    ev_periodic_start(loop_, &jump_watch_);
  }
  static void on_jump(struct ev_loop* /*loop*/, ev_periodic* /*watch*/,
                      int /*events*/) {}

  static void on_prepare(struct ev_loop* /*loop*/, ev_prepare* watch,
                         int /*events*/) {
    static_cast<State*>(watch->data)->prepare();
  }

  void prepare() {
    run_deferred();
    call_all(prepares_);
    run_deferred();
    call_all(externals_);
    arm_clock();
  }

  void run_deferred() {
    while (!deferred_.empty()) {
      const std::vector<Callback> batch = std::exchange(deferred_, {});
      for (const Callback& callback : batch)
        guarded(callback);
    }
  }

  static void call_all(Hooks& hooks) {
    // By index: a callback may add to the vector. What went is swept after.
    bool has_gaps = false;
    // NOLINTNEXTLINE(modernize-loop-convert): the vector grows meanwhile
    for (std::size_t i = 0; i < hooks.size(); ++i) {
      // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): held
      const std::shared_ptr<PrepareHook> hook = hooks[i];
      if (!hook->is_gone) guarded(hook->callback);
      has_gaps = has_gaps || hook->is_gone;
    }
    if (has_gaps)
      std::erase_if(hooks, [](const auto& hook) { return hook->is_gone; });
  }

  /// Sets the timerfd to the earliest deadline, if that is another one now.
  void arm_clock() {
    const core::BootTime next =
        timers_.empty() ? core::BootTime() : timers_.begin()->first.first;
    if (is_armed_ == !timers_.empty() && (!is_armed_ || next == armed_for_))
      return;
    itimerspec when = {};
    if (!timers_.empty()) {
      // A zero time would disarm it; any time in the past fires at once.
      const std::uint64_t at = std::max<std::uint64_t>(next.raw(), 1);
      when.it_value.tv_sec = static_cast<time_t>(at / 1000000);
      when.it_value.tv_nsec = static_cast<long>(at % 1000000 * 1000);
    }
    if (::timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME, &when, nullptr) < 0)
      spdlog::critical("timerfd_settime: {}", std::strerror(errno));
    is_armed_ = !timers_.empty();
    armed_for_ = next;
  }

  static void on_clock(struct ev_loop* /*loop*/, ev_io* watch, int /*events*/) {
    guarded([&] { static_cast<State*>(watch->data)->fire_timers(); });
  }

  void fire_timers() {
    std::uint64_t expirations = 0;
    if (::read(clock_.get(), &expirations, sizeof expirations) < 0) return;
    is_armed_ = false;
    const core::BootTime now = sys::boot_now();
    // First take all that are due, then call: a callback may set, clear or
    // destroy any of them, and one set anew waits for the next round.
    std::vector<std::shared_ptr<Timer::State>> due;
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
      due.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
      due.back()->serial_ = 0;
      due.back()->is_due_ = true;
    }
    for (const auto& timer : due)
      if (std::exchange(timer->is_due_, false)) guarded(timer->callback_);
  }

  struct ev_loop* loop_;
  std::vector<Callback> deferred_;
  /// Called in order; externals come after prepares, which may make them want
  /// something.
  Hooks prepares_;
  Hooks externals_;
  sys::UniqueFd clock_;
  ev_prepare prepare_ = {};
  ev_io clock_watch_ = {};
  ev_periodic jump_watch_ = {};
  std::map<Key, std::shared_ptr<Timer::State>> timers_;
  std::uint64_t last_serial_ = 0;
  bool is_armed_ = false;
  core::BootTime armed_for_;
};

core::Result<EventLoop> EventLoop::make() {
  sys::UniqueFd clock(
      ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!clock.is_open()) return core::fail(errno, "timerfd_create");
  // NOENV: LIBEV_FLAGS of the environment is not to choose for us.
  constexpr unsigned kFlags = static_cast<unsigned>(EVBACKEND_EPOLL) |
                              static_cast<unsigned>(EVFLAG_NOENV);
  struct ev_loop* const loop = ev_loop_new(kFlags);
  if (loop == nullptr) return core::fail(errno, "epoll_create");
  return EventLoop(std::make_unique<State>(loop, std::move(clock)));
}

EventLoop::EventLoop(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventLoop::EventLoop(EventLoop&& other) noexcept = default;
EventLoop& EventLoop::operator=(EventLoop&& other) noexcept = default;
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  ev_run(state_->loop(), 0);
}
void EventLoop::run_once() {
  ev_run(state_->loop(), EVRUN_ONCE);
}
void EventLoop::run_ready() {
  ev_run(state_->loop(), EVRUN_NOWAIT);
}
void EventLoop::stop() {
  ev_break(state_->loop(), EVBREAK_ALL);
}

void EventLoop::defer(Callback callback) {
  state_->defer(std::move(callback));
}

core::BootTime EventLoop::deadline_of_monotonic(std::uint64_t microseconds) {
  const std::uint64_t now = sys::read_clock_us(CLOCK_MONOTONIC);
  const std::uint64_t left = microseconds > now ? microseconds - now : 0;
  return sys::boot_now() + core::Microseconds(left);
}

// --- IoWatch

class IoWatch::State : public std::enable_shared_from_this<IoWatch::State> {
 public:
  State(struct ev_loop* loop, int fd, Readiness wanted, Callback callback)
      : loop_(loop), callback_(std::move(callback)) {
    ev_io_init(&watch_, on_ready, fd, 0);
    watch_.data = this;
    want(wanted);
  }
  ~State() { stop(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void stop() { ev_io_stop(loop_, &watch_); }

  void want(Readiness wanted) {
    if (wanted == wanted_) return;
    stop();
    wanted_ = wanted;
    ev_io_set(&watch_, watch_.fd, ev_events_of(wanted));
    if (wanted != Readiness::kNone) ev_io_start(loop_, &watch_);
  }

  [[nodiscard]] Readiness wanted() const { return wanted_; }

 private:
  static void on_ready(struct ev_loop* /*loop*/, ev_io* watch, int events) {
    // Held while it is called: the callback may destroy its watch.
    const auto self = static_cast<State*>(watch->data)->shared_from_this();
    if ((events & EV_ERROR) != 0)
      spdlog::error("the loop cannot watch descriptor {}", watch->fd);
    guarded([&] { self->callback_(readiness_of(events)); });
  }

  struct ev_loop* loop_;
  Callback callback_;
  ev_io watch_ = {};
  Readiness wanted_ = Readiness::kNone;
};

IoWatch::IoWatch(EventLoop& loop, int fd, Readiness wanted, Callback callback)
    : state_(std::make_shared<State>(loop.state().loop(), fd, wanted,
                                     std::move(callback))) {}
IoWatch::IoWatch(IoWatch&& other) noexcept = default;
IoWatch& IoWatch::operator=(IoWatch&& other) noexcept {
  if (this != &other) {
    if (state_) state_->stop();
    state_ = std::move(other.state_);
  }
  return *this;
}
IoWatch::~IoWatch() {
  // It may be held by the call that runs now: stopped here and now all the
  // same.
  if (state_) state_->stop();
}

void IoWatch::want(Readiness wanted) {
  state_->want(wanted);
}
Readiness IoWatch::wanted() const {
  return state_ ? state_->wanted() : Readiness::kNone;
}

// --- Timer

Timer::Timer(EventLoop& loop, EventLoop::Callback callback)
    : state_(std::make_shared<State>(loop.state(), std::move(callback))) {}
Timer::Timer(Timer&& other) noexcept = default;
Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    clear();
    state_ = std::move(other.state_);
  }
  return *this;
}
Timer::~Timer() {
  clear();
}

void Timer::set(core::BootTime deadline) {
  state_->loop_.set(state_, deadline);
}
void Timer::clear() {
  if (state_) state_->loop_.clear(*state_);
}
bool Timer::is_set() const {
  return state_ && (state_->serial_ != 0 || state_->is_due_);
}

// --- PrepareWatch

PrepareWatch::PrepareWatch(EventLoop& loop, EventLoop::Callback callback)
    : hook_(std::make_shared<PrepareHook>(std::move(callback))) {
  loop.state().add_prepare(hook_);
}
PrepareWatch::PrepareWatch(PrepareWatch&& other) noexcept = default;
PrepareWatch& PrepareWatch::operator=(PrepareWatch&& other) noexcept {
  if (this != &other) {
    if (hook_) hook_->is_gone = true;
    hook_ = std::move(other.hook_);
  }
  return *this;
}
PrepareWatch::~PrepareWatch() {
  if (hook_) hook_->is_gone = true;
}

// --- ExternalWatch

class ExternalWatch::State
    : public std::enable_shared_from_this<ExternalWatch::State> {
 public:
  State(EventLoop& loop, ExternalSource source)
      : loop_(loop), source_(std::move(source)) {}

  void start() {
    timer_ = Timer(loop_, process_if_alive());
    hook_ = std::make_shared<PrepareHook>([this] { arm(); });
    loop_.state().add_external(hook_);
  }

  void stop() {
    io_ = IoWatch();
    timer_.clear();
    hook_->is_gone = true;
  }

 private:
  EventLoop::Callback process_if_alive() {
    return [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->source_.process();
    };
  }

  /// Asks the source again what it waits for.
  void arm() {
    const int fd = source_.fd();
    const short events = source_.events();
    const Readiness wanted = static_cast<Readiness>(
        ((events & POLLIN) != 0 ? 1 : 0) | ((events & POLLOUT) != 0 ? 2 : 0));
    if (fd != fd_) {
      fd_ = fd;
      io_ = fd < 0
                ? IoWatch()
                : IoWatch(
                      loop_, fd, wanted,
                      [process = process_if_alive()](Readiness) { process(); });
    } else if (io_.is_open()) {
      io_.want(wanted);
    }
    if (const auto deadline = source_.deadline())
      timer_.set(*deadline);
    else
      timer_.clear();
  }

  EventLoop& loop_;
  ExternalSource source_;
  int fd_ = -1;
  IoWatch io_;
  Timer timer_;
  std::shared_ptr<PrepareHook> hook_;
};

ExternalWatch::ExternalWatch(EventLoop& loop, ExternalSource source)
    : state_(std::make_shared<State>(loop, std::move(source))) {
  state_->start();
}
ExternalWatch::~ExternalWatch() {
  state_->stop();
}

}  // namespace supervisor
