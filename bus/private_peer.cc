// SPDX-License-Identifier: Apache-2.0
#include "bus/private_peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>

#include "bus/names.h"
#include "bus/vtables.h"

namespace bus {

namespace {

constexpr const char* kDriverName = "org.freedesktop.DBus";
constexpr const char* kDriverPath = "/org/freedesktop/DBus";
constexpr const char* kOwnUniqueName = ":1.0";
constexpr std::size_t kMostMatches = 128;
constexpr std::size_t kLongestMatch = 1024;

class OneSender : public Senders {
 public:
  explicit OneSender(Identity& identity) : identity_(identity) {}
  const Identity* find(sd_bus_message* /*message*/) override {
    identity_.forget_if_ended();
    return &identity_;
  }
  void learn(Connection& connection, MessageRef message,
             Handler handler) override {
    handler(connection, message, identity_);
  }

 private:
  Identity& identity_;
};

/// Our signals come from our own name: a rule for the bus's own does not fit.
bool may_fit_ours(std::string_view rule) {
  return rule.find("sender='org.freedesktop.DBus'") == std::string_view::npos;
}

bool is_ours(std::string_view name) {
  return name == kBusName || name == kOwnUniqueName;
}

// --- org.freedesktop.DBus ---
// Each answer is complete in itself and goes out through sd-bus's own reply
// functions; the connection is rearmed when its turn ends.

PrivatePeer& peer_of(void* userdata) {
  return *static_cast<PrivatePeer*>(userdata);
}

const char* read_name(sd_bus_message* message) {
  const char* name = "";
  (void)::sd_bus_message_read(message, "s", &name);
  return name;
}

int refuse_name(sd_bus_message* message, const char* name) {
  return ::sd_bus_reply_method_errorf(message, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                      "name '%s' has no owner here", name);
}

int on_hello(sd_bus_message* message, void* userdata,
             sd_bus_error* /*error*/) noexcept {
  return ::sd_bus_reply_method_return(message, "s",
                                      peer_of(userdata).name().c_str());
}

int on_add_match(sd_bus_message* message, void* userdata,
                 sd_bus_error* /*error*/) noexcept {
  try {
    if (!peer_of(userdata).add_match(read_name(message)))
      return ::sd_bus_reply_method_errorf(
          message, SD_BUS_ERROR_LIMITS_EXCEEDED,
          "expected at most %zu matches of at most %zu bytes", kMostMatches,
          kLongestMatch);
    return ::sd_bus_reply_method_return(message, nullptr);
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

int on_remove_match(sd_bus_message* message, void* userdata,
                    sd_bus_error* /*error*/) noexcept {
  try {
    if (!peer_of(userdata).remove_match(read_name(message)))
      return ::sd_bus_reply_method_errorf(message,
                                          SD_BUS_ERROR_MATCH_RULE_NOT_FOUND,
                                          "no such match was added");
    return ::sd_bus_reply_method_return(message, nullptr);
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

int on_get_name_owner(sd_bus_message* message, void* userdata,
                      sd_bus_error* /*error*/) noexcept {
  const char* const name = read_name(message);
  if (is_ours(name))
    return ::sd_bus_reply_method_return(message, "s", kOwnUniqueName);
  if (name == std::string_view(kDriverName) || name == peer_of(userdata).name())
    return ::sd_bus_reply_method_return(message, "s", name);
  return refuse_name(message, name);
}

int on_name_has_owner(sd_bus_message* message, void* userdata,
                      sd_bus_error* /*error*/) noexcept {
  const std::string_view name = read_name(message);
  const bool has_owner =
      is_ours(name) || name == kDriverName || name == peer_of(userdata).name();
  return ::sd_bus_reply_method_return(message, "b", has_owner ? 1 : 0);
}

int on_list_names(sd_bus_message* message, void* userdata,
                  sd_bus_error* /*error*/) noexcept {
  return ::sd_bus_reply_method_return(message, "as", 4, kDriverName, kBusName,
                                      kOwnUniqueName,
                                      peer_of(userdata).name().c_str());
}

int on_get_id(sd_bus_message* message, void* userdata,
              sd_bus_error* /*error*/) noexcept {
  sd_id128_t id = {};
  (void)::sd_bus_get_bus_id(peer_of(userdata).connection().bus(), &id);
  char text[SD_ID128_STRING_MAX];
  return ::sd_bus_reply_method_return(message, "s",
                                      ::sd_id128_to_string(id, text));
}

int on_get_user(sd_bus_message* message, void* userdata,
                sd_bus_error* /*error*/) noexcept {
  const char* const name = read_name(message);
  if (is_ours(name) || name == std::string_view(kDriverName))
    return ::sd_bus_reply_method_return(message, "u", ::geteuid());
  if (name == peer_of(userdata).name())
    return ::sd_bus_reply_method_return(
        message, "u", peer_of(userdata).identity().caller.uid.raw());
  return refuse_name(message, name);
}

int on_get_process(sd_bus_message* message, void* userdata,
                   sd_bus_error* /*error*/) noexcept {
  const char* const name = read_name(message);
  if (is_ours(name) || name == std::string_view(kDriverName))
    return ::sd_bus_reply_method_return(message, "u", ::getpid());
  const core::Pid pid = peer_of(userdata).identity().caller.pid;
  if (name == peer_of(userdata).name() && pid.raw() > 0)
    return ::sd_bus_reply_method_return(message, "u", pid.raw());
  return refuse_name(message, name);
}

constexpr std::uint64_t kOpen = SD_BUS_VTABLE_UNPRIVILEGED;

const sd_bus_vtable kDriverVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Hello", "", "s", on_hello, kOpen),
    SD_BUS_METHOD("AddMatch", "s", "", on_add_match, kOpen),
    SD_BUS_METHOD("RemoveMatch", "s", "", on_remove_match, kOpen),
    SD_BUS_METHOD("GetNameOwner", "s", "s", on_get_name_owner, kOpen),
    SD_BUS_METHOD("NameHasOwner", "s", "b", on_name_has_owner, kOpen),
    SD_BUS_METHOD("ListNames", "", "as", on_list_names, kOpen),
    SD_BUS_METHOD("GetId", "", "s", on_get_id, kOpen),
    SD_BUS_METHOD("GetConnectionUnixUser", "s", "u", on_get_user, kOpen),
    SD_BUS_METHOD("GetConnectionUnixProcessID", "s", "u", on_get_process,
                  kOpen),
    SD_BUS_VTABLE_END,
};

/// A bus that serves an accepted socket.
core::Result<BusPtr> serve_socket(sys::UniqueFd socket) {
  sd_bus* made = nullptr;
  int r = ::sd_bus_new(&made);
  if (r < 0) return core::fail(-r, "sd_bus_new");
  BusPtr bus(made);
  sd_id128_t id = {};
  r = ::sd_id128_randomize(&id);
  if (r >= 0) r = ::sd_bus_set_fd(made, socket.get(), socket.get());
  if (r >= 0) (void)socket.release();  // the bus's now
  if (r >= 0) r = ::sd_bus_set_server(made, 1, id);
  if (r >= 0) r = ::sd_bus_negotiate_fds(made, 1);
  if (r >= 0) r = ::sd_bus_set_sender(made, kOwnUniqueName);
  if (r < 0) return core::fail(-r, "set up a client's connection");
  return bus;
}

core::Result<std::vector<core::Gid>> peer_groups(int socket) {
  std::vector<gid_t> groups(64);
  socklen_t size = 0;
  do {
    size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) ==
        0)
      break;
    if (errno != ERANGE) return core::fail(errno, "getsockopt(SO_PEERGROUPS)");
    groups.resize(size / sizeof(gid_t));  // the kernel says how many
  } while (true);
  groups.resize(size / sizeof(gid_t));
  return std::vector<core::Gid>(groups.begin(), groups.end());
}

core::Result<void> keep(Identity& identity, core::Result<sys::PidFd> process) {
  if (process) {
    identity.process = std::make_shared<const sys::PidFd>(*std::move(process));
    return {};
  }
  const int code = process.error().code;
  if (code == EMFILE || code == ENFILE || code == ENOMEM)
    return std::unexpected(std::move(process).error());
  if (code == ESRCH || code == EINVAL) identity.caller.pid = core::Pid();
  return {};
}

}  // namespace

core::Result<void> hold_process(Identity& identity) {
  if (identity.caller.pid.raw() <= 0) return {};
  return keep(identity, sys::PidFd::open(identity.caller.pid));
}

core::Result<Identity> peer_identity(int socket) {
  ucred credentials = {};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
    return core::fail(errno, "getsockopt(SO_PEERCRED)");
  Identity identity{.caller = {.uid = core::Uid(credentials.uid),
                               .pid = core::Pid(credentials.pid)},
                    .gid = core::Gid(credentials.gid),
                    .groups = TRY(peer_groups(socket))};
  identity.caller.groups = identity.groups;
  identity.caller.groups.push_back(*identity.gid);
  auto process = sys::PidFd::of_peer(socket);
  if (!process && process.error().code == ENOPROTOOPT)
    TRY(hold_process(identity));
  else
    TRY(keep(identity, std::move(process)));
  return identity;
}

PrivatePeer::PrivatePeer(Identity identity, std::uint64_t number,
                         std::size_t& listening)
    : listening_(listening),
      identity_(std::move(identity)),
      name_(":1." + std::to_string(number)) {}

PrivatePeer::~PrivatePeer() {
  if (wants_signals()) --listening_;
}

core::Result<std::unique_ptr<PrivatePeer>> PrivatePeer::make(
    LoopHooks& hooks, const Backing& backing, sys::UniqueFd socket,
    Identity identity, PeerOwner owner) {
  std::unique_ptr<PrivatePeer> peer(
      new PrivatePeer(std::move(identity), owner.number, owner.listening));
  BusPtr bus = TRY(serve_socket(std::move(socket)));
  peer->connection_ =
      std::make_shared<Connection>(hooks, backing, std::move(bus),
                                   std::make_unique<OneSender>(peer->identity_),
                                   std::move(owner.on_closed), owner.bounds);
  TRY(offer_objects(*peer->connection_));
  int r =
      ::sd_bus_add_object_vtable(peer->connection_->bus(), nullptr, kDriverPath,
                                 kDriverName, kDriverVtable, peer.get());
  if (r >= 0) r = ::sd_bus_start(peer->connection_->bus());
  if (r < 0) return core::fail(-r, "start a client's connection");
  peer->connection_->drive();
  return peer;
}

void PrivatePeer::count_wanted(int change) {
  const bool wanted_before = wants_signals();
  wanted_ = change > 0 ? wanted_ + 1 : wanted_ - 1;
  if (wants_signals() && !wanted_before) ++listening_;
  if (!wants_signals() && wanted_before) --listening_;
}

bool PrivatePeer::add_match(std::string rule) {
  if (matches_.size() >= kMostMatches || rule.size() > kLongestMatch)
    return false;
  if (may_fit_ours(rule)) count_wanted(+1);
  matches_.push_back(std::move(rule));
  return true;
}

bool PrivatePeer::remove_match(const std::string& rule) {
  const auto found = std::ranges::find(matches_, rule);
  if (found == matches_.end()) return false;
  if (may_fit_ours(rule)) count_wanted(-1);
  matches_.erase(found);
  return true;
}

}  // namespace bus
