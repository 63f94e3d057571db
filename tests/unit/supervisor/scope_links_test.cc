// SPDX-License-Identifier: Apache-2.0
// The link to a scope over a real socket, which a dead supervisor used before:
// what it left unread, and what is told again.
#include <string>

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

TEST_CASE("of a scope's link, what a dead supervisor left of it is not heard") {
  auto loop = *EventLoop::make();
  auto store_ends = *sys::make_socket_pair();
  supervisor::StoreLink store(loop, std::move(store_ends.first));
  supervisor::KeptHandles handles(store);
  const core::JobId jid = core::make_job_id(0x80000001U, 9);
  auto ends = *sys::make_socket_pair();
  reaper::Link scope(std::move(ends.second));
  const auto tell_exit = [&](std::uint64_t sequence) {
    core::ExitRecord record;
    record.sequence = sequence;
    REQUIRE(scope.send(MessageType::kExit, record) == reaper::Sent::kYes);
  };
  const auto tell_nobody_left = [&] {
    REQUIRE(scope.send(MessageType::kScopePopulated, reaper::Populated{}) ==
            reaper::Sent::kYes);
  };
  // The exit before it was read, and not remembered.
  tell_exit(2);
  tell_nobody_left();
  handles.put(jid, supervisor::HandleKind::kLink, std::move(ends.first));
  supervisor::ScopeLinks links(loop, handles);
  ScopeNews news;
  links.set_events(news);
  links.resume(jid);
  run(loop);
  CHECK(news.heard.empty());
  REQUIRE(scope.send(MessageType::kScopeLaunched, reaper::ScopeLaunched{}) ==
          reaper::Sent::kYes);
  tell_exit(1);
  tell_exit(2);
  tell_nobody_left();
  run(loop);
  CHECK(news.heard == "L12P");
}

TEST_CASE("what a scope told before it died with the supervisor is heard") {
  auto loop = *EventLoop::make();
  auto store_ends = *sys::make_socket_pair();
  supervisor::StoreLink store(loop, std::move(store_ends.first));
  supervisor::KeptHandles handles(store);
  const core::JobId jid = core::make_job_id(0x80000001U, 9);
  auto ends = *sys::make_socket_pair();
  {
    reaper::Link scope(std::move(ends.second));
    core::ExitRecord record;
    record.sequence = 1;
    REQUIRE(scope.send(MessageType::kExit, record) == reaper::Sent::kYes);
    REQUIRE(scope.send(MessageType::kScopePopulated, reaper::Populated{}) ==
            reaper::Sent::kYes);
  }
  handles.put(jid, supervisor::HandleKind::kLink, std::move(ends.first));
  supervisor::ScopeLinks links(loop, handles);
  ScopeNews news;
  links.set_events(news);
  links.resume(jid);
  run(loop);
  CHECK(news.heard == "1G");
}

}  // namespace
