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

void StoreLink::drop(std::string_view name) {
  link_.send_value(reaper::MessageType::kDrop, name_of(name));
}

void StoreLink::replace(sys::UniqueFd socket) {
  link_ = PacketLink();
  socket_ = std::move(socket);
  watch();
}

sys::UniqueFd StoreLink::promote() && {
  link_.send(reaper::MessageType::kPromote);
  link_ = PacketLink();
  return std::move(socket_);
}

void StoreLink::on_message(const reaper::Message& /*message*/,
                           std::span<sys::UniqueFd> /*fds*/) {
  // The store speaks only when asked for its list, and that is read there.
}

void StoreLink::on_end() {
  spdlog::warn("the store has gone; waiting for a new one");
  link_ = PacketLink();
  socket_.reset();
}

}  // namespace supervisor
