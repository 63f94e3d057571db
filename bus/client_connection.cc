// SPDX-License-Identifier: Apache-2.0
#include "bus/client_connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bus/client_transport.h"
#include "bus/names.h"
#include "bus/refusal_names.h"
#include "bus/silent_peer.h"
#include "sys/clock.h"
#include "sys/foreign_fds.h"

namespace bus {

namespace {

constexpr unsigned kLongestPauseMs = 1000;
/// A connection that lasted this long was a good one.
constexpr core::Microseconds kHeld = core::seconds(5);

std::unexpected<core::Refused> unavailable(std::string text) {
  return refuse(core::Refusal::kUnavailable, std::move(text));
}
/// sd-bus says EXFULL of descriptors that there is no room for.
const char* words_of(int code) {
  return std::strerror(code == EXFULL ? EMFILE : code);
}
std::unexpected<core::Refused> unavailable(const char* what, int code) {
  return unavailable(std::string(what) + ": " + words_of(code));
}

/// The error in an answer, or made by sd-bus for the lack of one.
class CallError {
 public:
  explicit CallError(const SdBusTable& sd) : free_(sd.error_free) {}
  CallError(const CallError&) = delete;
  CallError& operator=(const CallError&) = delete;
  ~CallError() { free_(&error_); }

  sd_bus_error* out() { return &error_; }
  [[nodiscard]] core::Refused refused(int code) const {
    return refused_of(&error_, code);
  }
  static core::Refused refused_of(const sd_bus_error* error, int code) {
    const bool has_name = error != nullptr && error->name != nullptr;
    const char* const text =
        has_name && error->message != nullptr ? error->message : words_of(code);
    return {
        .why = has_name ? refusal_of(error->name) : core::Refusal::kUnavailable,
        .text = text};
  }

 private:
  decltype(&::sd_bus_error_free) free_;
  sd_bus_error error_ = {};
};

/// A listener that accepts and closes at once (it has no descriptors left) is
/// tried again after a pause that grows.
void pause_before(unsigned attempt) {
  if (attempt == 0) return;
  const unsigned pause =
      std::min(10U << std::min(attempt, 7U), kLongestPauseMs);
  (void)::poll(nullptr, 0, static_cast<int>(pause));
}

}  // namespace

ClientConnection::ClientConnection(SdBusTable sd, std::string path,
                                   ConnectionPatience patience)
    : sd_(sd), path_(std::move(path)), patience_(patience) {}

ClientConnection::~ClientConnection() {
  abandon();
  close();
}

bool ClientConnection::is_open() const {
  return bus_ != nullptr && sd_.is_open(bus_) > 0 && !has_lost_socket();
}

bool ClientConnection::has_lost_socket() const {
  if (bus_ == nullptr) return false;
  const int fd = sd_.get_fd(bus_);  // none: sd-bus has closed it itself
  return fd >= 0 && sys::socket_cookie(fd) != socket_;
}

void ClientConnection::close() {
  if (open_ && open_->slot != nullptr)
    open_->slot = sd_.slot_unref(open_->slot);
  // sd-bus would write to a number that is not ours and close it, or abort(3)
  // where it is closed: its object is given up as it is.
  if (has_lost_socket()) bus_ = nullptr;
  if (bus_ != nullptr) bus_ = sd_.close_unref(bus_);
}

core::Answer<void> ClientConnection::start(sys::UniqueFd socket,
                                           core::Microseconds within) {
  close();
  listener_ = listener_of(socket.get());
  socket_ = sys::socket_cookie(socket.get());
  int r = sd_.bus_new(&bus_);
  if (r < 0) return unavailable("cannot make a bus connection", -r);
  r = sd_.set_fd(bus_, socket.get(), socket.get());
  if (r >= 0) (void)socket.release();  // the connection's now
  if (r >= 0) r = sd_.negotiate_fds(bus_, 1);
  if (r >= 0) r = sd_.start(bus_);
  // One that broke already is connected again by whoever needs it.
  if (r == -EPIPE || r == -ECONNRESET) return {};
  if (r < 0) return unavailable("cannot speak to the instance", -r);
  opened_ = sys::boot_now();
  return await_ready(within);
}

core::Answer<void> ClientConnection::await_ready(core::Microseconds within) {
  const core::BootTime deadline = sys::boot_now() + within;
  while (is_open() && sd_.is_ready(bus_) == 0) {
    const int r = sd_.process(bus_, nullptr);
    if (r < 0) break;
    if (r > 0) continue;
    const std::uint64_t left = (deadline - sys::boot_now()).raw();
    if (left == 0) return unavailable(describe_silence(path_, listener_));
    (void)sd_.wait(bus_, left);
  }
  return {};
}

core::Answer<void> ClientConnection::reconnect() {
  core::Result<sys::UniqueFd> socket =
      await_private(path_, sys::boot_now() + patience_.reconnect_within);
  if (!socket && socket.error().code == EAGAIN)
    return unavailable(describe_full_queue(path_));
  if (!socket)
    return unavailable("the instance went away and did not come back: " +
                       std::string(socket.error().message().view()));
  return start(*std::move(socket), patience_.reconnect_within);
}

/// Connects again, and again if that does not hold, until the outage has lasted
/// too long.
core::Answer<void> ClientConnection::restore(Outage& outage) {
  while (!is_open()) {
    if (outage.attempts > 0 && sys::boot_now() >= outage.deadline)
      return unavailable("the instance at '" + path_ +
                         "' closes every connection");
    pause_before(outage.attempts++);
    TRY(reconnect());
  }
  return {};
}

ClientConnection::Outage ClientConnection::new_outage() const {
  return {.deadline = sys::boot_now() + patience_.reconnect_within,
          .attempts = 0};
}

core::Answer<HeldMessage> ClientConnection::make_call(
    const Method& method, const Arguments& arguments) {
  sd_bus_message* message = nullptr;
  int r = sd_.new_method_call(bus_, &message, kBusName, kManagerPath,
                              method.interface, method.member);
  if (r < 0) return unavailable("cannot make a message", -r);
  HeldMessage held(sd_, message);
  r = arguments(sd_, message);
  if (r == -EBADF || r == -EINVAL)  // the caller's: no descriptor, no text
    return std::unexpected(core::invalid(
        std::string("an argument of ") + method.member +
        (r == -EBADF ? " is no open descriptor" : " is no text of UTF-8")));
  if (r < 0) return unavailable("cannot write a message", -r);
  return held;
}

core::Answer<HeldMessage> ClientConnection::call(const Method& method,
                                                 const Arguments& arguments) {
  Outage outage = new_outage();
  while (true) {
    TRY(restore(outage));
    const HeldMessage message = TRY(make_call(method, arguments));
    CallError error(sd_);
    sd_bus_message* reply = nullptr;
    const int r = sd_.call(bus_, message.get(), patience_.answer_within.raw(),
                           error.out(), &reply);
    is_silent_ = is_open() && r == -ETIMEDOUT;
    if (r >= 0) return HeldMessage(sd_, reply);
    if (is_silent_) return unavailable(describe_silence(path_, listener_));
    if (is_open()) return std::unexpected(error.refused(-r));
    if (method.repeat == Repeat::kNever)
      return unavailable(
          std::string("the instance went away before it answered ") +
          method.member + "; it is not known whether it was done");
  }
}

core::Answer<void> ClientConnection::begin(const Method& method,
                                           Arguments arguments) {
  abandon();
  open_.emplace(method, std::move(arguments));
  Outage outage = new_outage();
  TRY(restore(outage));
  return send_open_call();
}

core::Answer<void> ClientConnection::send_open_call() {
  const HeldMessage message = TRY(make_call(open_->method, open_->arguments));
  const int r = sd_.call_async(bus_, &open_->slot, message.get(), on_reply,
                               this, UINT64_MAX);
  // One that broke meanwhile is for finish() to see.
  if (r < 0 && is_open()) return unavailable("cannot send a message", -r);
  return {};
}

int ClientConnection::on_reply(sd_bus_message* message, void* self,
                               sd_bus_error* /*error*/) {
  auto& connection = *static_cast<ClientConnection*>(self);
  if (connection.open_)
    connection.open_->reply =
        HeldMessage(connection.sd_, connection.sd_.message_ref(message));
  return 1;
}

core::Answer<void> ClientConnection::reopen_call(Outage& outage) {
  // The answer that sd-bus makes up for a broken connection is no answer.
  open_->reply = {};
  if (sys::boot_now() >= opened_ + kHeld) outage = new_outage();
  TRY(restore(outage));
  // Greeted: however soon this one dies, many short outages are no long one.
  // (A request that ends each supervisor is bounded: call().)
  outage.deadline = sys::boot_now() + patience_.reconnect_within;
  return send_open_call();
}

core::Answer<HeldMessage> ClientConnection::take_reply() {
  HeldMessage reply = std::move(open_->reply);
  abandon();
  const sd_bus_error* const error = sd_.get_error(reply.get());
  if (error != nullptr)
    return std::unexpected(CallError::refused_of(error, EIO));
  return reply;
}

core::Answer<std::optional<HeldMessage>> ClientConnection::finish(
    std::optional<core::BootTime> deadline) {
  Outage outage = new_outage();
  while (true) {
    if (!is_open()) TRY(reopen_call(outage));
    const int r = sd_.process(bus_, nullptr);
    if (r < 0 || !is_open()) {
      close();
      continue;
    }
    if (open_->reply.get() != nullptr) return TRY(take_reply());
    if (r > 0) continue;
    const std::uint64_t left =
        deadline ? (*deadline - sys::boot_now()).raw() : UINT64_MAX;
    if (left == 0) return std::nullopt;
    (void)sd_.wait(bus_, left);
  }
}

void ClientConnection::abandon() {
  if (!open_) return;
  if (open_->slot != nullptr) open_->slot = sd_.slot_unref(open_->slot);
  open_.reset();
}

}  // namespace bus
