// SPDX-License-Identifier: Apache-2.0
#include "supervisor/packet_link.h"

#include <poll.h>

#include <cerrno>
#include <list>
#include <utility>
#include <vector>

#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/foreign_fds.h"

namespace supervisor {

namespace {

/// The most packets handled before others get their turn.
constexpr int kMostAtOnce = 256;
/// The largest packet that anybody sends to the supervisor is far smaller.
constexpr std::size_t kReceiveBuffer = 1024;

std::vector<std::byte> packet_of(reaper::MessageType type,
                                 std::span<const std::byte> body,
                                 std::span<const std::byte> tail) {
  const auto head = reaper::head_for(type, body.size() + tail.size());
  const auto head_bytes = std::as_bytes(std::span(&head, 1));
  std::vector<std::byte> packet;
  packet.reserve(head_bytes.size() + body.size() + tail.size());
  packet.insert(packet.end(), head_bytes.begin(), head_bytes.end());
  packet.insert(packet.end(), body.begin(), body.end());
  packet.insert(packet.end(), tail.begin(), tail.end());
  return packet;
}

bool is_full(int code) {
  return code == EAGAIN || code == ENOBUFS || code == ENOMEM ||
         code == ETOOMANYREFS;
}

}  // namespace

class PacketLink::State : public std::enable_shared_from_this<State> {
 public:
  State(EventLoop& loop, int socket, PacketHandler& handler)
      : socket_(socket),
        handler_(&handler),
        watch_(loop, socket, Readiness::kRead, [this](Readiness ready) {
          const auto self = shared_from_this();  // a handler may drop the link
          if (has(ready, Readiness::kWrite)) flush();
          if (has(ready, Readiness::kRead) && handler_ != nullptr) receive();
        }) {}

  void send(std::vector<std::byte> packet, std::span<const int> fds) {
    if (waiting_.empty()) {
      const auto sent = sys::send_packet(socket_, packet, {}, fds);
      if (sent) return;
      if (!is_full(sent.error().code)) return report(sent.error());
    }
    Waiting entry{.packet = std::move(packet), .fds = {}};
    for (const int fd : fds) {
      auto copy = sys::duplicate(fd);
      if (!copy) return report(copy.error());
      entry.fds.push_back(*std::move(copy));
    }
    waiting_.push_back(std::move(entry));
    watch_.want(Readiness::kReadWrite);
  }

  [[nodiscard]] core::Result<void> send_now(std::span<const std::byte> packet,
                                            std::span<const int> fds) {
    if (!waiting_.empty()) return core::fail(EAGAIN, "sendmsg");
    return sys::send_packet(socket_, packet, {}, fds);
  }

  [[nodiscard]] core::Result<void> flush_now(core::Microseconds patience) {
    const core::BootTime deadline = sys::boot_now() + patience;
    for (flush(); !waiting_.empty(); flush()) {
      const core::Microseconds left = deadline - sys::boot_now();
      if (left.raw() == 0) return core::fail(ETIME, "sendmsg");
      pollfd room = {.fd = socket_, .events = POLLOUT, .revents = 0};
      const int wait = static_cast<int>(left.raw() / 1000 + 1);
      if (::poll(&room, 1, wait) < 0 && errno != EINTR)
        return core::fail(errno, "poll", "link");
    }
    return {};
  }

  [[nodiscard]] bool is_flushed() const { return waiting_.empty(); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  void close() {
    handler_ = nullptr;
    watch_ = IoWatch();
  }

  void when_flushed(EventLoop::Callback done) {
    if (waiting_.empty()) return done();
    flushed_.push_back(std::move(done));
  }

 private:
  struct Waiting {
    std::vector<std::byte> packet;
    std::vector<sys::UniqueFd> fds;
  };

  void flush() {
    while (!waiting_.empty()) {
      std::vector<int> fds;
      for (const auto& fd : waiting_.front().fds)
        fds.push_back(fd.get());
      const auto sent =
          sys::send_packet(socket_, waiting_.front().packet, {}, fds);
      if (!sent && is_full(sent.error().code)) return;
      if (!sent) report(sent.error());
      waiting_.pop_front();
    }
    watch_.want(Readiness::kRead);
    for (auto& done : std::exchange(flushed_, {}))
      done();
  }

  void receive() {
    std::byte buffer[kReceiveBuffer];
    for (int i = 0; i < kMostAtOnce; ++i) {
      auto packet = sys::receive_packet(socket_, buffer);
      if (!packet && packet.error().code == EAGAIN) break;
      if (!packet || packet->size == 0) {
        watch_.want(Readiness::kNone);
        handler_->on_batch_end();
        if (handler_ != nullptr) handler_->on_end();
        return;
      }
      for (const sys::UniqueFd& fd :
           std::span(packet->fds).first(packet->fd_count))
        sys::foreign_fds().mark(fd.get(), sys::ForeignFds::kSomebody);
      const auto message =
          reaper::decode(std::span(buffer).first(packet->size));
      if (!message) {
        ++dropped_;
        continue;
      }
      // Where descriptors were cut there is no room for them: what is told
      // counts all the same, as nobody tells it again (of a launch, that it
      // was).
      const std::size_t count = packet->was_cut ? 0 : packet->fd_count;
      handler_->on_message(*message, std::span(packet->fds).first(count));
      if (handler_ == nullptr) return;
    }
    handler_->on_batch_end();
  }

  static void report(const core::Error& error) {
    if (error.code != EPIPE && error.code != ECONNRESET)
      spdlog::warn("cannot send a packet: {}", text_of(error.message()));
  }

  int socket_;
  PacketHandler* handler_;  ///< null: the link was destroyed
  std::list<Waiting> waiting_;
  std::vector<EventLoop::Callback> flushed_;
  std::uint64_t dropped_ = 0;
  IoWatch watch_;
};

PacketLink::PacketLink(EventLoop& loop, int socket, PacketHandler& handler)
    : state_(std::make_shared<State>(loop, socket, handler)) {}

PacketLink& PacketLink::operator=(PacketLink&& other) noexcept {
  if (this == &other) return *this;
  if (state_) state_->close();
  state_ = std::move(other.state_);
  return *this;
}

PacketLink::~PacketLink() {
  if (state_) state_->close();
}

void PacketLink::send(reaper::MessageType type, std::span<const std::byte> body,
                      std::span<const int> fds,
                      std::span<const std::byte> tail) {
  if (!state_) return;
  state_->send(packet_of(type, body, tail), fds);
}

core::Result<void> PacketLink::send_now(reaper::MessageType type,
                                        std::span<const std::byte> body,
                                        std::span<const int> fds) {
  if (!state_) return core::fail(EPIPE, "sendmsg");
  return state_->send_now(packet_of(type, body, {}), fds);
}

core::Result<void> PacketLink::flush_now(core::Microseconds patience) {
  if (!state_) return {};
  return state_->flush_now(patience);
}

bool PacketLink::is_flushed() const {
  return !state_ || state_->is_flushed();
}

void PacketLink::when_flushed(EventLoop::Callback done) {
  if (!state_) return done();
  state_->when_flushed(std::move(done));
}

std::uint64_t PacketLink::packets_dropped() const {
  return state_ ? state_->dropped() : 0;
}

}  // namespace supervisor
