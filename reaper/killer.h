// SPDX-License-Identifier: Apache-2.0
// corral-reaper --killer: the supervisor's worker for whole cgroups. A write to
// cgroup.kill is synchronous, about 30 us a process, and a signal to each of
// many takes longer: too long for the supervisor's loop. It shares no library
// with the job and has all of itself in memory: beside a fork bomb a page fault
// in libc.so waits for minutes for a lock whose holder has no processor.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "core/kill_plan.h"
#include "core/quantity.h"
#include "reaper/instance_options.h"
#include "reaper/protocol.h"
#include "sys/cgroup.h"
#include "sys/clock.h"
#include "sys/message_socket.h"
#include "sys/signals.h"
#include "sys/urgency.h"

namespace reaper {

namespace detail {

inline constexpr core::Microseconds kFreezePatience = core::milliseconds(500);

/// Waits until every member is frozen. ETIME when the deadline has come: one in
/// an uninterruptible wait is not frozen before it returns.
inline core::Result<void> wait_until_frozen(const sys::Cgroup& cgroup,
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
    if (left.raw() == 0 || ::poll(&change, 1, timeout) == 0)
      return core::fail(ETIME, "freeze");
  }
}

/// A live fork bomb cannot outrun this: nothing in the cgroup runs between the
/// freeze and the kill.
inline core::Result<void> freeze_kill_thaw(const sys::Cgroup& cgroup) {
  const auto frozen = cgroup.freeze();
  if (frozen)  // who is not frozen is killed all the same
    (void)wait_until_frozen(cgroup, sys::boot_now() + kFreezePatience);
  const auto killed = cgroup.kill_all_and_each();
  const auto thawed = cgroup.thaw();
  if (!killed) return killed;
  return frozen ? thawed : frozen;
}

inline core::Result<void> freeze(const sys::Cgroup& cgroup) {
  TRY(cgroup.freeze());
  return wait_until_frozen(cgroup, sys::boot_now() + kFreezePatience);
}

inline core::Result<void> obey(const KillRequest& request,
                               const sys::Cgroup& cgroup) {
  const core::SignalNumber signal(request.signal);
  switch (request.how) {
    case KillRequest::How::kKill:
      return cgroup.kill_all();
    case KillRequest::How::kFreezeAndKill:
      return freeze_kill_thaw(cgroup);
    case KillRequest::How::kSignal:
      (void)cgroup.signal_all(signal);
      return {};
    case KillRequest::How::kSignalAndWake:
      (void)cgroup.signal_all(signal);
      (void)cgroup.signal_all(core::kSigcont);
      return {};
    case KillRequest::How::kFreeze:
      return freeze(cgroup);
  }
  return core::fail(EBADMSG, "read request");
}

/// The errno of what came of the request, 0 if it was done.
inline int serve_kill(std::span<const std::byte> body, sys::Packet& packet) {
  KillRequest request;
  if (body.size() != sizeof request || packet.fd_count != 1) return EBADMSG;
  std::memcpy(&request, body.data(), sizeof request);
  const auto done = obey(request, sys::Cgroup(std::move(packet.fds[0])));
  if (done) return 0;
  return done.error().code != 0 ? done.error().code : EIO;
}

}  // namespace detail

/// Serves requests until the socket ends; the exit code.
inline int serve_kills(int socket) {
  for (;;) {
    std::byte buffer[sizeof(WorkerHead) + 64];
    auto packet = sys::receive_packet(socket, buffer);
    if (!packet) return 1;
    if (packet->size == 0) return 0;
    if (packet->size < sizeof(WorkerHead)) continue;  // nobody to answer
    WorkerHead head;
    std::memcpy(&head, buffer, sizeof head);
    head.code = detail::serve_kill(
        std::span(buffer).first(packet->size).subspan(sizeof head), *packet);
    if (!sys::send_packet(socket, std::as_bytes(std::span(&head, 1)))) return 0;
  }
}

inline int run_killer(const InstanceOptions& options) {
  // The end of the socket tells of the supervisor's death, but not one that
  // hangs in a request.
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)sys::set_signal_mask(sys::SignalSet::all());
  sys::become_urgent();
  // As far as RLIMIT_MEMLOCK goes, which is far enough for this program.
  (void)::mlockall(MCL_CURRENT);
  return serve_kills(options.link_fd);
}

}  // namespace reaper
