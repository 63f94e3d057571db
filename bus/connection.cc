// SPDX-License-Identifier: Apache-2.0
#include "bus/connection.h"

#include <endian.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "bus/polkit.h"
#include "sys/clock.h"

namespace bus {

namespace {

/// No client of ours or of a library writes half a header; whoever does is
/// looked at again after this, and has 20 s for the whole message.
constexpr core::Microseconds kCutPause = core::milliseconds(50);

/// Nothing follows what it has sent.
bool has_hung_up(int socket) {
  pollfd events = {.fd = socket, .events = POLLRDHUP, .revents = 0};
  return ::poll(&events, 1, 0) > 0 &&
         (events.revents & (POLLRDHUP | POLLHUP)) != 0;
}

}  // namespace

Connection::Connection(LoopHooks& hooks, const Backing& backing, BusPtr bus,
                       std::unique_ptr<Senders> senders,
                       std::function<void()> on_closed,
                       const ConnectionBounds& bounds)
    : hooks_(hooks),
      backing_(backing),
      bus_(std::move(bus)),
      senders_(std::move(senders)),
      on_closed_(std::move(on_closed)),
      bounds_(bounds) {}

Connection::~Connection() {
  on_closed_ = nullptr;
  finish();
}

void Connection::use_polkit() {
  polkit_ = std::make_unique<Polkit>();
}

void Connection::drive() {
  // Without it messages would look unfinished: then none is bounded.
  if (::sd_bus_add_filter(bus_.get(), nullptr, on_message, this) < 0)
    bounds_.unfinished.reset();
  if (bounds_.unfinished)
    inbox_ = std::make_unique<sys::Inbox>(::sd_bus_get_fd(bus_.get()));
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
  // Readable it stays: the timer looks whether there is more.
  if (is_cut_) wanted = static_cast<short>(wanted & ~POLLIN);
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
  if (is_cut_) deadline = sys::boot_now() + kCutPause;
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

/// sd-bus takes messages of 128 MiB, and keeps what it has of each: a client
/// that begins many and ends none must not have all memory. It reads the
/// handshake, and then one message at a time: the next bytes are always the
/// next header. A handshake that comes in pieces is read line by line.
Connection::Next Connection::look_ahead() {
  is_cut_ = false;
  if (!inbox_ || unfinished_ > 0) return Next::kRead;
  char bytes[4096];
  const ssize_t got = ::recv(::sd_bus_get_fd(bus_.get()), bytes, sizeof bytes,
                             MSG_PEEK | MSG_DONTWAIT);
  if (got <= 0) {
    const bool is_empty = got < 0 && (errno == EAGAIN || errno == EINTR);
    inbox_->let_read(is_empty ? 0 : SIZE_MAX);  // its end is for sd-bus to see
    return Next::kRead;
  }
  const std::string_view text(bytes, static_cast<std::size_t>(got));
  if (::sd_bus_is_ready(bus_.get()) > 0) return charge(text);
  constexpr std::string_view kBegin = "BEGIN\r\n";
  const std::size_t begin = text.find(kBegin);
  const bool is_whole =
      !std::exchange(has_shaken_, true) && begin != std::string_view::npos;
  const std::size_t end =
      is_whole ? begin + kBegin.size() : text.find('\n') + 1;
  inbox_->let_read(end > 0 ? end : text.size());
  return Next::kRead;
}

/// Takes the message with this header on (D-Bus specification, "Message
/// Format"): what it says of its length is what sd-bus makes room for.
Connection::Next Connection::charge(std::string_view header) {
  constexpr std::size_t kFixed = 16;
  if (header.size() < kFixed) {
    is_cut_ = !has_hung_up(::sd_bus_get_fd(bus_.get()));
    inbox_->let_read(is_cut_ ? 0 : SIZE_MAX);
    return is_cut_ ? Next::kWait : Next::kRead;
  }
  const auto number_at = [&header](std::size_t at) {
    std::uint32_t number = 0;
    std::memcpy(&number, header.data() + at, sizeof number);
    const bool is_little = header[0] == 'l';
    return std::size_t{is_little ? le32toh(number) : be32toh(number)};
  };
  const std::size_t fields = (number_at(12) + 7) / 8 * 8;
  const std::size_t size = kFixed + fields + number_at(4);
  unfinished_ = size;
  inbox_->let_read_message(size);
  *bounds_.unfinished += size;
  const bool is_good = size <= bounds_.message_most &&
                       *bounds_.unfinished <= bounds_.unfinished_most;
  return is_good ? Next::kRead : Next::kTooLarge;
}

void Connection::has_finished_message() {
  if (!inbox_) return;
  *bounds_.unfinished -= unfinished_;
  unfinished_ = 0;
  inbox_->take();
}

/// Every message comes here first, whatever becomes of it.
int Connection::on_message(sd_bus_message* /*message*/, void* self,
                           sd_bus_error* /*error*/) noexcept {
  static_cast<Connection*>(self)->has_finished_message();
  return 0;
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
    const Next next = look_ahead();
    if (next == Next::kTooLarge) return finish();
    if (next == Next::kWait) break;
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
                               std::string sender, core::Uid uid) {
  waits_.push_back({key, wait, std::move(sender), uid});
}

bool Connection::has_room_to_wait(core::Uid uid) const {
  if (waits_.size() >= bounds_.waits_most) return false;
  if (uid == core::Uid(0) || uid == core::Uid(::geteuid())) return true;
  const auto own = std::ranges::count_if(
      waits_, [uid](const OpenWait& wait) { return wait.uid == uid; });
  return static_cast<std::size_t>(own) < bounds_.waits_of_user;
}

bool Connection::end_wait(std::uint64_t key) {
  return std::erase_if(waits_, [key](const OpenWait& wait) {
           return wait.key == key;
         }) > 0;
}

Lease* Connection::find_lease(
    const std::string& sender,
    const std::function<bool(const Lease&)>& is_it) const {
  Lease* found = nullptr;
  const auto [begin, end] = leases_.equal_range(sender);
  for (auto at = begin; at != end; ++at)  // in the order in which they came
    if (!at->second->is_over() && is_it(*at->second)) found = at->second.get();
  return found;
}

void Connection::hold(const std::string& sender, std::unique_ptr<Lease> lease) {
  std::erase_if(leases_,
                [](const auto& entry) { return entry.second->is_over(); });
  leases_.emplace(sender, std::move(lease));
}

void Connection::forget_sender(const std::string& sender) {
  leases_.erase(sender);
  std::erase_if(waits_, [&](const OpenWait& wait) {
    if (wait.sender != sender) return false;
    backing_.port.forget_wait(wait.wait);
    return true;
  });
}

void Connection::finish() {
  if (std::exchange(is_finished_, true)) return;
  has_finished_message();
  watch_.reset();
  timer_.reset();
  for (const OpenWait& wait : waits_)
    backing_.port.forget_wait(wait.wait);
  waits_.clear();
  leases_.clear();
  inbox_.reset();
  if (bus_) ::sd_bus_close(bus_.get());
  if (on_closed_) on_closed_();
}

}  // namespace bus
