// SPDX-License-Identifier: Apache-2.0
#include "bus/server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "sys/clock.h"
#include "sys/foreign_fds.h"

namespace bus {

namespace {

/// Connections accepted before others have their turn.
constexpr unsigned kAcceptTurn = 32;
constexpr core::Microseconds kRest = core::milliseconds(200);

/// One that only asked whether anybody answers (bus/client_transport.h) has
/// gone already, and costs no more than this.
bool has_left(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

sys::UniqueFd open_spare() {
  auto spare = sys::open_at(AT_FDCWD, "/dev/null", O_RDONLY);
  return spare ? *std::move(spare) : sys::UniqueFd();
}

}  // namespace

Server::Server(LoopHooks& hooks, core::JobControl& port, Notice notice,
               const ServerBounds& bounds)
    : hooks_(hooks),
      port_(port),
      notice_(std::move(notice)),
      bounds_(bounds),
      announcer_(hooks, *this),
      events_(hooks, port),
      spare_(open_spare()) {
  port_.set_observer(this);
}

Server::~Server() {
  port_.set_observer(nullptr);
}

void Server::serve(PrivateListener listener) {
  listening_.reset();  // of the one before
  listener_ = std::move(listener);
  listening_ =
      hooks_.watch(listener_->fd(), POLLIN, [this] { on_connections(); });
  rest_ = hooks_.timer([this] { listening_->want(POLLIN); });
}

core::Result<void> Server::join(std::string_view address) {
  std::optional<std::string> path = socket_path_of(address);
  if (!path) return core::fail(EAFNOSUPPORT, "join the message bus", address);
  message_bus_ = std::make_unique<MessageBus>(hooks_, backing(),
                                              *std::move(path), notice_);
  message_bus_->join();
  return {};
}

void Server::on_connections() {
  for (unsigned i = 0; i < kAcceptTurn; ++i)
    if (!accept_one()) return;
}

bool Server::accept_one() {
  sys::UniqueFd socket(::accept4(listener_->fd(), nullptr, nullptr,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.is_open()) {
    sys::foreign_fds().mark(socket.get(), sys::ForeignFds::kSomebody, true);
    admit(std::move(socket));
    return true;
  }
  const int code = errno;
  if (code == EMFILE || code == ENFILE) turn_away();
  return code == ECONNABORTED || code == EINTR;
}

/// Without a descriptor left the client cannot even be refused, and would keep
/// the socket readable for ever: the spare one is used to accept and close. If
/// that is gone too, the listener rests for a moment.
void Server::turn_away() {
  spare_.reset();
  const int refused =
      ::accept4(listener_->fd(), nullptr, nullptr, SOCK_CLOEXEC);
  sys::foreign_fds().mark(refused, sys::ForeignFds::kSomebody, true);
  sys::UniqueFd(refused).reset();
  spare_ = open_spare();
  notice_("a client was turned away: no descriptor is left");
  if (spare_.is_open()) return;
  listening_->want(0);
  rest_->set(sys::boot_now() + kRest);
}

void Server::admit(sys::UniqueFd socket) {
  if (has_left(socket.get())) return;
  core::Result<Identity> identity = peer_identity(socket.get());
  if (!identity) return;
  sys::foreign_fds().mark(socket.get(), identity->caller.uid.raw(), true);
  if (!may_enter(identity->caller.uid)) return;
  const std::uint64_t number = ++last_peer_;
  const ConnectionBounds bounds = bounds_for(identity->caller.uid);
  auto peer = PrivatePeer::make(
      hooks_, backing(), std::move(socket), *std::move(identity),
      {.number = number,
       .listening = listening_peers_,
       .bounds = bounds,
       .on_closed = [this, number] { peers_.erase(number); }});
  if (peer) peers_.emplace(number, *std::move(peer));
}

bool Server::may_enter(core::Uid uid) const {
  if (peers_.size() >= bounds_.peers) return false;
  if (uid == core::Uid(0) || uid == core::Uid(::geteuid())) return true;
  std::size_t count = 0;
  for (const auto& [number, peer] : peers_)
    if (peer->identity().caller.uid == uid) ++count;
  return count < bounds_.peers_of_user;
}

ConnectionBounds Server::bounds_for(core::Uid uid) {
  std::erase_if(unfinished_,
                [](const auto& entry) { return entry.second.expired(); });
  auto bytes = unfinished_[uid].lock();
  if (!bytes) unfinished_[uid] = bytes = std::make_shared<std::size_t>(0);
  ConnectionBounds bounds;
  bounds.message_most = bounds_.message;
  bounds.unfinished_most = bounds_.messages_of_user;
  bounds.unfinished = std::move(bytes);
  return bounds;
}

std::vector<std::shared_ptr<Connection>> Server::listeners() {
  std::vector<std::shared_ptr<Connection>> listeners;
  for (const auto& [number, peer] : peers_)
    if (peer->wants_signals())
      listeners.push_back(peer->connection().shared_from_this());
  if (message_bus_ && message_bus_->has_name())
    listeners.push_back(message_bus_->connection());
  return listeners;
}

bool Server::is_empty() const {
  return listening_peers_ == 0 && !has_bus_name();
}

void Server::on_job_new(const core::Job& job) {
  announcer_.on_job_new(job);
  events_.tell(core::NewsKind::kNew, job);
}

void Server::on_job_changed(const core::Job& job) {
  announcer_.on_job_changed(job);
  events_.tell(core::NewsKind::kChanged, job);
}

void Server::on_limit_passed(const core::Job& job) {
  announcer_.on_limit_passed(job);
  events_.tell(core::NewsKind::kLimit, job);
}

void Server::on_soft_limit_passed(const core::Job& job,
                                  const core::LimitHit& hit) {
  announcer_.on_soft_limit_passed(job, hit);
  events_.tell(core::NewsKind::kSoftLimit, job, hit);
}

void Server::on_job_removed(const core::Job& job) {
  announcer_.on_job_removed(job);
  events_.tell(core::NewsKind::kEnded, job);
}

void Server::on_job_forgotten(core::JobId jid) {
  announcer_.on_job_forgotten(jid);
}

std::string system_bus_address() {
  const char* const address = ::secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
  return address != nullptr && address[0] != '\0'
             ? address
             : "unix:path=/run/dbus/system_bus_socket";
}

}  // namespace bus
