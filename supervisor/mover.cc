// SPDX-License-Identifier: Apache-2.0
#include "supervisor/mover.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "sys/cgroup.h"
#include "sys/cgroup2_mount.h"
#include "sys/pid_fd.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

constexpr std::size_t kMostWorkers = 4;
constexpr core::Microseconds kPatience = core::seconds(10);
/// Readings of a cgroup's members until nobody is left.
constexpr int kMostReadings = 100;
/// Writes of one process, a millisecond apart.
constexpr int kMostTries = 50;

/// The request; its descriptors are `from`, `to_count` times `to`, and joins.
struct MoveHead {
  std::int32_t pid = 0;
  std::uint32_t to_count = 0;
  std::int32_t parent = 0;  ///< 0: whoever it is; else with `uid`
  std::uint32_t uid = 0;
};

using Fds = std::span<const sys::UniqueFd>;

core::Result<void> write_pid(int procs, core::Pid pid) {
  const std::string text = std::to_string(pid.raw());
  for (int tries = 1;; ++tries) {
    if (::write(procs, text.data(), text.size()) >= 0) return {};
    // A thread of it executes a program: it will be the first in a moment, and
    // the kernel tells of that by nothing else.
    if (errno != EAGAIN || tries == kMostTries)
      return core::fail(errno, "write", sys::cgroup_file::kProcs);
    (void)::poll(nullptr, 0, 1);
  }
}

core::Result<void> write_into(int directory, core::Pid pid) {
  const sys::UniqueFd procs =
      TRY(sys::open_at(directory, sys::cgroup_file::kProcs, O_WRONLY));
  return write_pid(procs.get(), pid);
}

core::Result<void> write_to_first(Fds to, core::Pid pid) {
  core::Result<void> written;
  for (const sys::UniqueFd& directory : to) {
    written = write_into(directory.get(), pid);
    if (written || written.error().code == ESRCH) return written;
  }
  return written;
}

/// The number was another's when it was written: he goes to where he was born.
void put_back(core::Pid stranger) {
  const auto stat = sys::read_proc_stat(stranger);
  if (!stat) return;
  char buffer[4608];
  const auto text =
      sys::read_proc_file(core::Pid(stat->ppid), "cgroup", buffer);
  if (!text) return;
  std::string path(sys::any_cgroup2_mount());
  path.append(sys::cgroup2_path_in(*text));
  if (const auto directory =
          sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY))
    (void)write_into(directory->get(), stranger);
}

core::Result<void> move_process(core::Pid pid, int pidfd, Fds to, Fds joins) {
  const sys::PidFd process(TRY(sys::duplicate(pidfd)));
  if (process.has_exited()) return core::fail(ESRCH, "move process");
  for (const sys::UniqueFd& join : joins)
    TRY(write_pid(join.get(), pid));
  const auto written = write_to_first(to, pid);
  if (!process.has_exited()) return written;
  // Not a moment ago, so it was itself, but for one that was reaped just now.
  if (written && !process.signal(core::SignalNumber(0))) put_back(pid);
  return core::fail(ESRCH, "move process");
}

core::Result<void> move_child(const MoveHead& head, int pidfd, Fds to,
                              Fds joins) {
  const core::Pid pid(head.pid);
  const sys::PidFd process(TRY(sys::duplicate(pidfd)));
  return move_pinned(
      pid, process,
      {.parent = core::Pid(head.parent), .uid = core::Uid(head.uid)},
      [&] { return move_process(pid, pidfd, to, joins); });
}

/// Those of the cgroup itself.
core::Result<void> list_own(int directory, std::vector<core::Pid>& members) {
  const sys::UniqueFd procs =
      TRY(sys::open_at(directory, sys::cgroup_file::kProcs, O_RDONLY));
  std::string text;
  char buffer[4096];
  ssize_t size = 0;
  while ((size = ::read(procs.get(), buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(size));
  sys::detail::NumberReader numbers(text);
  while (const auto pid = numbers.next())
    members.emplace_back(static_cast<std::int32_t>(*pid));
  return {};
}

/// With those of cgroups below it, but not of jobs that are nested in it.
core::Result<void> list_members(int directory,
                                std::vector<core::Pid>& members) {
  TRY(list_own(directory, members));
  sys::Cgroup::for_each_child(directory, [&](const char* name) {
    if (core::job_of_path_name(name)) return;
    if (const auto child =
            sys::open_at(directory, name, O_RDONLY | O_DIRECTORY))
      (void)list_members(child->get(), members);  // or it has gone
  });
  return {};
}

core::Result<std::uint32_t> move_all(int from, Fds to, Fds joins) {
  std::uint32_t count = 0;
  for (int reading = 0; reading < kMostReadings; ++reading) {
    std::vector<core::Pid> members;
    TRY(list_members(from, members));
    if (members.empty()) return count;
    for (const core::Pid pid : members) {
      const auto pidfd = sys::PidFd::open(pid);
      // What is a zombie stays listed nowhere; what was reaped has gone.
      if (!pidfd) continue;
      const auto moved = move_process(pid, pidfd->get(), to, joins);
      if (!moved && moved.error().code != ESRCH)
        return std::unexpected(moved.error());
      if (moved) ++count;
    }
  }
  return core::fail(EBUSY, "move all processes");
}

core::Result<void> obey(const WorkerRequest& request,
                        std::vector<std::byte>& answer) {
  MoveHead head;
  if (request.body.size() != sizeof head)
    return core::fail(EBADMSG, "read request");
  std::memcpy(&head, request.body.data(), sizeof head);
  if (head.to_count == 0 || request.fds.size() <= head.to_count)
    return core::fail(EBADMSG, "read request");
  const int from = request.fds[0].get();
  const Fds to = request.fds.subspan(1, head.to_count);
  const Fds joins = request.fds.subspan(1 + head.to_count);
  std::uint32_t count = 1;
  if (head.parent != 0)
    TRY(move_child(head, from, to, joins));
  else if (head.pid != 0)
    TRY(move_process(core::Pid(head.pid), from, to, joins));
  else
    count = TRY(move_all(from, to, joins));
  const auto bytes = std::as_bytes(std::span(&count, 1));
  answer.insert(answer.end(), bytes.begin(), bytes.end());
  return {};
}

}  // namespace

core::Result<void> move_down(const sys::Cgroup& from, const sys::Cgroup& to) {
  auto directory = sys::duplicate(to.get());
  if (!directory) return std::unexpected(std::move(directory).error());
  constexpr int kMostReadingsHere = 16;
  for (int reading = 0; reading < kMostReadingsHere; ++reading) {
    std::vector<core::Pid> members;
    TRY(list_own(from.get(), members));
    if (members.empty()) break;
    for (const core::Pid pid : members) {
      const auto pidfd = sys::PidFd::open(pid);
      if (!pidfd) continue;
      const auto moved =
          move_process(pid, pidfd->get(), std::span(&*directory, 1), {});
      if (!moved && moved.error().code != ESRCH)
        return std::unexpected(moved.error());
    }
  }
  return {};
}

Mover::Mover(EventLoop& loop, std::string program)
    : pool_(loop,
            {.name = "mover",
             .words = {"corrald", "--worker=mover"},
             .program = std::move(program)},
            kMostWorkers) {}

void Mover::move(Move move, Done done) {
  if (!guard_.begin) return carry_out(std::move(move), std::move(done));
  auto kept = std::make_shared<Move>(std::move(move));
  guard_.begin([this, kept, done = std::move(done)]() mutable {
    carry_out(std::move(*kept), [this, done = std::move(done)](auto moved) {
      guard_.end();
      done(std::move(moved));
    });
  });
}

void Mover::carry_out(Move move, Done done) {
  MoveHead head = {.pid = move.pid.raw(),
                   .to_count = static_cast<std::uint32_t>(move.to.size())};
  if (move.only) {
    head.parent = move.only->parent.raw();
    head.uid = move.only->uid.raw();
  }
  const auto bytes = std::as_bytes(std::span(&head, 1));
  std::vector<sys::UniqueFd> fds;
  fds.push_back(std::move(move.from));
  for (auto* more : {&move.to, &move.joins})
    for (sys::UniqueFd& fd : *more)
      fds.push_back(std::move(fd));
  pool_.request({bytes.begin(), bytes.end()}, std::move(fds), kPatience,
                [done = std::move(done)](const auto& answer) {
                  if (!answer) return done(std::unexpected(answer.error()));
                  std::uint32_t count = 0;
                  if (answer->size() != sizeof count)
                    return done(core::fail(EBADMSG, "ask worker", "mover"));
                  std::memcpy(&count, answer->data(), sizeof count);
                  done(count);
                });
}

int run_mover_worker(int socket) {
  return serve_requests(socket, obey);
}

}  // namespace supervisor
