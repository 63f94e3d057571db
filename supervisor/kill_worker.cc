// SPDX-License-Identifier: Apache-2.0
#include "supervisor/kill_worker.h"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "core/kill_plan.h"
#include "core/quantity.h"
#include "sys/cgroup.h"
#include "sys/clock.h"
#include "sys/urgency.h"

namespace supervisor {

namespace {

// The request: what to do and with which signal, a byte each, and the cgroup's
// directory beside it.
constexpr char kKillAll = 'k';
constexpr char kFreezeAndKill = 'f';
constexpr char kSignalAll = 's';

constexpr std::size_t kMostWorkers = 4;
constexpr core::Microseconds kPatience = core::seconds(30);
constexpr core::Microseconds kFreezePatience = core::milliseconds(500);

/// Waits until every member is frozen, at most until the deadline: one in an
/// uninterruptible wait never is, and is killed all the same.
core::Result<void> wait_until_frozen(const sys::Cgroup& cgroup,
                                     core::BootTime deadline) {
  const sys::UniqueFd events =
      TRY(sys::open_at(cgroup.get(), sys::cgroup_file::kEvents, O_RDONLY));
  for (;;) {
    char buffer[256];
    const ssize_t size = ::pread(events.get(), buffer, sizeof buffer, 0);
    if (size < 0) return core::fail(errno, "read", sys::cgroup_file::kEvents);
    const std::string_view text(buffer, static_cast<std::size_t>(size));
    if (sys::value_of(text, "frozen") == 1U) return {};
    const core::Microseconds left = deadline - sys::boot_now();
    pollfd change = {.fd = events.get(), .events = POLLPRI, .revents = 0};
    // Rounded up, so that the last wait does not turn into a busy loop.
    const int timeout = static_cast<int>(left.raw() / 1000 + 1);
    if (left.raw() == 0 || ::poll(&change, 1, timeout) == 0) return {};
  }
}

/// A live fork bomb cannot outrun this: nothing in the cgroup runs between the
/// freeze and the kill.
core::Result<void> freeze_kill_thaw(const sys::Cgroup& cgroup) {
  const auto frozen = cgroup.freeze();
  if (frozen)
    (void)wait_until_frozen(cgroup, sys::boot_now() + kFreezePatience);
  const auto killed = cgroup.kill_all_and_each();
  const auto thawed = cgroup.thaw();
  if (!killed) return killed;
  return frozen ? thawed : frozen;
}

core::Result<void> obey(const WorkerRequest& request) {
  if (request.body.size() != 2 || request.fds.size() != 1)
    return core::fail(EBADMSG, "read request");
  const sys::Cgroup cgroup(TRY(request.fds[0].duplicate()));
  switch (std::to_integer<char>(request.body[0])) {
    case kKillAll:
      return cgroup.kill_all();
    case kFreezeAndKill:
      return freeze_kill_thaw(cgroup);
    case kSignalAll:
      (void)cgroup.signal_all(
          core::SignalNumber(std::to_integer<int>(request.body[1])));
      return {};
    default:
      return core::fail(EBADMSG, "read request");
  }
}

}  // namespace

KillService::KillService(EventLoop& loop, std::string program)
    : pool_(loop,
            {.name = "kill", .arguments = {}, .program = std::move(program)},
            kMostWorkers) {}

void KillService::kill_all(int cgroup, Done done) {
  ask(kKillAll, core::kSigkill, cgroup, std::move(done));
}

void KillService::freeze_and_kill(int cgroup, Done done) {
  ask(kFreezeAndKill, core::kSigkill, cgroup, std::move(done));
}

void KillService::signal_all(int cgroup, core::SignalNumber signal, Done done) {
  ask(kSignalAll, signal, cgroup, std::move(done));
}

void KillService::ask(char how, core::SignalNumber signal, int cgroup,
                      Done done) {
  sys::UniqueFd copy(::fcntl(cgroup, F_DUPFD_CLOEXEC, 3));
  // Without a descriptor to spare the worker says EBADMSG: no second path here
  // for an answer, and the kill plan comes again.
  std::vector<sys::UniqueFd> fds;
  if (copy.is_open()) fds.push_back(std::move(copy));
  pool_.request({std::byte(how), std::byte(signal.raw())}, std::move(fds),
                kPatience, [done = std::move(done)](const auto& answer) {
                  if (answer)
                    done({});
                  else
                    done(std::unexpected(answer.error()));
                });
}

int run_kill_worker(int socket) {
  sys::become_urgent();
  return serve_requests(
      socket, [](const WorkerRequest& request, std::vector<std::byte>&) {
        return obey(request);
      });
}

}  // namespace supervisor
