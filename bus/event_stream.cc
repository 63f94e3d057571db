// SPDX-License-Identifier: Apache-2.0
#include "bus/event_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "sys/clock.h"
#include "sys/message_socket.h"

namespace bus {

namespace {

/// Packets for one subscriber in one turn.
constexpr int kMostPackets = 4;

core::Result<void> send_line(int socket, std::string_view text) {
  return sys::send_packet(socket, std::as_bytes(std::span(text)));
}

/// A subscriber only reads: one that has closed has gone, and one that speaks
/// is none.
bool has_left(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
         errno != EAGAIN;
}

}  // namespace

EventStream::EventStream(LoopHooks& hooks, const core::JobControl& port,
                         const StreamBounds& bounds)
    : hooks_(hooks),
      port_(port),
      bounds_(bounds),
      ring_(bounds.kept_bytes),
      timer_(hooks.timer([this] { take_turn(); })) {}

core::Answer<void> EventStream::check_room(const core::Caller& caller) const {
  if (subscribers_.size() >= bounds_.subscribers)
    return refuse(core::Refusal::kTooMany,
                  "there are " + std::to_string(subscribers_.size()) +
                      " subscribers already");
  if (caller.uid == core::Uid(0) || caller.uid == core::Uid(::geteuid()))
    return {};
  const auto own = std::ranges::count_if(subscribers_, [&](const auto& entry) {
    return entry.second.caller.uid == caller.uid;
  });
  if (static_cast<std::size_t>(own) < bounds_.subscribers_of_user) return {};
  return refuse(core::Refusal::kTooMany,
                "uid " + std::to_string(caller.uid.raw()) + " has " +
                    std::to_string(own) + " subscriptions already");
}

core::Answer<core::Handle> EventStream::subscribe(const core::Caller& caller,
                                                  NewsClasses classes) {
  TRY(check_room(caller));
  auto ends = sys::make_socket_pair();
  if (!ends)
    return refuse(core::Refusal::kUnavailable,
                  std::string("no socket for the events: ") +
                      ends.error().message().c_str());
  // What a subscriber that does not read may cost of the kernel's memory.
  (void)::setsockopt(ends->first.get(), SOL_SOCKET, SO_SNDBUF,
                     &bounds_.socket_buffer, sizeof bounds_.socket_buffer);
  (void)send_line(ends->first.get(), core::begin_line(ring_.end()).view());
  const std::uint64_t id = ++last_id_;
  Subscriber& subscriber = subscribers_[id];
  subscriber.caller = caller;
  subscriber.classes = classes;
  subscriber.socket = std::move(ends->first);
  subscriber.cursor = ring_.latest();
  subscriber.watch = hooks_.watch(subscriber.socket.get(), POLLIN,
                                  [this, id] { on_ready(id); });
  return std::move(ends->second).to_handle();
}

void EventStream::tell(core::NewsKind kind, const core::Job& job,
                       const core::LimitHit& soft) {
  if (subscribers_.empty()) return;
  ring_.add(
      core::class_of(kind), job.owner,
      core::news_line(kind, ring_.end(), sys::now().real, job, soft).view());
  arrange();
}

/// A round comes after the answers that the same event gave, and after the
/// pause that the last one earned.
void EventStream::arrange() {
  if (std::exchange(is_arranged_, true)) return;
  told_ = 0;
  spent_ = {};
  timer_->set(next_round_);
}

void EventStream::take_turn() {
  const core::BootTime began = sys::boot_now();
  unsigned count = 0;
  auto at = subscribers_.upper_bound(told_);
  while (at != subscribers_.end() && count++ < bounds_.turn) {
    const auto next = std::next(at);
    told_ = at->first;
    if (!at->second.is_blocked) serve(at->first, at->second);
    at = next;
  }
  spent_ = spent_ + (sys::boot_now() - began);
  if (at == subscribers_.end()) return end_round();
  timer_->set(core::BootTime());  // now, but others before it
}

void EventStream::end_round() {
  is_arranged_ = false;
  next_round_ =
      sys::boot_now() + core::Microseconds(spent_.raw() * (bounds_.share - 1));
  std::uint64_t oldest = ring_.end();
  bool has_more = false;
  for (const auto& [id, subscriber] : subscribers_) {
    oldest = std::min(oldest, subscriber.cursor.next);
    has_more |= !subscriber.is_blocked && subscriber.cursor.next < ring_.end();
  }
  ring_.drop_before(oldest);
  if (has_more) arrange();
}

void EventStream::on_ready(std::uint64_t id) {
  const auto at = subscribers_.find(id);
  if (at == subscribers_.end()) return;
  Subscriber& subscriber = at->second;
  if (has_left(subscriber.socket.get())) {
    subscribers_.erase(at);
    return;
  }
  if (!std::exchange(subscriber.is_blocked, false)) return;
  subscriber.watch->want(POLLIN);
  if (serve(id, subscriber) && !subscriber.is_blocked) arrange();
}

bool EventStream::serve(std::uint64_t id, Subscriber& subscriber) {
  for (int i = 0; i < kMostPackets && subscriber.cursor.next < ring_.end();
       ++i) {
    const Sent sent = send_next(subscriber);
    if (sent == Sent::kGone) {
      subscribers_.erase(id);
      return false;
    }
    if (sent == Sent::kAll) continue;
    subscriber.is_blocked = true;
    subscriber.watch->want(POLLIN | POLLOUT);
    break;
  }
  return true;
}

EventStream::Sent EventStream::send_next(Subscriber& subscriber) {
  const std::uint64_t lost = ring_.lost(subscriber.cursor, subscriber.classes);
  const std::uint64_t from = std::max(subscriber.cursor.next, ring_.begin());
  const Packet& packet = packet_for(subscriber, from);
  std::string with_loss;
  if (lost > 0)
    with_loss = std::string(core::lost_line(lost).view()) + packet.text;
  const std::string& text = lost > 0 ? with_loss : packet.text;
  if (!text.empty()) {
    const auto sent = send_line(subscriber.socket.get(), text);
    if (!sent && sent.error().code == EAGAIN) return Sent::kBlocked;
    if (!sent) return Sent::kGone;
  }
  subscriber.cursor = ring_.cursor_at(packet.to);
  return Sent::kAll;
}

/// Most subscribers are told the same: one packet is made for all of them.
const EventStream::Packet& EventStream::packet_for(const Subscriber& subscriber,
                                                   std::uint64_t from) {
  const core::Caller& caller = subscriber.caller;
  const bool is_same = packet_.from == from && packet_.of_end == ring_.end() &&
                       packet_.classes == subscriber.classes &&
                       packet_.uid == caller.uid &&
                       packet_.groups == caller.groups;
  if (is_same) return packet_;
  packet_ = {.from = from,
             .to = from,
             .of_end = ring_.end(),
             .classes = subscriber.classes,
             .uid = caller.uid,
             .groups = caller.groups,
             .text = {}};
  for (; packet_.to < ring_.end(); ++packet_.to) {
    const NewsRing::News& news = ring_.at(packet_.to);
    if (!subscriber.classes.has(news.of) ||
        !port_.may(caller, core::Verb::kSee, news.owner))
      continue;
    if (packet_.text.size() + news.line.size() > bounds_.packet) break;
    packet_.text += news.line;
  }
  return packet_;
}

}  // namespace bus
