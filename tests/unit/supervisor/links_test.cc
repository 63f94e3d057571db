// SPDX-License-Identifier: Apache-2.0
// Links over real sockets: nothing is lost when a socket is full, garbage is
// dropped, and a link may go from within its own call.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "reaper/link.h"
#include "supervisor/kept_handles.h"
#include "supervisor/reaper_link.h"
#include "supervisor/service_items.h"
#include "sys/clock.h"
#include "sys/foreign_fds.h"

namespace {

using reaper::MessageType;
using supervisor::EventLoop;
using supervisor::PacketLink;

class Listener final : public supervisor::PacketHandler {
 public:
  std::vector<std::uint64_t> seen;
  std::size_t descriptors = 0;
  int batches = 0;
  bool has_ended = false;
  std::function<void()> on_each;

  void on_message(const reaper::Message& message,
                  std::span<sys::UniqueFd> fds) override {
    if (const auto body = reaper::body_as<reaper::Hello>(message.body))
      seen.push_back(body->epoch);
    descriptors += fds.size();
    if (on_each) on_each();
  }
  void on_batch_end() override { ++batches; }
  void on_end() override { has_ended = true; }
};

/// Runs the loop until nothing more is ready.
void run(EventLoop& loop) {
  for (int i = 0; i < 50; ++i)
    loop.run_ready();
}

TEST_CASE(
    "what a full socket does not take waits, in order, with its "
    "descriptors") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Listener here;
  Listener there;
  PacketLink link(loop, ends.first.get(), here);
  constexpr std::uint64_t kMany = 3000;
  const int fd = ends.first.get();
  for (std::uint64_t i = 0; i < kMany; ++i)
    link.send_value(MessageType::kHello, reaper::Hello{i},
                    i % 10 == 0 ? std::span(&fd, 1) : std::span<const int>());
  CHECK_FALSE(link.is_flushed());
  bool was_flushed = false;
  link.when_flushed([&] { was_flushed = true; });
  CHECK_FALSE(was_flushed);
  PacketLink other(loop, ends.second.get(), there);
  for (int i = 0; i < 500 && there.seen.size() < kMany; ++i)
    loop.run_ready();
  REQUIRE(there.seen.size() == kMany);
  for (std::uint64_t i = 0; i < kMany; ++i)
    REQUIRE(there.seen[i] == i);
  CHECK(there.descriptors == kMany / 10);
  CHECK(was_flushed);
  CHECK(link.is_flushed());
  CHECK(there.batches > 1);
}

TEST_CASE("garbage is counted and dropped, an end is told once") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Listener here;
  PacketLink link(loop, ends.first.get(), here);
  REQUIRE(::write(ends.second.get(), "garbage", 7) == 7);
  reaper::MessageHead head = reaper::head_for(MessageType::kHello, 100);
  REQUIRE(::write(ends.second.get(), &head, sizeof head) == sizeof head);
  const std::vector<char> large(5000, 'x');
  REQUIRE(::write(ends.second.get(), large.data(), large.size()) == 5000);
  run(loop);
  CHECK(link.packets_dropped() == 3);
  CHECK(here.seen.empty());
  ends.second.reset();
  run(loop);
  CHECK(here.has_ended);
}

TEST_CASE("what comes with descriptors that there is no room for is told") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Listener here;
  Listener there;
  PacketLink link(loop, ends.first.get(), here);
  PacketLink other(loop, ends.second.get(), there);
  const int fd = ends.first.get();
  other.send_value(MessageType::kHello, reaper::Hello{1}, std::span(&fd, 1));
  rlimit bound = {};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &bound) == 0);
  rlimit none = bound;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  run(loop);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &bound) == 0);
  CHECK(here.seen == std::vector<std::uint64_t>{1});
  CHECK(here.descriptors == 0);
}

TEST_CASE("a link may be destroyed by what it tells") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Listener here;
  Listener there;
  auto link = std::make_unique<PacketLink>(loop, ends.first.get(), here);
  here.on_each = [&] { link.reset(); };
  PacketLink other(loop, ends.second.get(), there);
  for (std::uint64_t i = 0; i < 5; ++i)
    other.send_value(MessageType::kHello, reaper::Hello{i});
  run(loop);
  CHECK(here.seen.size() == 1);
  CHECK(here.batches == 0);
}

class Reports final : public supervisor::ReaperEvents {
 public:
  std::vector<reaper::Launched> launched;
  std::vector<std::uint64_t> exits;

  void on_welcome(const reaper::Welcome&) override {}
  void on_launched(const reaper::Launched& body, sys::UniqueFd) override {
    launched.push_back(body);
  }
  void on_reaper_exit(const core::ExitRecord& record) override {
    exits.push_back(record.sequence);
  }
  void on_reaper_batch_end() override {}
  void on_new_store(supervisor::StoreEnds) override {}
  void on_reaper_signalled(const reaper::SignalSeen&) override {}
  void on_reexec_refused(const reaper::Refused&) override {}
  void on_barrier(std::uint64_t) override {}
  void on_reaper_gone() override {}
};

/// The orders that a reaper finds in its socket.
std::vector<std::uint64_t> orders_in(int socket, bool& had_memfd) {
  std::vector<std::uint64_t> orders;
  std::vector<std::byte> buffer(reaper::kLargestPacket);
  for (;;) {
    auto packet = sys::receive_packet(socket, buffer);
    if (!packet) return orders;
    const auto message = reaper::decode(std::span(buffer).first(packet->size));
    REQUIRE(message);
    if (message->type != MessageType::kLaunch) continue;
    reaper::Launch launch;
    REQUIRE(message->body.size() >= sizeof launch);
    std::memcpy(&launch, message->body.data(), sizeof launch);
    orders.push_back(launch.order);
    if (launch.block_size <= reaper::kInlineBlock) {
      CHECK(message->body.size() == sizeof launch + launch.block_size);
      continue;
    }
    had_memfd = true;
    REQUIRE(packet->fd_count == 1);
    const int seals = ::fcntl(packet->fds[0].get(), F_GET_SEALS);
    CHECK((seals & F_SEAL_WRITE) != 0);
  }
}

TEST_CASE(
    "no more orders are open than a reaper takes; the next goes when one "
    "is acknowledged") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Reports reports;
  supervisor::ReaperLink link(loop, std::move(ends.first), 77, reports);
  for (std::uint32_t i = 1; i <= reaper::kOrdersInFlight + 5; ++i) {
    supervisor::LaunchOrder order;
    order.jid = core::make_job_id(3, i);
    order.block.resize(i == 1 ? reaper::kInlineBlock + 1 : 100);
    link.launch(std::move(order));
  }
  run(loop);
  bool had_memfd = false;
  auto orders = orders_in(ends.second.get(), had_memfd);
  CHECK(orders.size() == reaper::kOrdersInFlight);
  CHECK(orders.front() == 1);
  CHECK(had_memfd);
  link.acknowledge_launch(core::make_job_id(3, 2));
  link.acknowledge_launch(core::make_job_id(3, 2));  // once is enough
  run(loop);
  orders = orders_in(ends.second.get(), had_memfd);
  CHECK(orders == std::vector<std::uint64_t>{reaper::kOrdersInFlight + 1});
}

TEST_CASE("launches of one user that hang are no hindrance to others") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Reports reports;
  supervisor::ReaperLink link(loop, std::move(ends.first), 77, reports);
  const core::Uid own(::geteuid());
  const auto launch = [&link](core::Uid owner, std::uint32_t first) {
    for (std::uint32_t i = first; i < first + 20; ++i) {
      supervisor::LaunchOrder order;
      order.jid = core::make_job_id(3, i);
      order.user = owner;
      order.block.resize(100);
      link.launch(std::move(order));
    }
  };
  launch(core::Uid(own.raw() + 1), 100);
  launch(core::Uid(own.raw() + 2), 200);
  launch(core::Uid(own.raw() + 3), 300);
  launch(own, 400);
  run(loop);
  bool had_memfd = false;
  using Orders = std::vector<std::uint64_t>;
  CHECK(orders_in(ends.second.get(), had_memfd) ==
        Orders{100, 101, 102, 200, 201, 202, 300, 400, 401, 402});
  for (std::uint32_t i = 400; i < 403; ++i)
    link.acknowledge_launch(core::make_job_id(3, i));
  run(loop);
  CHECK(orders_in(ends.second.get(), had_memfd) == Orders{403, 404, 405});
}

TEST_CASE("what a dead supervisor ordered is not ordered when it is answered") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Reports reports;
  supervisor::ReaperLink link(loop, std::move(ends.first), 77, reports);
  for (std::uint32_t i = 1; i <= reaper::kOrdersInFlight + 1; ++i) {
    supervisor::LaunchOrder order;
    order.jid = core::make_job_id(3, i);
    order.block.resize(100);
    link.launch(std::move(order));
  }
  run(loop);
  bool had_memfd = false;
  CHECK(orders_in(ends.second.get(), had_memfd).size() ==
        reaper::kOrdersInFlight);
  reaper::Link other(std::move(ends.second));
  REQUIRE(other.send(MessageType::kLaunched,
                     reaper::Launched{.epoch = 77,
                                      .order = reaper::kOrdersInFlight + 1,
                                      .pid = 42}) == reaper::Sent::kYes);
  run(loop);
  CHECK(reports.launched.size() == 1);
  link.acknowledge_launch(core::make_job_id(3, 1));
  run(loop);
  CHECK(orders_in(other.get(), had_memfd).empty());
}

TEST_CASE(
    "an order is given once, open or waiting, however often it is asked") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Reports reports;
  supervisor::ReaperLink link(loop, std::move(ends.first), 77, reports);
  const auto launch_all = [&link] {
    for (std::uint32_t i = 1; i <= reaper::kOrdersInFlight + 1; ++i) {
      supervisor::LaunchOrder order;
      order.jid = core::make_job_id(3, i);
      order.block.resize(100);
      link.launch(std::move(order));
    }
  };
  launch_all();
  launch_all();
  bool had_memfd = false;
  run(loop);
  CHECK(orders_in(ends.second.get(), had_memfd).size() ==
        reaper::kOrdersInFlight);
  for (std::uint32_t i = 1; i <= reaper::kOrdersInFlight; ++i)
    link.acknowledge_launch(core::make_job_id(3, i));
  run(loop);
  CHECK(orders_in(ends.second.get(), had_memfd) ==
        std::vector<std::uint64_t>{reaper::kOrdersInFlight + 1});
}

TEST_CASE("answers of another epoch are nobody's") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  Reports reports;
  supervisor::ReaperLink link(loop, std::move(ends.first), 77, reports);
  Listener there;
  PacketLink other(loop, ends.second.get(), there);
  reaper::Launched launched;
  launched.order = 1;
  launched.epoch = 76;
  other.send_value(MessageType::kLaunched, launched);
  launched.epoch = 77;
  other.send_value(MessageType::kLaunched, launched);
  core::ExitRecord record;
  record.sequence = 5;
  other.send_value(MessageType::kExit, record);
  run(loop);
  CHECK(reports.launched.size() == 1);
  CHECK(reports.exits == std::vector<std::uint64_t>{5});
}

TEST_CASE("an error of ours is not a store's silence") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  supervisor::StoreLink store(loop, *ends.first.duplicate());
  while (store.is_flushed())
    store.put("name", ends.first.get());
  rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);  // poll(2): EINVAL
  const core::BootTime began = sys::boot_now();
  const auto got = store.fetch("name");
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == EINVAL);
  CHECK((sys::boot_now() - began) < core::seconds(1));
}

TEST_CASE("a store that does not take what is put is woken") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (;;)
      ::pause();
  }
  auto process = sys::PidFd::open(core::Pid(child));
  REQUIRE(process);
  const int null = ends.first.get();
  {
    supervisor::StoreLink store(loop, *ends.first.duplicate(),
                                *std::move(process));
    REQUIRE(::kill(child, SIGSTOP) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, WUNTRACED) == child);
    while (store.is_flushed())
      store.put("name", null);
    loop.run_once();
    CHECK(::waitpid(child, &status, WCONTINUED | WNOHANG) == child);
    CHECK(WIFCONTINUED(status));
    run(loop);
  }
  (void)::kill(child, SIGKILL);
  (void)::waitpid(child, nullptr, 0);
}

/// What a store is sent, with its list asked for and answered before.
std::vector<std::pair<MessageType, std::size_t>> sent_to_store(
    std::uint32_t level,
    const std::function<void(supervisor::StoreLink&)>& by) {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  const reaper::ListEnd end{.count = 0, .level = level};
  reaper::Link other(std::move(ends.second));
  REQUIRE(other.send(MessageType::kListEnd, end) == reaper::Sent::kYes);
  supervisor::StoreLink store(loop, std::move(ends.first));
  REQUIRE(store.list());
  by(store);
  run(loop);
  std::vector<std::pair<MessageType, std::size_t>> sent;
  reaper::PacketBuffer buffer;
  reaper::Received received;
  while (other.receive(buffer, received) == reaper::LinkState::kMessage)
    sent.emplace_back(received.type, received.packet.fd_count);
  return sent;
}

TEST_CASE("what a store is given in one turn of the loop is one packet") {
  const auto fd =
      std::make_shared<const sys::UniqueFd>(::memfd_create("x", MFD_CLOEXEC));
  const auto give = [&fd](supervisor::StoreLink& store) {
    store.put_soon("a", fd);
    store.put_soon("b", fd);
    store.drop_soon("a");
    CHECK_FALSE(store.is_flushed());
  };
  using Sent = std::vector<std::pair<MessageType, std::size_t>>;
  CHECK(sent_to_store(1, give) ==
        Sent{{MessageType::kList, 0}, {MessageType::kChange, 2}});
  SUBCASE("nothing that is put at once overtakes it") {
    const auto more = [&](supervisor::StoreLink& store) {
      give(store);
      store.put("c", fd->get());
    };
    CHECK(sent_to_store(1, more) == Sent{{MessageType::kList, 0},
                                         {MessageType::kChange, 2},
                                         {MessageType::kPut, 1}});
  }
  SUBCASE("an older store gets each by itself") {
    const auto old = [&fd](supervisor::StoreLink& store) {
      store.put_soon("a", fd);
      store.drop_soon("a");
      CHECK(store.is_flushed());
    };
    CHECK(sent_to_store(0, old) == Sent{{MessageType::kList, 0},
                                        {MessageType::kPut, 1},
                                        {MessageType::kDrop, 0}});
  }
}

TEST_CASE("a handle's name in the store leads back to its job") {
  auto loop = *EventLoop::make();
  auto ends = *sys::make_socket_pair();
  supervisor::StoreLink store(loop, std::move(ends.first));
  supervisor::KeptHandles handles(store);
  const core::JobId jid = core::make_job_id(0x80000001U, 9);
  for (int kind = 0; kind <= static_cast<int>(supervisor::HandleKind::kLast);
       ++kind) {
    const auto handle = static_cast<supervisor::HandleKind>(kind);
    const auto name = supervisor::KeptHandles::name_of(jid, handle);
    CHECK(name.size() < reaper::kStoreName);
    sys::UniqueFd fd(::memfd_create("x", MFD_CLOEXEC));
    const int number = fd.get();
    CHECK(handles.adopt(name, std::move(fd)));
    CHECK(handles.find(jid, handle) == number);
    // Whose close may hang: what a client lent, and nothing else.
    CHECK(sys::foreign_fds().has(number) ==
          (handle == supervisor::HandleKind::kInput ||
           handle == supervisor::HandleKind::kOutput ||
           handle == supervisor::HandleKind::kError ||
           handle == supervisor::HandleKind::kLifetime));
    sys::foreign_fds().unmark(number);
  }
  CHECK_FALSE(handles.adopt("ring", sys::UniqueFd()));
  CHECK_FALSE(handles.adopt("jxyz.main", sys::UniqueFd()));
  handles.drop_unless([](core::JobId) { return false; });
  CHECK(handles.find(jid, supervisor::HandleKind::kMain) == -1);
}

TEST_CASE("items of the journal's own come back as they were") {
  using supervisor::decode_item;
  using supervisor::encode_item;
  const supervisor::PendingRecord record = {
      42, core::JobId(7), supervisor::RecordKind::kEnd, {std::byte{1}}};
  const auto again = decode_item(encode_item(record));
  REQUIRE(again);
  const auto* const found = std::get_if<supervisor::PendingRecord>(&*again);
  REQUIRE(found != nullptr);
  CHECK(found->key == 42);
  CHECK(found->jid == core::JobId(7));
  CHECK(found->kind == supervisor::RecordKind::kEnd);
  CHECK(found->bytes == record.bytes);
  const supervisor::ReaperIdentity identity = {12, 345};
  const auto reaper = decode_item(encode_item(identity));
  REQUIRE(reaper);
  CHECK(std::get<supervisor::ReaperIdentity>(*reaper) == identity);
  const supervisor::StopOrder order = {
      .who = "shutdown", .deadline = core::BootTime(77), .was_hard = true};
  const auto stop = decode_item(encode_item(order));
  REQUIRE(stop);
  const auto* const told = std::get_if<supervisor::StopOrder>(&*stop);
  REQUIRE(told != nullptr);
  CHECK(told->who == "shutdown");
  CHECK(told->deadline == core::BootTime(77));
  CHECK(told->was_hard);
  for (const std::size_t size : {0U, 1U, 5U, 23U}) {
    auto bytes = encode_item(record);
    bytes.resize(size);
    CHECK_FALSE(decode_item(bytes));
  }
}

}  // namespace
