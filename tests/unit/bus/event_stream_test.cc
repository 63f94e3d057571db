// SPDX-License-Identifier: Apache-2.0
// Subscribers are told what happens, in order and only what they may see; one
// that does not read costs bounded memory, slows nobody, and learns how much it
// missed.
#include "bus/event_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fake_job_control.h"
#include "poll_loop.h"

namespace {

/// Sees nothing of root's jobs.
class Blinkered final : public bus_test::FakeJobControl {
 public:
  [[nodiscard]] bool may(const core::Caller& caller, core::Verb /*verb*/,
                         core::Uid owner) const override {
    return caller.uid == core::Uid(0) || owner != core::Uid(0);
  }
};

core::Caller user(std::uint32_t uid) {
  return {
      .uid = core::Uid(uid), .pid = core::Pid(1), .groups = {}, .granted = {}};
}

bus::NewsClasses classes(std::initializer_list<core::NewsClass> some) {
  bus::NewsClasses set;
  for (const core::NewsClass of : some)
    set.add(of);
  return set;
}
bus::NewsClasses all() {
  return classes({core::NewsClass::kJob, core::NewsClass::kLimit});
}

core::Job job_of(std::uint32_t sequence, std::uint32_t owner = 1000) {
  core::Job job;
  job.jid = core::make_job_id(7, sequence);
  job.owner = core::Uid(owner);
  job.state = core::JobState::kRunning;
  return job;
}

class Reader {
 public:
  Reader(bus::EventStream& stream, const core::Caller& caller,
         bus::NewsClasses wanted) {
    auto end = stream.subscribe(caller, wanted);
    REQUIRE(end);
    socket_ = sys::UniqueFd(std::move(*end));
  }
  /// One packet's lines; none if there is no packet.
  std::vector<std::string> read() {
    char buffer[65536];
    const ssize_t size =
        ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    std::vector<std::string> lines;
    if (size <= 0) return lines;
    std::string text(buffer, static_cast<std::size_t>(size));
    CHECK(text.ends_with('\n'));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      lines.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return lines;
  }
  std::vector<std::string> read_all() {
    std::vector<std::string> lines;
    for (auto some = read(); !some.empty(); some = read())
      lines.insert(lines.end(), some.begin(), some.end());
    return lines;
  }
  void say(const char* text) const {
    (void)!::send(socket_.get(), text, 1, MSG_NOSIGNAL);
  }
  void close() { socket_.reset(); }

 private:
  sys::UniqueFd socket_;
};

bool is_about(const std::string& line, const char* event) {
  return line.starts_with(std::string("{\"event\":\"") + event + "\"");
}

std::uint64_t count_lost(const std::vector<std::string>& lines) {
  std::uint64_t lost = 0;
  const std::string begin = "{\"event\":\"lost\",\"count\":";
  for (const std::string& line : lines)
    if (line.starts_with(begin)) lost += std::stoull(line.substr(begin.size()));
  return lost;
}

std::size_t count_jobs(const std::vector<std::string>& lines) {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines, [](const std::string& line) {
        return line.find("\"jid\"") != std::string::npos;
      }));
}

TEST_CASE("a subscriber is told where it begins, and everything from there") {
  bus_test::PollLoop loop;
  bus_test::FakeJobControl port;
  bus::EventStream stream(loop, port);
  stream.tell(core::NewsKind::kNew, job_of(1));  // nobody listens
  Reader reader(stream, user(1000), all());
  auto lines = reader.read();
  REQUIRE(lines.size() == 1);
  CHECK(is_about(lines[0], "begin"));
  for (const core::NewsKind kind :
       {core::NewsKind::kNew, core::NewsKind::kChanged, core::NewsKind::kLimit,
        core::NewsKind::kEnded})
    stream.tell(kind, job_of(2));
  CHECK(reader.read().empty());  // not from within the event
  loop.turn(100);
  lines = reader.read();
  REQUIRE(lines.size() == 4);  // in one packet
  CHECK(is_about(lines[0], "new"));
  CHECK(is_about(lines[3], "ended"));
  CHECK(stream.kept_bytes() == 0);
}

TEST_CASE("only of the classes that were asked for, only what may be seen") {
  bus_test::PollLoop loop;
  const Blinkered port;
  bus::EventStream stream(loop, port);
  Reader limits(stream, user(1000), classes({core::NewsClass::kLimit}));
  Reader everything(stream, user(0), all());
  Reader blinkered(stream, user(1000), all());
  (void)limits.read();
  (void)everything.read();
  (void)blinkered.read();
  stream.tell(core::NewsKind::kNew, job_of(1, 0));
  stream.tell(core::NewsKind::kNew, job_of(2, 1000));
  stream.tell(core::NewsKind::kLimit, job_of(2, 1000));
  loop.run_for(20);
  CHECK(limits.read_all().size() == 1);
  CHECK(everything.read_all().size() == 3);
  CHECK(blinkered.read_all().size() == 2);
}

TEST_CASE(
    "who does not read loses events, is told how many, and slows nobody") {
  bus_test::PollLoop loop;
  bus_test::FakeJobControl port;
  bus::StreamBounds bounds;
  bounds.kept_bytes = 64 << 10;
  bounds.socket_buffer = 16 << 10;
  bus::EventStream stream(loop, port, bounds);
  Reader slow(stream, user(1000), all());
  Reader quick(stream, user(1001), all());
  std::size_t told = 0;
  constexpr std::uint32_t kEvents = 2000;
  for (std::uint32_t i = 0; i < kEvents; ++i) {
    stream.tell(core::NewsKind::kChanged, job_of(i));
    CHECK(stream.kept_bytes() <= bounds.kept_bytes);
    if (i % 20 != 0) continue;
    loop.run_for(1);
    told += count_jobs(quick.read_all());
  }
  loop.run_for(50);
  told += count_jobs(quick.read_all());
  CHECK(told == kEvents);
  std::vector<std::string> late;
  while (loop.run_until(
      [&] {
        const auto more = slow.read_all();
        late.insert(late.end(), more.begin(), more.end());
        return !more.empty();
      },
      200)) {
  }
  CHECK(count_lost(late) > 0);
  CHECK(count_jobs(late) + count_lost(late) == kEvents);
  CHECK(stream.kept_bytes() == 0);
}

TEST_CASE("what was lost is counted of the reader's own classes only") {
  bus_test::PollLoop loop;
  bus_test::FakeJobControl port;
  bus::NewsRing ring(2000);
  const bus::NewsRing::Cursor cursor = ring.latest();
  for (int i = 0; i < 30; ++i) {
    ring.add(core::NewsClass::kJob, core::Uid(1), std::string(100, 'x'));
    ring.add(core::NewsClass::kLimit, core::Uid(1), std::string(100, 'y'));
  }
  CHECK(ring.bytes() <= 2000);
  const std::uint64_t gone = ring.begin() - 1;
  REQUIRE(gone > 10);
  CHECK(ring.lost(cursor, all()) == gone);
  CHECK(ring.lost(cursor, classes({core::NewsClass::kLimit})) == gone / 2);
  CHECK(ring.lost(cursor, classes({core::NewsClass::kJob})) == gone - gone / 2);
  CHECK(ring.lost(ring.latest(), all()) == 0);
}

TEST_CASE("a subscriber that closes or speaks is one no more") {
  bus_test::PollLoop loop;
  bus_test::FakeJobControl port;
  bus::EventStream stream(loop, port);
  Reader leaver(stream, user(1000), all());
  Reader speaker(stream, user(1000), all());
  Reader reader(stream, user(1000), all());
  CHECK(stream.subscriber_count() == 3);
  leaver.close();
  speaker.say("x");
  CHECK(loop.run_until([&] { return stream.subscriber_count() == 1; }));
  CHECK(loop.watch_count() == 1);
  stream.tell(core::NewsKind::kNew, job_of(1));
  loop.run_for(5);
  (void)reader.read();
  CHECK(reader.read().size() == 1);
}

TEST_CASE("a user has so many subscriptions and no more; root is not bounded") {
  bus_test::PollLoop loop;
  bus_test::FakeJobControl port;
  bus::StreamBounds bounds;
  bounds.subscribers = 8;
  bounds.subscribers_of_user = 2;
  bus::EventStream stream(loop, port, bounds);
  std::vector<core::Handle> held;
  const auto subscribe = [&](std::uint32_t uid) {
    auto end = stream.subscribe(user(uid), all());
    if (end) held.push_back(*std::move(end));
    return end ? "" : end.error().text;
  };
  CHECK(subscribe(4001).empty());
  CHECK(subscribe(4001).empty());
  CHECK(subscribe(4001) == "uid 4001 has 2 subscriptions already");
  CHECK(subscribe(4002).empty());
  for (int i = 0; i < 5; ++i)
    CHECK(subscribe(0).empty());
  CHECK(subscribe(0) == "there are 8 subscribers already");
}

TEST_CASE("rounds are as far apart as they are long, so many times over") {
  bus_test::PollLoop loop;
  bus_test::FakeJobControl port;
  bus::EventStream stream(loop, port);
  std::vector<core::Handle> held;
  for (int i = 0; i < 400; ++i) {
    auto end = stream.subscribe(user(0), all());
    REQUIRE(end);
    held.push_back(*std::move(end));
  }
  // Every event is told by itself unless there is a pause.
  Reader reader(stream, user(0), all());
  (void)reader.read();
  std::size_t packets = 0;
  std::size_t lines = 0;
  const auto end = sys::boot_now() + core::milliseconds(300);
  while (sys::boot_now() < end) {
    stream.tell(core::NewsKind::kChanged, job_of(1));
    loop.turn(0);
    const auto packet = reader.read();
    if (!packet.empty()) ++packets;
    lines += packet.size();
  }
  CHECK(lines > 5 * packets);
}

}  // namespace
