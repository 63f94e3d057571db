// SPDX-License-Identifier: Apache-2.0
#include "bus/message_bus.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "bus/bus_senders.h"
#include "bus/client_transport.h"
#include "bus/names.h"
#include "bus/vtables.h"
#include "core/ids.h"
#include "sys/clock.h"

namespace bus {

namespace {

/// A socket is bound before it listens, so a sign of life may come a moment
/// too early: a few quick tries follow it.
constexpr unsigned kQuickTries = 6;

core::Microseconds pause_after(unsigned attempts) {
  return core::milliseconds(
      std::min(20ULL << std::min(attempts, 12U), 60000ULL));
}

/// D-Bus specification, "Server Addresses": %XX.
std::string unescape(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const auto byte = text[0] == '%' && text.size() >= 3
                          ? core::parse_hex(text.substr(1, 2))
                          : std::nullopt;
    plain.push_back(byte ? static_cast<char>(*byte) : text[0]);
    text.remove_prefix(byte ? 3 : 1);
  }
  return plain;
}

/// The part of `text` before `separator`, which is removed with it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

/// Whether the file system will tell when a connect may succeed.
bool will_be_told(int code) {
  return code == ENOENT || code == ECONNREFUSED || code == ENOTDIR ||
         code == EACCES;
}

}  // namespace

std::optional<std::string> socket_path_of(std::string_view address) {
  while (!address.empty()) {
    std::string_view one = take_until(address, ';');
    if (take_until(one, ':') != "unix") continue;
    while (!one.empty()) {
      std::string_view value = take_until(one, ',');
      if (take_until(value, '=') == "path") return unescape(value);
    }
  }
  return std::nullopt;
}

MessageBus::MessageBus(LoopHooks& hooks, const Backing& backing,
                       std::string path, Notice notice)
    : hooks_(hooks),
      backing_(backing),
      path_(std::move(path)),
      notice_(std::move(notice)) {}

MessageBus::~MessageBus() {
  name_request_.reset();
}

void MessageBus::join() {
  retry_ = hooks_.timer([this] { try_to_join(); });
  try_to_join();
}

void MessageBus::try_to_join() {
  if (connection_ != nullptr) return;
  retry_->clear();
  wait_for_socket();  // watched first, tried second: nothing is missed
  const core::Result<void> joined = connect();
  if (joined) return stop_waiting();
  const bool is_told = event_ != nullptr && will_be_told(joined.error().code);
  if (!is_told || attempts_ < kQuickTries) try_later();
}

core::Result<void> MessageBus::connect() {
  sys::UniqueFd socket = TRY(connect_private(path_));
  BusPtr bus = TRY(start_bus(std::move(socket)));
  ConnectionBounds bounds;
  // The bus is trusted, and sd-bus bounds the handshake itself.
  bounds.message_within = core::seconds(3600);
  auto connection = std::make_shared<Connection>(
      hooks_, backing_, std::move(bus), std::make_unique<BusSenders>(),
      [this] { on_closed(); }, bounds);
  connection->use_polkit();
  TRY(offer_objects(*connection));
  sd_bus_slot* slot = nullptr;
  // In the queue: an instance that restarts meets its former self's name.
  const int r = ::sd_bus_request_name_async(connection->bus(), &slot, kBusName,
                                            SD_BUS_NAME_QUEUE, on_name, this);
  if (r < 0) return core::fail(-r, "request the bus name", kBusName);
  name_request_.reset(slot);
  connection_ = std::move(connection);
  connection_->drive();
  return {};
}

core::Result<BusPtr> MessageBus::start_bus(sys::UniqueFd socket) {
  sd_bus* made = nullptr;
  int r = ::sd_bus_new(&made);
  if (r < 0) return core::fail(-r, "sd_bus_new");
  BusPtr bus(made);
  r = ::sd_bus_set_fd(made, socket.get(), socket.get());
  if (r >= 0) (void)socket.release();  // the bus's now
  if (r >= 0) r = ::sd_bus_set_bus_client(made, 1);
  if (r >= 0) r = ::sd_bus_negotiate_fds(made, 1);
  if (r >= 0) r = ::sd_bus_start(made);
  if (r < 0) return core::fail(-r, "join the message bus", path_);
  return bus;
}

void MessageBus::wait_for_socket() {
  if (!path_watch_) {
    core::Result<PathWatch> made = PathWatch::make();
    if (!made) return;  // the timer remains
    path_watch_ = *std::move(made);
  }
  path_watch_->drain();
  if (!path_watch_->arm(path_)) return stop_waiting();
  if (event_ == nullptr)
    event_ = hooks_.watch(path_watch_->fd(), POLLIN, [this] { on_event(); });
}

void MessageBus::stop_waiting() {
  event_.reset();
  path_watch_.reset();
}

void MessageBus::try_later() {
  retry_->set(sys::boot_now() + pause_after(attempts_++));
}

void MessageBus::on_event() {
  attempts_ = 0;
  try_to_join();
}

void MessageBus::on_closed() {
  if (has_name_) notice_("the message bus went away; going on without it");
  has_name_ = false;
  name_request_.reset();
  connection_.reset();
  try_later();
}

int MessageBus::on_name(sd_bus_message* message, void* self,
                        sd_bus_error* /*error*/) noexcept {
  auto& bus = *static_cast<MessageBus*>(self);
  const sd_bus_error* const error = ::sd_bus_message_get_error(message);
  if (error != nullptr) {
    try {
      bus.notice_(std::string("cannot have the name 'org.corral.Manager1' on "
                              "the message bus: ") +
                  (error->message != nullptr ? error->message : error->name) +
                  "; is its policy file org.corral.conf installed?");
    } catch (...) {
      return 0;  // a notice is lost
    }
    return 0;
  }
  bus.has_name_ = true;
  bus.attempts_ = 0;
  return 0;
}

}  // namespace bus
