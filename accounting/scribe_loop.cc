// SPDX-License-Identifier: Apache-2.0
// The life of a scribe: its socket, the collector's ring, and its sleep.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "accounting/scribe.h"
#include "sys/clock.h"
#include "sys/message_socket.h"

namespace accounting {

namespace {

/// So many packets are gathered before they are written.
constexpr std::size_t kBatchPackets = 1024;
/// How long records gather in the collector's ring, if nobody asks for more.
constexpr core::Microseconds kGathering = core::seconds(1);

/// When to look into the collector's ring. Its first record after a silence
/// wakes us; from then on we look once a second, until there is nothing.
class RingWatch {
 public:
  /// What poll(2) watches; -1: nothing.
  [[nodiscard]] int fd() const { return poller_.get(); }
  /// How long to sleep at most; 0: for ever.
  [[nodiscard]] core::Microseconds patience() const {
    if (!due_) return {};
    const core::BootTime now = sys::boot_now();
    return now >= *due_ ? core::milliseconds(1) : *due_ - now;
  }

  void look_around(Scribe& scribe);

 private:
  void follow(int ring);
  [[nodiscard]] bool was_woken() const;

  int ring_ = -1;
  sys::UniqueFd poller_;
  std::optional<core::BootTime> due_;  ///< absent: the next record wakes us
};

void RingWatch::follow(int ring) {
  ring_ = ring;
  due_.reset();
  poller_.reset();
  if (ring < 0) return;
  // By edges: a ring that is not empty is no reason not to sleep.
  poller_ = sys::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  if (::epoll_ctl(poller_.get(), EPOLL_CTL_ADD, ring, &event) < 0)
    poller_.reset();
  due_ = sys::boot_now();
}

bool RingWatch::was_woken() const {
  epoll_event event = {};
  return poller_.is_open() && ::epoll_wait(poller_.get(), &event, 1, 0) == 1;
}

void RingWatch::look_around(Scribe& scribe) {
  KernelDrain* const drain = scribe.kernel();
  const int ring = drain == nullptr ? -1 : drain->ring().fd();
  if (ring != ring_) follow(ring);
  if (drain == nullptr) return;
  const core::BootTime now = sys::boot_now();
  if (was_woken()) {
    if (drain->ring().control().is_pressed != 0)
      due_ = now;
    else if (!due_)
      due_ = now + kGathering;
  }
  if (!due_ || now < *due_) return;
  const bool was_empty = drain->is_empty();
  if (!was_empty) scribe.flush_kernel();
  due_ = now + kGathering;
  if (was_empty && drain->ring().arm()) due_.reset();
}

/// Begins or ends with a collector's ring.
void take_ring(sys::Packet& packet, Scribe& scribe) {
  if (packet.fd_count < 2) return scribe.detach_kernel();
  auto ring = KernelRing::open(
      std::move(packet.fds[0]), std::move(packet.fds[1]),
      packet.fd_count > 2 ? std::move(packet.fds[2]) : sys::UniqueFd());
  if (ring) scribe.attach_kernel(KernelDrain(*std::move(ring)));
}

enum class Peer : std::uint8_t { kThere, kGone };

/// Takes the requests of a packet; false: it begins with none.
bool take_requests(std::span<const std::byte> bytes, Scribe& scribe) {
  bool has_one = false;
  while (const auto request = read_scribe_packet<ScribeRequest>(bytes)) {
    const auto rest = bytes.subspan(sizeof *request);
    if (request->size == 0 || request->size > rest.size()) break;
    scribe.take(*request, rest.first(request->size));
    has_one = true;
    bytes = rest.subspan(request->size);
  }
  return has_one;
}

/// Reads the socket empty, or as much as one batch.
Peer gather(int socket, Scribe& scribe, bool& was_addressed) {
  std::byte buffer[kLargestScribePacket];
  for (std::size_t i = 0; i < kBatchPackets; ++i) {
    auto packet = sys::receive_packet(socket, buffer);
    if (!packet) {
      // Says that our peer died without reading all; its packets come after.
      if (packet.error().code == ECONNRESET) continue;
      return packet.error().code == EAGAIN ? Peer::kThere : Peer::kGone;
    }
    if (packet->size == 0) return Peer::kGone;
    const auto bytes = std::span(buffer).first(packet->size);
    if (const auto greeting = read_scribe_packet<ScribeGreeting>(bytes)) {
      scribe.greet(greeting->instance, greeting->rules);
      was_addressed = true;
      return Peer::kThere;  // the answer must come before a batch's
    }
    if (const auto control = read_scribe_packet<ScribeControl>(bytes)) {
      scribe.obey(*control, packet->fds[0]);
      was_addressed = true;
      return Peer::kThere;  // each has an answer of its own
    }
    if (read_scribe_packet<ScribeRing>(bytes)) {
      take_ring(*packet, scribe);
      was_addressed = true;
      continue;
    }
    if (packet->was_cut || !take_requests(bytes, scribe)) continue;
    was_addressed = true;
  }
  return Peer::kThere;
}

/// The shorter of two sleeps; 0: for ever.
core::Microseconds shorter(core::Microseconds a, core::Microseconds b) {
  if (a.raw() == 0 || b.raw() == 0) return std::max(a, b);
  return std::min(a, b);
}

/// Until the file is to be looked at; 0: for ever.
core::Microseconds until_look(const Scribe& scribe) {
  const auto due = scribe.next_look();
  if (!due) return {};
  return std::max(*due - sys::boot_now(), core::milliseconds(1));
}

/// Waits for a packet, the ring, or for the pause to be over. `pause` 0: no
/// timer.
void wait_for(int socket, const RingWatch& ring, core::Microseconds pause) {
  pollfd watched[] = {{.fd = socket, .events = POLLIN, .revents = 0},
                      {.fd = ring.fd(), .events = POLLIN, .revents = 0}};
  pause = shorter(pause, ring.patience());
  constexpr std::uint64_t kLongest = INT_MAX;  // poll(2): 24 days
  const auto timeout =
      pause.raw() == 0
          ? -1
          : static_cast<int>(std::min((pause.raw() + 999) / 1000, kLongest));
  // EINTR: the caller looks again.
  (void)::poll(watched, std::size(watched), timeout);
}

/// Sends the status. It waits for room; a peer that is gone shows at the next
/// packet, behind all that it sent.
void answer(int socket, const Scribe& scribe) {
  const ScribeStatus status = scribe.status();
  for (;;) {
    const auto sent =
        sys::send_packet(socket, std::as_bytes(std::span(&status, 1)));
    if (sent || (sent.error().code != EAGAIN && sent.error().code != EINTR))
      return;
    pollfd watched = {.fd = socket, .events = POLLOUT, .revents = 0};
    (void)::poll(&watched, 1, -1);
  }
}

bool is_same(const ScribeStatus& a, const ScribeStatus& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

int run_scribe(int socket, const std::string& path,
               const ScribeOptions& options) {
  Scribe scribe(path, options);
  // A file that may not grow is a full disk (EFBIG), not a death
  // (setrlimit(2)).
  (void)::signal(SIGXFSZ, SIG_IGN);
  core::Microseconds pause;
  // The socket's other end decides whether it blocks; here nothing may.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int flags = ::fcntl(socket, F_GETFL);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  if (flags < 0 || ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0) return 1;
  RingWatch ring;
  for (;;) {
    wait_for(socket, ring, shorter(pause, until_look(scribe)));
    bool was_addressed = false;
    const ScribeStatus before = scribe.status();
    const Peer peer = gather(socket, scribe, was_addressed);
    scribe.flush();
    ring.look_around(scribe);
    scribe.look_at_age();
    if (peer == Peer::kGone) scribe.flush_kernel();
    if (peer == Peer::kGone) return scribe.has_waiting() ? 1 : 0;
    const bool has_changed = !is_same(before, scribe.status());
    if (was_addressed || has_changed) answer(socket, scribe);
    if (!scribe.has_waiting())
      pause = core::Microseconds();
    else if (pause.raw() == 0 || was_addressed)
      pause = options.first_pause;
    else
      pause =
          std::min(core::Microseconds(pause.raw() * 2), options.longest_pause);
  }
}

}  // namespace accounting
