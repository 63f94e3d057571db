// SPDX-License-Identifier: Apache-2.0
// Workers do what the loop must not wait for, and nothing that happens to them
// loses a request or a descriptor.
#include "supervisor/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "supervisor/kill_service.h"
#include "supervisor/names_worker.h"
#include "sys/cgroup.h"
#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "tests/unit/not_checked.h"

namespace {

using supervisor::EventLoop;
using supervisor::Timer;
using supervisor::WorkerPool;
using supervisor::WorkerProcess;

EventLoop make_loop() {
  auto loop = EventLoop::make();
  REQUIRE(loop);
  return *std::move(loop);
}

/// Built beside this program.
std::string worker_program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() /
         "supervisor/worker-program";
}

supervisor::WorkerPlan test_plan() {
  return {.name = "test",
          .words = {"worker-program", "--worker=test"},
          .program = worker_program()};
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto raw = std::as_bytes(std::span(text));
  return {raw.begin(), raw.end()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Runs the loop until `is_done`, at most 20 s.
template <class IsDone>
void run_until(EventLoop& loop, const IsDone& is_done) {
  bool is_late = false;
  Timer limit(loop, [&] {
    is_late = true;
    loop.stop();
  });
  limit.set(sys::boot_now() + core::seconds(20));
  // Asked before each wait, after all that was deferred.
  const supervisor::PrepareWatch probe(loop, [&] {
    if (is_done()) loop.stop();
  });
  loop.run();
  REQUIRE(!is_late);
}

int count_open() {
  int open = 0;
  for (int fd = 0; fd < 512; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) ++open;
  return open;
}

/// Answers by the number of the request.
struct Answers {
  std::map<int, std::string> texts;
  std::map<int, int> codes;

  WorkerPool::Done at(int number) {
    return [this, number](core::Result<std::span<const std::byte>> answer) {
      REQUIRE(texts.count(number) + codes.count(number) == 0);
      if (answer)
        texts[number] = text_of(*answer);
      else
        codes[number] = answer.error().code;
    };
  }
  [[nodiscard]] std::size_t size() const { return texts.size() + codes.size(); }
};

constexpr core::Microseconds kLong = core::seconds(15);

}  // namespace

TEST_CASE("requests are answered, each with its own answer") {
  EventLoop loop = make_loop();
  WorkerPool pool(loop, test_plan(), 3);
  Answers answers;
  for (int i = 0; i < 50; ++i)
    pool.request(bytes_of("echo " + std::to_string(i)), {}, kLong,
                 answers.at(i));
  pool.request(bytes_of("fail 28"), {}, kLong, answers.at(50));
  CHECK(answers.size() == 0);  // never before request() has returned
  run_until(loop, [&] { return answers.size() == 51; });
  for (int i = 0; i < 50; ++i)
    CHECK(answers.texts[i] == std::to_string(i));
  CHECK(answers.codes[50] == ENOSPC);
  CHECK(pool.open_requests() == 0);
}

TEST_CASE("one worker stays for the next request, the others end") {
  EventLoop loop = make_loop();
  WorkerPool pool(loop, test_plan(), 4);
  Answers answers;
  for (int i = 0; i < 8; ++i)
    pool.request(bytes_of("pid"), {}, kLong, answers.at(i));
  run_until(loop, [&] { return answers.size() == 8; });
  for (int i = 8; i < 11; ++i) {
    pool.request(bytes_of("pid"), {}, kLong, answers.at(i));
    run_until(loop, [&] { return answers.texts.contains(i); });
  }
  CHECK(answers.texts[8] == answers.texts[9]);
  CHECK(answers.texts[9] == answers.texts[10]);
}

TEST_CASE("a worker that hangs is killed at the deadline, others go on") {
  EventLoop loop = make_loop();
  WorkerPool pool(loop, test_plan(), 2);
  Answers answers;
  const core::BootTime start = sys::boot_now();
  pool.request(bytes_of("hang"), {}, core::milliseconds(200), answers.at(0));
  pool.request(bytes_of("hang"), {}, core::milliseconds(200), answers.at(1));
  pool.request(bytes_of("echo a"), {}, kLong, answers.at(2));
  run_until(loop, [&] { return answers.size() == 3; });
  CHECK(answers.codes[0] == ETIME);
  CHECK(answers.codes[1] == ETIME);
  CHECK(answers.texts[2] == "a");
  CHECK(sys::boot_now() - start < core::seconds(5));
}

TEST_CASE("a request that kills its worker fails, the next one is served") {
  EventLoop loop = make_loop();
  WorkerPool pool(loop, test_plan(), 1);
  Answers answers;
  pool.request(bytes_of("crash"), {}, core::milliseconds(500), answers.at(0));
  pool.request(bytes_of("echo b"), {}, kLong, answers.at(1));
  run_until(loop, [&] { return answers.size() == 2; });
  CHECK(answers.codes[0] == ETIME);
  CHECK(answers.texts[1] == "b");
}

TEST_CASE("a request survives the death of its worker") {
  EventLoop loop = make_loop();
  WorkerPool pool(loop, test_plan(), 1);
  Answers answers;
  pool.request(bytes_of("pid"), {}, kLong, answers.at(0));
  run_until(loop, [&] { return answers.size() == 1; });
  const pid_t pid = std::stoi(answers.texts[0]);
  REQUIRE(::kill(pid, SIGSTOP) == 0);  // our own child, not reaped
  pool.request(bytes_of("echo again"), {}, kLong, answers.at(1));
  loop.run_ready();
  REQUIRE(::kill(pid, SIGKILL) == 0);
  run_until(loop, [&] { return answers.size() == 2; });
  CHECK(answers.texts[1] == "again");
}

TEST_CASE("descriptors go with a request") {
  EventLoop loop = make_loop();
  WorkerPool pool(loop, test_plan(), 1);
  int ends[2] = {};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  REQUIRE(::write(ends[1], "through", 7) == 7);
  ::close(ends[1]);
  std::vector<sys::UniqueFd> fds;
  fds.emplace_back(ends[0]);
  Answers answers;
  pool.request(bytes_of("read"), std::move(fds), kLong, answers.at(0));
  run_until(loop, [&] { return answers.size() == 1; });
  CHECK(answers.texts[0] == "through");
}

TEST_CASE("a worker has no signal blocked or ignored") {
  sigset_t blocked;
  sigset_t old;
  (void)::sigemptyset(&blocked);
  (void)::sigaddset(&blocked, SIGTERM);
  (void)::sigprocmask(SIG_BLOCK, &blocked, &old);
  struct sigaction ignore = {};
  struct sigaction was = {};
  ignore.sa_handler = SIG_IGN;
  (void)::sigaction(SIGUSR1, &ignore, &was);
  EventLoop loop = make_loop();
  WorkerPool pool(loop, test_plan(), 1);
  Answers answers;
  pool.request(bytes_of("signals"), {}, kLong, answers.at(0));
  run_until(loop, [&] { return answers.size() == 1; });
  CHECK(answers.texts[0] == "clean");
  (void)::sigaction(SIGUSR1, &was, nullptr);
  (void)::sigprocmask(SIG_SETMASK, &old, nullptr);
}

TEST_CASE("the pool may be destroyed by an answer, and with open requests") {
  EventLoop loop = make_loop();
  auto pool = std::make_unique<WorkerPool>(loop, test_plan(), 2);
  bool came = false;
  pool->request(bytes_of("echo x"), {}, kLong, [&](const auto&) {
    pool.reset();
    came = true;
  });
  pool->request(bytes_of("hang"), {}, kLong,
                [&](const auto&) { CHECK(false); });
  run_until(loop, [&] { return came; });
  Timer later(loop, [&] { loop.stop(); });
  later.set(sys::boot_now() + core::milliseconds(300));
  loop.run();
}

TEST_CASE("a program that cannot be started is a deadline, not a storm") {
  EventLoop loop = make_loop();
  WorkerPool pool(loop,
                  {.name = "x", .words = {"x"}, .program = "/nonexistent"}, 1);
  Answers answers;
  int rounds = 0;
  const supervisor::PrepareWatch counter(loop, [&] { ++rounds; });
  pool.request(bytes_of("a"), {}, core::milliseconds(350), answers.at(0));
  run_until(loop, [&] { return answers.size() == 1; });
  CHECK(answers.codes[0] == ETIME);
  CHECK(rounds < 20);
}

TEST_CASE("a worker that there is no pidfd for is no hang") {
  EventLoop loop = make_loop();
  WorkerPool pool(loop, test_plan(), 1);
  rlimit bound = {};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &bound) == 0);
  // Room for the two ends of a socket, and no more.
  const int lowest = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  REQUIRE(lowest > 0);
  ::close(lowest);
  const int second = [&] {
    int fd = lowest + 1;
    while (::fcntl(fd, F_GETFD) >= 0)
      ++fd;
    return fd;
  }();
  rlimit tight = bound;
  tight.rlim_cur = static_cast<rlim_t>(second) + 1;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  Answers answers;
  pool.request(bytes_of("echo a"), {}, kLong, answers.at(0));
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &bound) == 0);
  run_until(loop, [&] { return answers.size() == 1; });
  CHECK(answers.texts[0] == "a");
}

TEST_CASE("a process is started again, and told of it, when it dies") {
  EventLoop loop = make_loop();
  int starts = 0;
  int deaths = 0;
  std::optional<WorkerProcess> process;
  process.emplace(loop, test_plan(),
                  WorkerProcess::Handlers{.on_packet = {},
                                          .on_death = [&] { ++deaths; },
                                          .on_start = [&] { ++starts; }});
  process->start();
  process->start();  // once is enough
  run_until(loop, [&] { return starts == 1; });
  process->kill();
  run_until(loop, [&] { return starts == 2; });
  CHECK(deaths == 1);
  process->retire();
  run_until(loop, [&] { return deaths == 2; });
  CHECK(!process->is_running());
  CHECK(starts == 2);
}

TEST_CASE("what the socket does not take waits and arrives in order") {
  EventLoop loop = make_loop();
  struct Head {
    std::uint64_t id;
    std::int32_t code;
    std::uint32_t reserved;
  };
  std::vector<std::uint64_t> ids;
  WorkerProcess* self = nullptr;
  const std::string ballast = "echo " + std::string(30000, 'x');
  WorkerProcess process(
      loop, test_plan(),
      {.on_packet =
           [&](std::span<const std::byte> packet) {
             Head head = {};
             REQUIRE(packet.size() == sizeof head + ballast.size() - 5);
             std::memcpy(&head, packet.data(), sizeof head);
             ids.push_back(head.id);
           },
       .on_death = {},
       .on_start =
           [&] {
             for (std::uint64_t i = 0; i < 100; ++i) {
               const Head head = {i, 0, 0};
               const auto raw = std::as_bytes(std::span(&head, 1));
               std::vector<std::byte> packet(raw.begin(), raw.end());
               const auto text = bytes_of(ballast);
               packet.insert(packet.end(), text.begin(), text.end());
               self->send(packet);
             }
             CHECK(self->bytes_waiting() > 1000000);
           }});
  self = &process;
  process.start();
  run_until(loop, [&] { return ids.size() == 100; });
  CHECK(process.bytes_waiting() == 0);
  for (std::uint64_t i = 0; i < 100; ++i)
    CHECK(ids[i] == i);
}

TEST_CASE("no descriptor is left behind") {
  const int before = count_open();
  {
    EventLoop loop = make_loop();
    WorkerPool pool(loop, test_plan(), 3);
    Answers answers;
    for (int i = 0; i < 6; ++i)
      pool.request(bytes_of(i % 2 == 0 ? "echo" : "hang"), {},
                   core::milliseconds(100), answers.at(i));
    run_until(loop, [&] { return answers.size() == 6; });
  }
  CHECK(count_open() == before);
}

TEST_CASE("groups are found by name, or it is said that not") {
  EventLoop loop = make_loop();
  supervisor::NameService names(loop, worker_program());
  std::map<std::string, core::Answer<core::Gid>> found;
  for (const char* const name : {"root", "no-such-group-here"})
    names.find_group(name, [&found, name](core::Answer<core::Gid> answer) {
      found.emplace(name, std::move(answer));
    });
  run_until(loop, [&] { return found.size() == 2; });
  CHECK(found.at("root") == core::Gid(0));
  REQUIRE_FALSE(found.at("no-such-group-here"));
  CHECK(found.at("no-such-group-here").error().text ==
        "there is no group 'no-such-group-here'");
}

TEST_CASE("users are found by name and by number, or it is said that not") {
  EventLoop loop = make_loop();
  supervisor::NameService names(loop, worker_program());
  std::map<std::string, core::Answer<supervisor::User>> found;
  const auto keep = [&](const std::string& key) {
    return [&found, key](core::Answer<supervisor::User> answer) {
      found.emplace(key, std::move(answer));
    };
  };
  names.find("root", keep("root"));
  names.find("0", keep("number"));
  names.find(core::Uid(0), keep("uid"));
  names.find("no-such-user-here", keep("unknown"));
  names.find("4294967295", keep("minus one"));
  names.find("4123456789", keep("number alone"));
  names.find(core::Uid(4123456789), keep("uid alone"));
  names.find("a:b", keep("impossible"));
  names.find("", keep("empty"));
  CHECK(found.empty());
  run_until(loop, [&] { return found.size() == 9; });
  for (const char* const key : {"root", "number", "uid"}) {
    REQUIRE(found.at(key));
    const supervisor::User& user = *found.at(key);
    CHECK(user.name == "root");
    CHECK(user.uid == core::Uid(0));
    CHECK(user.gid == core::Gid(0));
    CHECK(user.home == "/root");
    CHECK(std::find(user.groups.begin(), user.groups.end(), core::Gid(0)) !=
          user.groups.end());
  }
  for (const char* const key :
       {"unknown", "minus one", "uid alone", "impossible", "empty"}) {
    REQUIRE(!found.at(key));
    CHECK(found.at(key).error().why == core::Refusal::kNoSuchUser);
  }
  CHECK(found.at("unknown").error().text ==
        "there is no user 'no-such-user-here'; 'getent passwd' lists those "
        "that there are");
  REQUIRE(found.at("number alone"));
  const supervisor::User& alone = *found.at("number alone");
  CHECK(alone.name.empty());
  CHECK(alone.uid == core::Uid(4123456789));
  CHECK(alone.gid == core::Gid(4123456789));
  CHECK(alone.groups.empty());
}

TEST_CASE("a cgroup is killed, frozen or not, and thawed after") {
  const sys::CgroupBase base = sys::find_cgroup_base();
  if (!base.facts.cgroup2_is_writable || !base.facts.has_cgroup_kill)
    return unit::not_checked("needs a writable cgroup v2 hierarchy");
  const auto parent =
      sys::open_at(AT_FDCWD, std::string(sys::cgroup2_mount()).c_str(),
                   O_RDONLY | O_DIRECTORY);
  REQUIRE(parent);
  const std::string name = "corral-test-kill-" + std::to_string(::getpid());
  auto cgroup = sys::Cgroup::make(parent->get(), name.c_str());
  REQUIRE(cgroup);
  EventLoop loop = make_loop();
  supervisor::KillService killer(loop, worker_program());
  for (const bool freezes : {false, true}) {
    int ready[2] = {};
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      (void)cgroup->write("cgroup.procs", "0");
      (void)!::write(ready[1], "r", 1);
      for (;;)
        ::pause();
    }
    ::close(ready[1]);  // so that the end of a child that dies is seen
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    CHECK(cgroup->is_populated().value_or(false));
    std::optional<core::Result<void>> done;
    const auto keep = [&](core::Result<void> result) { done = result; };
    if (freezes)
      killer.freeze_and_kill(cgroup->get(), keep);
    else
      killer.kill_all(cgroup->get(), keep);
    run_until(loop, [&] { return done.has_value(); });
    CHECK(done->has_value());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WTERMSIG(status) == SIGKILL);
    char buffer[256];
    const auto events = cgroup->read(sys::cgroup_file::kEvents, buffer);
    REQUIRE(events);
    CHECK(sys::value_of(*events, "frozen") == 0U);
  }
  REQUIRE(sys::Cgroup::remove(parent->get(), name.c_str()));
  std::optional<core::Result<void>> gone;
  killer.kill_all(cgroup->get(), [&](auto result) { gone = result; });
  run_until(loop, [&] { return gone.has_value(); });
  REQUIRE(!*gone);
  const int code = gone->error().code;
  CHECK((code == ENODEV || code == ENOENT));
}
