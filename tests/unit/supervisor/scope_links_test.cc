// SPDX-License-Identifier: Apache-2.0
// The link to a scope over a real socket, which a dead supervisor used before:
// what it left unread, and what is told again.
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "reaper/link.h"
#include "supervisor/kept_handles.h"
#include "supervisor/scope_link.h"

namespace {

using reaper::MessageType;
using supervisor::EventLoop;

/// Runs the loop until nothing more is ready.
void run(EventLoop& loop) {
  for (int i = 0; i < 50; ++i)
    loop.run_ready();
}

/// What is heard of a scope, a letter each.
class ScopeNews final : public supervisor::ScopeEvents {
 public:
  std::string heard;

 private:
  void on_scope_launched(core::JobId, const reaper::ScopeLaunched&,
                         sys::UniqueFd) override {
    heard += 'L';
  }
  void on_scope_failed(core::JobId, const reaper::Launched&) override {
    heard += 'F';
  }
  void on_scope_exit(core::JobId, const core::ExitRecord& record) override {
    heard += std::to_string(record.sequence);
  }
  void on_scope_batch_end(core::JobId) override {}
  void on_scope_stopped(core::JobId, const reaper::Stopped&) override {
    heard += 'S';
  }
  void on_scope_populated(core::JobId, const reaper::Populated&) override {
    heard += 'P';
  }
  void on_scope_gone(core::JobId) override { heard += 'G'; }
};

/// A scope's link that the store gave back: what is told before resume() was
/// told to a dead supervisor.
struct Inherited {
  EventLoop loop = *EventLoop::make();
  sys::SocketPair store_ends = *sys::make_socket_pair();
  supervisor::StoreLink store{loop, std::move(store_ends.first)};
  supervisor::KeptHandles handles{store};
  supervisor::ScopeLinks links{loop, handles};
  sys::SocketPair ends = *sys::make_socket_pair();
  std::optional<reaper::Link> scope{std::in_place, std::move(ends.second)};
  ScopeNews news;

  template <class Body>
  void tell(MessageType type, const Body& body) {
    REQUIRE(scope->send(type, body) == reaper::Sent::kYes);
  }
  void tell_exit(std::uint64_t sequence) {
    core::ExitRecord record;
    record.sequence = sequence;
    tell(MessageType::kExit, record);
  }
  void tell_left(std::uint32_t count) {
    reaper::Populated populated;
    populated.count = count;
    tell(MessageType::kScopePopulated, populated);
  }
  void resume() {
    const core::JobId jid = core::make_job_id(0x80000001U, 9);
    handles.put(jid, supervisor::HandleKind::kLink, std::move(ends.first));
    links.set_events(news);
    links.resume(jid);
    run(loop);
  }
};

TEST_CASE("of a scope's link, what a dead supervisor left of it is not heard") {
  Inherited link;
  // The exit before it was read, and not remembered.
  link.tell_exit(2);
  link.tell_left(0);
  link.resume();
  CHECK(link.news.heard.empty());
  link.tell(MessageType::kScopeLaunched, reaper::ScopeLaunched{});
  link.tell_exit(1);
  link.tell_exit(2);
  link.tell_left(0);
  run(link.loop);
  CHECK(link.news.heard == "L12P");
}

TEST_CASE("who is left of a command that hangs in its exec is heard") {
  Inherited link;
  link.resume();
  link.tell_left(1);
  run(link.loop);
  CHECK(link.news.heard == "P");
}

TEST_CASE("what a scope told before it died with the supervisor is heard") {
  Inherited link;
  link.tell_exit(1);
  link.tell_left(0);
  link.scope.reset();
  link.resume();
  CHECK(link.news.heard == "1G");
}

}  // namespace
