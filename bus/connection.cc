// SPDX-License-Identifier: Apache-2.0
#include "bus/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "sys/clock.h"

namespace bus {

Connection::Connection(LoopHooks& hooks, core::JobControl& port, BusPtr bus,
                       std::unique_ptr<Senders> senders,
                       std::function<void()> on_closed,
                       const ConnectionBounds& bounds)
    : hooks_(hooks),
      port_(port),
      bus_(std::move(bus)),
      senders_(std::move(senders)),
      on_closed_(std::move(on_closed)),
      bounds_(bounds) {}

Connection::~Connection() {
  on_closed_ = nullptr;
  finish();
}

void Connection::drive() {
  timer_ = hooks_.timer([this] { on_ready(); });
  wanted_ = POLLIN;
  watch_ = hooks_.watch(::sd_bus_get_fd(bus_.get()), wanted_,
                        [this] { on_ready(); });
  incomplete_since_ = sys::boot_now();  // the handshake is a message too
  rearm();
}

bool Connection::is_open() const {
  return !is_finished_ && ::sd_bus_is_open(bus_.get()) > 0;
}

void Connection::close() {
  finish();
}

std::uint64_t Connection::queued() const {
  std::uint64_t count = 0;
  return ::sd_bus_get_n_queued_write(bus_.get(), &count) < 0 ? 0 : count;
}

void Connection::send(sd_bus_message* message) {
  if (is_finished_) return;
  (void)::sd_bus_send(bus_.get(), message, nullptr);
  rearm();
}

void Connection::rearm() {
  if (is_finished_ || watch_ == nullptr) return;
  if (queued() > bounds_.queued_most) {
    // Closed in a round of its own: whoever sends is in the middle of things.
    hooks_.defer([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->finish();
    });
    watch_->want(wanted_ = 0);
    return;
  }
  const int events = ::sd_bus_get_events(bus_.get());
  short wanted = POLLIN;
  if (events >= 0) wanted = static_cast<short>(events & (POLLIN | POLLOUT));
  if (queued() >= bounds_.queued_pause) wanted = POLLOUT;
  if (wanted != wanted_) watch_->want(wanted_ = wanted);
  set_timer();
}

void Connection::set_timer() {
  const bool is_paused = queued() >= bounds_.queued_pause;
  std::uint64_t monotonic = UINT64_MAX;
  if (!is_paused) (void)::sd_bus_get_timeout(bus_.get(), &monotonic);
  std::optional<core::BootTime> deadline;
  if (monotonic != UINT64_MAX) {
    const std::uint64_t now = sys::read_clock_us(CLOCK_MONOTONIC);
    deadline = sys::boot_now() +
               core::Microseconds(monotonic > now ? monotonic - now : 0);
  }
  if (incomplete_since_) {
    const core::BootTime last = *incomplete_since_ + bounds_.message_within;
    deadline = deadline ? std::min(*deadline, last) : last;
  }
  if (has_more_ && !is_paused) deadline = core::BootTime();  // now
  if (deadline)
    timer_->set(*deadline);
  else
    timer_->clear();
}

/// Bytes that sd-bus has not read yet. Whatever it reads and does not handle is
/// the beginning of a message.
bool Connection::is_readable() const {
  char byte = 0;
  return ::recv(::sd_bus_get_fd(bus_.get()), &byte, 1,
                MSG_PEEK | MSG_DONTWAIT) == 1;
}

bool Connection::may_write() const {
  pollfd self = {
      .fd = ::sd_bus_get_fd(bus_.get()), .events = POLLOUT, .revents = 0};
  return ::poll(&self, 1, 0) == 1;
}

void Connection::on_ready() {
  // A handler may end the last owner's interest in this connection.
  const std::shared_ptr<Connection> self = shared_from_this();
  take_turn();
  if (!is_finished_ && ::sd_bus_is_open(bus_.get()) <= 0) finish();
  if (!is_finished_ && incomplete_since_ &&
      sys::boot_now() >= *incomplete_since_ + bounds_.message_within)
    finish();
  rearm();
}

void Connection::take_turn() {
  const bool was_ready = ::sd_bus_is_ready(bus_.get()) > 0;
  const bool has_input = is_readable();
  unsigned handled = 0;
  has_more_ = false;
  while (!is_finished_) {
    // With a full queue sd-bus is asked to write only; when it cannot, it would
    // read, and each request read makes the queue longer.
    if (queued() >= bounds_.queued_pause && !may_write()) break;
    views_ = {};
    const int r = ::sd_bus_process(bus_.get(), nullptr);
    if (r < 0) return finish();
    if (r == 0) break;
    has_more_ = ++handled == bounds_.turn;
    if (has_more_) break;
  }
  const bool is_ready = ::sd_bus_is_ready(bus_.get()) > 0;
  if (is_ready && (handled > 0 || !was_ready))
    incomplete_since_.reset();
  else if (has_input && handled == 0 && !incomplete_since_)
    incomplete_since_ = sys::boot_now();
}

void Connection::remember_wait(std::uint64_t key, core::JobControl::WaitId wait,
                               std::string sender) {
  waits_.push_back({key, wait, std::move(sender)});
}

bool Connection::end_wait(std::uint64_t key) {
  return std::erase_if(waits_, [key](const OpenWait& wait) {
           return wait.key == key;
         }) > 0;
}

void Connection::forget_waits_of(const std::string& sender) {
  std::erase_if(waits_, [&](const OpenWait& wait) {
    if (wait.sender != sender) return false;
    port_.forget_wait(wait.wait);
    return true;
  });
}

void Connection::finish() {
  if (std::exchange(is_finished_, true)) return;
  watch_.reset();
  timer_.reset();
  for (const OpenWait& wait : waits_)
    port_.forget_wait(wait.wait);
  waits_.clear();
  if (bus_) ::sd_bus_close(bus_.get());
  if (on_closed_) on_closed_();
}

}  // namespace bus
