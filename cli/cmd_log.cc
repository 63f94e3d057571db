// SPDX-License-Identifier: Apache-2.0
// corral log: the output of a detached job. Following it sleeps until the file
// grows (inotify(7)), the job has ended (a child waits for that), or nobody
// reads us any more.
#include <poll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iterator>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_selection.h"
#include "cli/output.h"
#include "sys/pid_fd.h"
#include "sys/unique_fd.h"

namespace cli {
namespace {

/// Writes what `log` holds from its offset on.
core::Result<void> copy(const sys::UniqueFd& log) {
  std::array<char, 65536> buffer = {};
  while (true) {
    const ssize_t size = ::read(log.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return core::fail(errno, "read", "the job's log");
    if (size == 0) break;
    print({buffer.data(), static_cast<std::size_t>(size)});
  }
  // What came is shown at once; an error stays with the stream.
  (void)std::fflush(stdout);
  return {};
}

core::Result<sys::UniqueFd> watch_growth(const sys::UniqueFd& log) {
  sys::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.is_open()) return core::fail(errno, "inotify_init1");
  const std::string path = "/proc/self/fd/" + std::to_string(log.get());
  if (::inotify_add_watch(inotify.get(), path.c_str(), IN_MODIFY) < 0)
    return core::fail(errno, "watch", "the job's log");
  return inotify;
}

/// A child of ours that exits when the job has ended, or when we do.
core::Result<sys::PidFd> watch_end(core::JobId jid, Which which) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return core::fail(errno, "fork");
  if (child == 0) {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    // A connection of its own: sd-bus forbids to use one across a fork.
    auto client = connect(which);
    if (client) (void)client->wait(jid);
    ::_exit(0);
  }
  return sys::PidFd::open(core::Pid(child));
}

void drain(const sys::UniqueFd& inotify) {
  std::array<char, 4096> events = {};
  while (::read(inotify.get(), events.data(), events.size()) > 0) {
  }
}

/// False once a write has failed.
bool is_output_good() {
  return std::ferror(stdout) == 0;
}

/// What a write would do to us: `corral log -f | head -1` may have none to
/// make.
core::Result<void> reader_has_gone() {
  (void)::raise(SIGPIPE);
  return core::fail(EPIPE, "write to standard output");  // it is ignored
}

core::Result<void> follow(const sys::UniqueFd& log, core::JobId jid,
                          Which which) {
  const sys::UniqueFd inotify = TRY(watch_growth(log));
  const sys::PidFd end = TRY(watch_end(jid, which));
  bool has_ended = false;
  while (!has_ended && is_output_good()) {
    // Before sleeping: what was written before the watch was there.
    TRY(copy(log));
    pollfd polls[] = {{.fd = inotify.get(), .events = POLLIN, .revents = 0},
                      {.fd = end.get(), .events = POLLIN, .revents = 0},
                      {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
    if (::poll(polls, std::size(polls), -1) < 0 && errno != EINTR)
      return core::fail(errno, "poll");
    if ((polls[2].revents & (POLLERR | POLLHUP)) != 0) return reader_has_gone();
    has_ended = polls[1].revents != 0;
    drain(inotify);
  }
  return copy(log);
}

}  // namespace

int show_log(const Arguments& arguments) {
  const Which which = which_instance(arguments);
  auto client = connect(which);
  if (!client) return complain(client.error());
  const auto jid = select_job(*client, arguments.operands().front());
  if (!jid) return complain(jid.error());
  auto log = client->open_log(*jid);
  if (!log) return complain(log.error());
  const sys::UniqueFd file(std::move(*log));
  const auto done =
      arguments.has("follow") ? follow(file, *jid, which) : copy(file);
  return done ? kSuccess : complain(done.error());
}

}  // namespace cli
