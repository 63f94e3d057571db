// SPDX-License-Identifier: Apache-2.0
#include "cli/private_instance.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "cli/instance_limits.h"
#include "cli/living_instance.h"
#include "sys/lock_file.h"
#include "sys/own_programs.h"
#include "sys/spawn.h"
#include "sys/unique_fd.h"

namespace cli {
namespace {

/// How long a new instance may take until it listens.
constexpr int kStartPatienceMs = 30'000;

struct Programs {
  std::string init;
  std::string supervisor;
};

struct Pipe {
  sys::UniqueFd read_end;
  sys::UniqueFd write_end;
};

core::Result<Programs> find_programs() {
  Programs programs;
  programs.init = TRY(sys::find_own_program(sys::OwnProgram::kInit));
  programs.supervisor =
      TRY(sys::find_own_program(sys::OwnProgram::kSupervisor));
  return programs;
}

core::Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) return core::fail(errno, "pipe2");
  return Pipe{.read_end = sys::UniqueFd(ends[0]),
              .write_end = sys::UniqueFd(ends[1])};
}

/// How long another command may take to start one, without $CORRAL_TIMEOUT.
constexpr core::Microseconds kLockPatience = core::seconds(60);

/// The lock that starters of this user's instance take; freed by its closing.
core::Result<sys::UniqueFd> lock_runtime(const std::string& runtime,
                                         core::Microseconds patience) {
  const std::string path = runtime + "/lock";
  sys::UniqueFd lock = TRY(sys::open_lock_file(path));
  TRY(sys::lock_within(lock.get(), path, patience));
  return lock;
}

/// Signals as a new session should have them: nothing blocked or ignored.
void reset_signals() {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    (void)::sigaction(number, &standard, nullptr);  // not KILL, not STOP
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// In the new process: becomes corral-init. Returns only if that failed.
int become_instance(const std::vector<const char*>& words, int log, int null,
                    int ready) {
  reset_signals();
  raise_limits();
  (void)::umask(077);
  if (::chdir("/") < 0) return errno;
  if (::dup2(null, STDIN_FILENO) < 0 || ::dup2(log, STDOUT_FILENO) < 0 ||
      ::dup2(log, STDERR_FILENO) < 0)
    return errno;
  // Of the caller's descriptors none is kept: they would hold its pipes open.
  (void)::syscall(SYS_close_range, 3U, ~0U, 1U << 2U /* CLOSE_RANGE_CLOEXEC */);
  if (::fcntl(ready, F_SETFD, 0) < 0) return errno;
  ::execv(words[0], const_cast<char* const*>(words.data()));
  return errno;
}

/// Forks twice, so that the instance has no parent here and no terminal.
core::Result<void> launch(const std::vector<const char*>& words, int log,
                          int null, int ready) {
  const pid_t child = ::fork();
  if (child < 0) return core::fail(errno, "fork");
  if (child == 0) {
    if (::setsid() < 0) ::_exit(1);
    const pid_t grandchild = ::fork();
    if (grandchild != 0) ::_exit(grandchild < 0 ? 1 : 0);
    const int error = become_instance(words, log, null, ready);
    const char* const reason = ::strerrordesc_np(error);
    ::dprintf(log, "corral: cannot execute '%s': %s\n", words[0], reason);
    ::_exit(127);
  }
  const int status = TRY(sys::await_child(child));
  if (status != 0) return core::fail(EAGAIN, "fork");
  return {};
}

/// Waits for the line that says that it listens; end of file says that it
/// will not.
core::Result<void> await_ready(int pipe, const std::string& log_path) {
  pollfd poll = {.fd = pipe, .events = POLLIN, .revents = 0};
  int count = 0;
  do {
    count = ::poll(&poll, 1, kStartPatienceMs);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return core::fail(errno, "poll");
  if (count == 0)
    return core::fail(ETIMEDOUT, "it does not listen; see its log", log_path);
  char line[8];
  if (::read(pipe, line, sizeof line) > 0) return {};
  return core::fail(0, "it ended at once; see its log", log_path);
}

std::string log_path_of(const sys::Places& places) {
  return places.logs + "/instance.log";
}

core::Result<sys::UniqueFd> open_log(const sys::Places& places) {
  TRY(sys::prepare_logs(places));
  return sys::open_at(AT_FDCWD, log_path_of(places).c_str(),
                      O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
}

core::Result<void> start(const sys::Places& places, const sys::UniqueFd& log) {
  const Programs programs = TRY(find_programs());
  const sys::UniqueFd null = TRY(sys::open_at(AT_FDCWD, "/dev/null", O_RDWR));
  Pipe ready = TRY(make_pipe());
  const std::string number = std::to_string(ready.write_end.get());
  const std::vector<const char*> words = {programs.init.c_str(),
                                          "--supervise",
                                          "--ready-fd",
                                          number.c_str(),
                                          "--",
                                          programs.supervisor.c_str(),
                                          "--private",
                                          "--runtime",
                                          places.runtime.c_str(),
                                          "--pacct",
                                          places.pacct.c_str(),
                                          "--log-dir",
                                          places.logs.c_str(),
                                          nullptr};
  TRY(launch(words, log.get(), null.get(), ready.write_end.get()));
  ready.write_end.reset();
  return await_ready(ready.read_end.get(), log_path_of(places));
}

std::unexpected<core::Refused> cannot_start(const std::string& why) {
  return refuse(core::Refusal::kUnavailable,
                "cannot start a private instance: " + why);
}

std::unexpected<core::Refused> cannot_start(const core::Error& error,
                                            std::string_view advice = {}) {
  return cannot_start(std::string(error.message().view()).append(advice));
}

}  // namespace

core::Answer<Instance> ensure_private_instance() {
  const auto patience = first_answer_within();
  if (auto living = TRY(await_living(Which::kPrivate, patience)))
    return *std::move(living);
  if (const auto low = find_low_limit()) return cannot_start(*low);
  sys::Places places =
      sys::find_places(sys::InstanceKind::kPrivate, core::Uid(::geteuid()),
                       sys::process_environment());
  if (const auto done = sys::prepare_runtime(places); !done)
    return cannot_start(
        sys::sentence_of(sys::describe_runtime(done.error(), places)));
  if (const auto odd = sys::find_odd_entry(places))
    return cannot_start(sys::sentence_of(*odd));
  const auto lock_patience = first_answer_within(kLockPatience);
  const auto lock = lock_runtime(places.runtime, lock_patience);
  if (!lock && lock.error().code == EADDRINUSE)
    return cannot_start("another command has been starting it for " +
                        std::to_string(lock_patience.raw() / 1000) + " ms ('" +
                        places.runtime + "/lock' is held)");
  if (!lock) return cannot_start(lock.error(), sys::kRuntimeAdvice);
  // Another command may have started it while we waited for the lock.
  if (auto living = TRY(await_living(Which::kPrivate, patience)))
    return *std::move(living);
  const auto log = open_log(places);
  if (!log) return cannot_start(log.error(), sys::kLogsAdvice);
  if (const auto done = start(places, *log); !done)
    return cannot_start(done.error());
  return Instance{.kind = places.kind, .socket = places.socket};
}

}  // namespace cli
