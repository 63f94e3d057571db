// SPDX-License-Identifier: Apache-2.0
// Client and server together, over a private socket: every verb of the port
// comes through, with its answers, refusals and descriptors.
#include "bus/server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "bus/client.h"
#include "bus/client_transport.h"
#include "fake_job_control.h"
#include "poll_loop.h"

namespace {

/// A directory that is removed with what is in it.
class Directory {
 public:
  Directory() {
    char name[] = "/tmp/corral-bus-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    for (const char* const name : {"/private", "/private.lock"})
      (void)::unlink((path_ + name).c_str());
    (void)::rmdir(path_.c_str());
  }
  [[nodiscard]] std::string socket() const { return path_ + "/private"; }

 private:
  std::string path_;
};

/// An instance in a thread of its own, until it is told to stop.
class Instance {
 public:
  explicit Instance(std::string path) : path_(std::move(path)) { start(); }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance() { stop(); }

  void start() {
    should_stop_ = false;
    thread_ = std::thread([this] { run(); });
    while (!is_listening_)
      std::this_thread::yield();
  }
  void stop() {
    should_stop_ = true;
    if (thread_.joinable()) thread_.join();
    is_listening_ = false;
  }
  /// The port, once the instance has stopped.
  bus_test::FakeJobControl port;
  std::atomic<bool> should_finish_all = false;
  /// Answers nothing any more; false: again.
  void stand(bool is_still) {
    is_still_ = is_still;
    while (does_stand_ != is_still)
      std::this_thread::yield();
  }

 private:
  void run() {
    bus_test::PollLoop loop;
    bus::Server server(loop, port, [](std::string_view) {});
    auto listener =
        bus::PrivateListener::open(path_, bus::SocketAccess::kOwner);
    REQUIRE(listener);
    server.serve(*std::move(listener));
    is_listening_ = true;
    while (!should_stop_ && !port.is_down) {
      does_stand_ = is_still_.load();
      if (does_stand_)
        std::this_thread::yield();
      else
        loop.turn(5);
      if (should_finish_all)
        for (auto& [jid, row] : port.rows)
          port.finish(jid);
    }
  }

  std::string path_;
  std::thread thread_;
  std::atomic<bool> should_stop_ = false;
  std::atomic<bool> is_listening_ = false;
  std::atomic<bool> is_still_ = false;
  std::atomic<bool> does_stand_ = false;
};

bus::Client connect(const Directory& directory) {
  auto client = bus::Client::connect(directory.socket(),
                                     {.reconnect_within = core::seconds(5),
                                      .answer_within = core::seconds(20)});
  REQUIRE_MESSAGE(client, (client ? "" : client.error().text));
  return *std::move(client);
}

core::JobSpec spec_of(std::vector<std::string> argv) {
  core::JobSpec spec;
  spec.argv = std::move(argv);
  return spec;
}

TEST_CASE("a foreground job comes with its link and its container") {
  const Directory directory;
  Instance instance(directory.socket());
  bus::Client client = connect(directory);
  const auto job = client.create(spec_of({"true"}));
  REQUIRE(job);
  CHECK(job->jid == core::make_job_id(7, 1));
  CHECK(job->engine == core::Engine::kCgroup2);
  CHECK(job->link.is_open());
  CHECK(job->container.is_open());
}

TEST_CASE("a detached job takes the descriptors that it is lent") {
  const Directory directory;
  Instance instance(directory.socket());
  {
    bus::Client client = connect(directory);
    core::JobSpec spec = spec_of({"printf", "\xFF\xFE"});
    spec.kind = core::JobKind::kDetached;
    const auto job = client.create(
        spec,
        {.standard_input = 0, .standard_output = -1, .standard_error = 2});
    REQUIRE(job);
    CHECK_FALSE(job->link.is_open());
    const auto view = client.show(job->jid);
    REQUIRE(view);
    CHECK(view->argv == spec.argv);
  }
  instance.stop();
  CHECK(instance.port.last_handles.standard_input.is_open());
  CHECK_FALSE(instance.port.last_handles.standard_output.is_open());
  CHECK(instance.port.last_handles.standard_error.is_open());
  const core::JobSpec& kept = instance.port.rows.begin()->second.job.spec;
  CHECK(kept.uid == core::Uid(::getuid()));
  CHECK(kept.gid == core::Gid(::getgid()));
  CHECK_FALSE(kept.token.empty());
}

TEST_CASE("processes and sessions come and go") {
  const Directory directory;
  Instance instance(directory.socket());
  {
    bus::Client client = connect(directory);
    const int pidfd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(client.detach(pidfd).error().why == core::Refusal::kNoSuchProcess);
    core::SessionRequest request;
    request.user = "alice";
    CHECK(client.open_session(request, pidfd).error().text == "alice");
    core::JobSpec spec = spec_of({});
    spec.kind = core::JobKind::kAttached;
    spec.parent = core::JobId(9);
    const auto job = client.create(spec);
    REQUIRE(job);
    CHECK(client.attach(job->jid, pidfd));
    CHECK(client.attach(job->jid, pidfd, core::AttachMode::kLogical)
              .error()
              .why == core::Refusal::kNotSupported);
    CHECK(client.attach(core::JobId(99), pidfd).error().why ==
          core::Refusal::kNoSuchJob);
    CHECK(client.detach(pidfd) == job->jid);
    CHECK(client.detach_all(job->jid) == 2U);
    const auto opened = client.open_session(request, pidfd);
    REQUIRE(opened);
    CHECK(opened->jid == job->jid);
    CHECK(opened->is_existing);
    request.nests = true;
    request.service = "sshd";
    request.stragglers = core::Stragglers::kKill;
    CHECK_FALSE(client.open_session(request, pidfd)->is_existing);
    CHECK(client.close_session(job->jid));
    CHECK(client.close_session(core::JobId(99)).error().why ==
          core::Refusal::kNoSuchJob);
    (void)::close(pidfd);
  }
  instance.stop();
  CHECK(instance.port.attached == std::vector<core::Pid>{core::Pid(-1)});
  const core::JobSpec& kept = instance.port.rows.begin()->second.job.spec;
  CHECK(kept.parent == core::JobId(9));
}

TEST_CASE("verbs, answers and refusals") {
  const Directory directory;
  Instance instance(directory.socket());
  {
    bus::Client client = connect(directory);
    core::JobSpec spec = spec_of({"sleep", "5"});
    spec.name = "napper";
    const auto job = client.create(spec);
    REQUIRE(job);
    CHECK(client.find("napper") == job->jid);
    const auto usage = client.usage(job->jid);
    REQUIRE(usage);
    CHECK(usage->jid == job->jid);
    CHECK(usage->state == core::JobState::kRunning);
    CHECK(usage->totals.user_time == core::Microseconds(1500));
    CHECK_FALSE(usage->totals.system_time.has_value());
    CHECK(usage->memory == core::Bytes(4096));
    CHECK(usage->processes == 2U);
    CHECK(client.usage(core::JobId(99)).error().why ==
          core::Refusal::kNoSuchJob);
    CHECK(client.find_by_pid(core::Pid(4242)) == job->jid);
    const auto nobody = client.find("nobody");
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().why == core::Refusal::kNoSuchJob);
    CHECK(nobody.error().text == "no job has the name 'nobody'");

    const auto processes = client.processes(job->jid);
    REQUIRE(processes);
    REQUIRE(processes->size() == 2);
    CHECK(processes->at(0).command ==
          "sle\xEF\xBF\xBD"
          "ep");
    CHECK(processes->at(0).cpu_us == 1500);
    CHECK(processes->at(1).state == 'R');

    CHECK(client.signal(job->jid, core::SignalNumber(12),
                        core::SignalTarget::kMain));
    CHECK(client.signal(job->jid, core::SignalNumber(65)).error().why ==
          core::Refusal::kInvalid);
    CHECK(client.end(job->jid, {.first_signal = core::kSigkill, .grace = {}}));
    CHECK(client.end(core::JobId(5)).error().why == core::Refusal::kNoSuchJob);

    const auto log = client.open_log(job->jid);
    REQUIRE(log);
    char text[10] = {};
    CHECK(::read(log->number(), text, sizeof text) == 6);

    const auto view = client.instance();
    REQUIRE(view);
    CHECK(view->version == "0.1.0");
    CHECK(view->hid == 7);
    CHECK(view->engine == core::Engine::kCgroup2);
    CHECK(view->records_written == 3);
    CHECK(view->jobs_live == 1);
    CHECK(client.reexec());
  }
  instance.stop();
  CHECK(instance.port.signals.at(0) ==
        std::pair(12, core::SignalTarget::kMain));
  CHECK(instance.port.last_change.first_signal == core::kSigkill);
  CHECK_FALSE(instance.port.last_change.grace);
  CHECK(instance.port.reexecs == 1);
}

TEST_CASE("a long list comes in pages") {
  const Directory directory;
  Instance instance(directory.socket());
  bus::Client client = connect(directory);
  for (int i = 0; i < 120; ++i)
    REQUIRE(client.create(spec_of({"x"})));
  const auto first = client.list({}, {}, 1000);
  REQUIRE(first);
  CHECK(first->jobs.size() == 100);
  CHECK(first->has_more);
  const auto second = client.list({}, first->jobs.back().jid);
  REQUIRE(second);
  CHECK(second->jobs.size() == 20);
  CHECK_FALSE(second->has_more);
  CHECK(client.list({.owner = core::Uid(12345), .with_ended = true})
            ->jobs.empty());
}

TEST_CASE("a wait lasts until the end, in pieces or in one") {
  const Directory directory;
  Instance instance(directory.socket());
  bus::Client client = connect(directory);
  const auto job = client.create(spec_of({"x"}));
  REQUIRE(job);
  const auto nothing = client.wait_for(job->jid, core::milliseconds(20));
  REQUIRE(nothing);
  CHECK_FALSE(*nothing);
  CHECK(client.show(job->jid));  // other calls may come between
  instance.should_finish_all = true;
  const auto view = client.wait_for(job->jid, core::seconds(10));
  REQUIRE(view);
  REQUIRE(*view);
  CHECK((*view)->state == core::JobState::kEnded);
  CHECK(core::shell_code((*view)->result) == 3);
  CHECK(client.wait(job->jid)->result.reason == core::Reason::kExited);
  CHECK(client.wait(core::JobId(99)).error().why == core::Refusal::kNoSuchJob);
}

TEST_CASE("a wait goes on when the supervisor restarts") {
  const Directory directory;
  Instance instance(directory.socket());
  bus::Client client = connect(directory);
  const auto job = client.create(spec_of({"x"}));
  REQUIRE(job);
  std::thread restarter([&] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      instance.stop();
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      instance.start();
    }
    instance.should_finish_all = true;
  });
  const auto view = client.wait(job->jid);
  restarter.join();
  REQUIRE_MESSAGE(view, (view ? "" : view.error().text));
  CHECK(view->result.reason == core::Reason::kExited);
  instance.stop();
  CHECK(instance.port.open_waits() == 0);
}

TEST_CASE("a request with a token is made once across a restart") {
  const Directory directory;
  Instance instance(directory.socket());
  bus::Client client = connect(directory);
  core::JobSpec spec = spec_of({"x"});
  spec.token = "t-1";
  const auto first = client.create(spec);
  instance.stop();
  instance.start();
  const auto second = client.create(spec);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->jid == second->jid);
}

TEST_CASE("many short outages are not a long one") {
  const Directory directory;
  Instance instance(directory.socket());
  const core::Microseconds patience = core::milliseconds(1000);
  auto client =
      bus::Client::connect(directory.socket(), {.reconnect_within = patience});
  REQUIRE(client);
  const auto job = client->create(spec_of({"x"}));
  REQUIRE(job);
  std::atomic<bool> has_answered = false;
  std::thread waiter([&] {
    const auto view = client->wait(job->jid);
    CHECK_MESSAGE(view, (view ? "" : view.error().text));
    has_answered = true;
  });
  const core::BootTime late = sys::boot_now() + core::milliseconds(2500);
  while (sys::boot_now() < late && !has_answered) {
    // Each lives until it was asked: however slow the machine, it is an outage
    // between two that greet.
    const int before = instance.port.waits_seen;
    instance.stop();
    instance.start();
    const core::BootTime slow = sys::boot_now() + core::seconds(20);
    while (instance.port.waits_seen == before && !has_answered &&
           sys::boot_now() < slow)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK_FALSE(has_answered);
  instance.should_finish_all = true;
  waiter.join();
}

TEST_CASE("an instance that stays away is unavailable") {
  const Directory directory;
  CHECK(bus::Client::connect(directory.socket()).error().why ==
        core::Refusal::kUnavailable);
  Instance instance(directory.socket());
  auto client = bus::Client::connect(
      directory.socket(), {.reconnect_within = core::milliseconds(50)});
  REQUIRE(client);
  instance.stop();
  const auto view = client->show(core::JobId(1));
  REQUIRE_FALSE(view);
  CHECK(view.error().why == core::Refusal::kUnavailable);
}

TEST_CASE("who got no answer knows it until the next that comes") {
  const Directory directory;
  Instance instance(directory.socket());
  auto client = bus::Client::connect(
      directory.socket(), {.answer_within = core::milliseconds(300)});
  REQUIRE(client);
  const auto job = client->create(spec_of({"true"}));
  REQUIRE(job);
  CHECK_FALSE(client->is_silent());
  CHECK_FALSE(client->show(core::make_job_id(7, 99)));
  CHECK_FALSE(client->is_silent());  // a refusal is an answer
  instance.stand(true);
  const auto none = client->processes(job->jid);
  REQUIRE_FALSE(none);
  CHECK(none.error().why == core::Refusal::kUnavailable);
  CHECK(client->is_silent());
  instance.stand(false);
  CHECK(client->processes(job->jid));
  CHECK_FALSE(client->is_silent());
}

TEST_CASE("waits are forgotten with whoever asked") {
  const Directory directory;
  Instance instance(directory.socket());
  {
    bus::Client client = connect(directory);
    const auto job = client.create(spec_of({"x"}));
    REQUIRE(job);
    REQUIRE(client.wait_for(job->jid, core::milliseconds(20)));
  }
  bus::Client other = connect(directory);
  CHECK(other.instance());  // the departure was seen before this
  CHECK(other.instance());
  instance.stop();
  CHECK(instance.port.forgotten == 1);
}

TEST_CASE("a job that is launched late is answered late") {
  bus_test::PollLoop loop;
  bus_test::FakeJobControl port;
  port.is_slow = true;
  const Directory directory;
  bus::Server server(loop, port, [](std::string_view) {});
  auto listener =
      bus::PrivateListener::open(directory.socket(), bus::SocketAccess::kOwner);
  REQUIRE(listener);
  server.serve(*std::move(listener));
  std::atomic<int> answered = 0;
  std::thread asker([&] {
    bus::Client client = connect(directory);
    answered = client.create(spec_of({"x"})) ? 1 : -1;
  });
  CHECK(loop.run_until([&] { return !port.late.empty(); }));
  loop.run_for(30);
  CHECK(answered == 0);
  port.late.front()();
  CHECK(loop.run_until([&] { return answered != 0; }));
  asker.join();
  CHECK(answered == 1);
  // Of a caller that has gone nothing is left, and its answer goes nowhere.
  std::thread leaver([&] {
    auto fd = bus::connect_private(directory.socket());
    REQUIRE(fd);
  });
  leaver.join();
  CHECK(loop.run_until([&] { return server.peer_count() == 0; }));
  port.late.front()();
}

}  // namespace

TEST_CASE("limits are changed as they were asked to be") {
  const Directory directory;
  Instance instance(directory.socket());
  {
    bus::Client client = connect(directory);
    core::JobSpec spec = spec_of({"x"});
    spec.limits.open_files = 9;
    const auto job = client.create(spec);
    REQUIRE(job);
    CHECK(client.set_limits(
        job->jid, {{.kind = core::LimitKind::kMemory, .bound = 4096}}, true));
    const auto view = client.show(job->jid);
    REQUIRE(view);
    CHECK(view->limits.memory == core::Bytes(4096));
    CHECK(view->limits.open_files == 9);
    CHECK(client
              .set_limits(core::JobId(99),
                          {{.kind = core::LimitKind::kMemory, .bound = {}}},
                          false)
              .error()
              .why == core::Refusal::kNoSuchJob);
  }
  instance.stop();
  CHECK(instance.port.last_accepts_less);
}
