// SPDX-License-Identifier: Apache-2.0
#include "supervisor/scope_link.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "supervisor/log.h"

namespace supervisor {

/// One job's link. It may be destroyed by what it tells.
class ScopeLinks::Link final : private PacketHandler {
 public:
  Link(EventLoop& loop, int socket, core::JobId jid, ScopeEvents& events)
      : jid_(jid), events_(events), link_(loop, socket, *this) {}

  [[nodiscard]] PacketLink& link() { return link_; }
  [[nodiscard]] core::Pid scope_pid() const { return scope_pid_; }
  void expect(core::Pid scope) { scope_pid_ = scope; }

 private:
  void on_message(const reaper::Message& message,
                  std::span<sys::UniqueFd> fds) override {
    using enum reaper::MessageType;
    if (message.type == kScopeLaunched || message.type == kScopeFailed) greet();
    if (!is_greeted_) return hold_back(message);
    switch (message.type) {
      case kScopeLaunched:
        if (const auto body =
                reaper::body_as<reaper::ScopeLaunched>(message.body)) {
          scope_pid_ = core::Pid(body->scope_pid);
          events_.on_scope_launched(
              jid_, *body, fds.empty() ? sys::UniqueFd() : std::move(fds[0]));
        }
        return;
      case kScopeFailed:
        if (const auto body = reaper::body_as<reaper::Launched>(message.body))
          events_.on_scope_failed(jid_, *body);
        return;
      case kExit:
        if (const auto body = reaper::body_as<core::ExitRecord>(message.body))
          events_.on_scope_exit(jid_, *body);
        return;
      case kScopeStopped:
        if (const auto body = reaper::body_as<reaper::Stopped>(message.body))
          events_.on_scope_stopped(jid_, *body);
        return;
      case kScopePopulated:
        if (const auto body = reaper::body_as<reaper::Populated>(message.body))
          events_.on_scope_populated(jid_, *body);
        return;
      default:
        return;  // not a scope's to say
    }
  }
  void on_batch_end() override { events_.on_scope_batch_end(jid_); }
  void on_end() override {
    ScopeEvents& events = events_;
    const core::JobId jid = jid_;
    // It died before it could tell them again.
    for (const core::ExitRecord& record : std::exchange(held_back_, {}))
      events.on_scope_exit(jid, record);
    events.on_scope_gone(jid);
  }

  void greet() {
    is_greeted_ = true;
    held_back_ = {};
  }
  void hold_back(const reaper::Message& message) {
    if (message.type == reaper::MessageType::kScopePopulated) {
      // Of a command that hangs in its exec there is no news yet.
      const auto body = reaper::body_as<reaper::Populated>(message.body);
      if (body && body->count > 0) events_.on_scope_populated(jid_, *body);
      return;
    }
    if (message.type != reaper::MessageType::kExit ||
        held_back_.size() >= kMostHeldBack)
      return;
    if (const auto body = reaper::body_as<core::ExitRecord>(message.body))
      held_back_.push_back(*body);
  }

  /// A scope keeps no more.
  static constexpr std::size_t kMostHeldBack = 64;

  core::JobId jid_;
  ScopeEvents& events_;
  core::Pid scope_pid_;
  /// Whether our Hello may have been answered. What comes before that is the
  /// rest of what was told to a dead supervisor, which may have read the
  /// beginning without remembering it: the exits before an answer that nobody
  /// is left, say. All of it comes again, unless the scope has died too: then
  /// the exits are what there is.
  bool is_greeted_ = false;
  std::vector<core::ExitRecord> held_back_;
  PacketLink link_;
};

ScopeLinks::ScopeLinks(EventLoop& loop, KeptHandles& handles)
    : loop_(loop), handles_(handles) {}

ScopeLinks::~ScopeLinks() = default;

ScopeLinks::Link* ScopeLinks::find(core::JobId jid) const {
  const auto at = links_.find(jid);
  return at == links_.end() ? nullptr : at->second.get();
}

bool ScopeLinks::is_open(core::JobId jid) const {
  return find(jid) != nullptr;
}

core::Pid ScopeLinks::scope_pid(core::JobId jid) const {
  const Link* const link = find(jid);
  return link == nullptr ? core::Pid() : link->scope_pid();
}

void ScopeLinks::open(core::JobId jid) {
  links_[jid] = std::make_unique<Link>(
      loop_, handles_.find(jid, HandleKind::kLink), jid, *events_);
}

core::Result<sys::UniqueFd> ScopeLinks::make(core::JobId jid, core::Pid taker) {
  sys::SocketPair ends = TRY(sys::make_socket_pair());
  close(jid);
  handles_.put(jid, HandleKind::kLink, std::move(ends.first));
  open(jid);
  find(jid)->expect(taker);
  find(jid)->link().send_value(reaper::MessageType::kHello, reaper::Hello{});
  return std::move(ends.second);
}

void ScopeLinks::resume(core::JobId jid) {
  if (handles_.find(jid, HandleKind::kLink) < 0) return;
  open(jid);
  find(jid)->link().send_value(reaper::MessageType::kHello, reaper::Hello{});
}

void ScopeLinks::signal(core::JobId jid, core::SignalNumber signal,
                        core::SignalTarget target) {
  Link* const link = find(jid);
  if (link == nullptr) return;
  link->link().send_value(
      reaper::MessageType::kScopeSignal,
      reaper::ScopeSignal{.signal = signal.raw(),
                          .target = static_cast<std::uint32_t>(target)});
}

void ScopeLinks::kill(core::JobId jid) {
  if (Link* const link = find(jid))
    link->link().send(reaper::MessageType::kScopeKill);
}

void ScopeLinks::inspect(core::JobId jid) {
  if (Link* const link = find(jid))
    link->link().send(reaper::MessageType::kScopeInspect);
}

void ScopeLinks::acknowledge_records(core::JobId jid, std::uint64_t sequence) {
  if (Link* const link = find(jid))
    link->link().send_value(reaper::MessageType::kRecordAck,
                            reaper::SequenceNumber{sequence});
}

void ScopeLinks::tell_ended(core::JobId jid, const reaper::ScopeEnded& ended) {
  if (Link* const link = find(jid))
    link->link().send_value(reaper::MessageType::kScopeEnded, ended);
}

void ScopeLinks::close(core::JobId jid) {
  links_.erase(jid);
  handles_.drop(jid, HandleKind::kLink);
}

bool ScopeLinks::are_flushed() const {
  return std::ranges::all_of(links_, [](const auto& entry) {
    return entry.second->link().is_flushed();
  });
}

}  // namespace supervisor
