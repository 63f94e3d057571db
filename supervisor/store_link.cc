// SPDX-License-Identifier: Apache-2.0
#include "supervisor/store_link.h"

#include <poll.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "supervisor/log.h"

namespace supervisor {

namespace {

/// How long a new supervisor waits for a store that hangs.
constexpr int kListPatienceMs = 10000;
/// How long the last word to a store may take.
constexpr core::Microseconds kLastPatience = core::seconds(10);

reaper::StoreName name_of(std::string_view text) {
  reaper::StoreName name;
  std::memcpy(name.name, text.data(),
              std::min(text.size(), sizeof name.name - 1));
  return name;
}

}  // namespace

StoreLink::StoreLink(EventLoop& loop, sys::UniqueFd socket)
    : loop_(loop), socket_(std::move(socket)) {
  watch();
}

void StoreLink::watch() {
  if (socket_.is_open()) link_ = PacketLink(loop_, socket_.get(), *this);
}

core::Result<std::vector<StoreEntry>> StoreLink::list() {
  std::vector<StoreEntry> entries;
  if (!socket_.is_open()) return entries;
  link_.send(reaper::MessageType::kList);
  for (;;) {
    pollfd ready = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    const int count = ::poll(&ready, 1, kListPatienceMs);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail(errno, "poll", "store link");
    if (count == 0) return core::fail(ETIME, "list", "store");
    std::byte buffer[1024];
    auto packet = sys::receive_packet(socket_.get(), buffer);
    if (!packet && packet.error().code == EAGAIN) continue;
    if (!packet || packet->size == 0) return core::fail(EPIPE, "list", "store");
    const auto message = reaper::decode(std::span(buffer).first(packet->size));
    if (!message) continue;
    if (message->type == reaper::MessageType::kListEnd) return entries;
    auto name = reaper::body_as<reaper::StoreName>(message->body);
    if (message->type != reaper::MessageType::kEntry || !name) continue;
    name->name[sizeof name->name - 1] = '\0';
    if (packet->fd_count == 1)
      entries.push_back({name->name, std::move(packet->fds[0])});
  }
}

void StoreLink::put(std::string_view name, int fd) {
  link_.send_value(reaper::MessageType::kPut, name_of(name), std::span(&fd, 1));
}

core::Result<void> StoreLink::put_now(std::string_view name, int fd) {
  const reaper::StoreName body = name_of(name);
  const auto sent =
      link_.send_now(reaper::MessageType::kPut,
                     std::as_bytes(std::span(&body, 1)), std::span(&fd, 1));
  if (!sent && (sent.error().code == EPIPE || sent.error().code == ECONNRESET))
    return {};
  return sent;
}

void StoreLink::when_flushed(EventLoop::Callback done) {
  if (link_.is_flushed()) return done();
  waiting_.push_back(std::move(done));
  link_.when_flushed([this] { call_waiting(); });
}

void StoreLink::call_waiting() {
  for (const EventLoop::Callback& done : std::exchange(waiting_, {}))
    done();
}

void StoreLink::drop(std::string_view name) {
  link_.send_value(reaper::MessageType::kDrop, name_of(name));
}

void StoreLink::replace(sys::UniqueFd socket) {
  link_ = PacketLink();
  socket_ = std::move(socket);
  watch();
  // Whoever waits, waits for what is put again next.
  if (!waiting_.empty())
    loop_.defer([this] { link_.when_flushed([this] { call_waiting(); }); });
}

sys::UniqueFd StoreLink::promote() && {
  link_.send(reaper::MessageType::kPromote);
  if (const auto done = link_.flush_now(kLastPatience); !done)
    spdlog::error("the store does not take its last orders: {}",
                  text_of(done.error().message()));
  link_ = PacketLink();
  return std::move(socket_);
}

void StoreLink::on_message(const reaper::Message& message,
                           std::span<sys::UniqueFd> /*fds*/) {
  // Its list is read where it is asked for.
  if (message.type != reaper::MessageType::kPutRefused) return;
  auto name = reaper::body_as<reaper::StoreName>(message.body);
  if (!name) return;
  name->name[sizeof name->name - 1] = '\0';
  spdlog::error(
      "the store has no room for '{}': a crash of the supervisor would lose it",
      name->name);
}

void StoreLink::on_end() {
  spdlog::warn("the store has gone; waiting for a new one");
  link_ = PacketLink();
  socket_.reset();
  call_waiting();
}

}  // namespace supervisor
