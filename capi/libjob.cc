// SPDX-License-Identifier: Apache-2.0
// libjob: SGI's job interface over bus/client.h. It had no connections: one is
// made when the first call comes, kept, and made again in a child after
// fork(2), whatever other threads of the parent were doing, and where the
// program closed its descriptor, of which it cannot know. Calls of several
// threads take turns; who waits for a job has a connection of its own
// meanwhile.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "bus/client.h"
#include "bus/client_instances.h"
#include "capi/job.h"
#include "core/try.h"
#include "sys/pid_fd.h"
#include "sys/proc_files.h"

namespace {

constexpr auto kFailed = static_cast<jid_t>(-1);
/// The status of a job whose main process left none that anybody knows: none of
/// wait(2)'s macros holds for it, and it is neither 0 nor an exit code of 0.
constexpr int kNoStatus = JOB_NO_STATUS;
static_assert(!WIFEXITED(kNoStatus) && !WIFSIGNALED(kNoStatus) &&
              !WIFSTOPPED(kNoStatus) && WEXITSTATUS(kNoStatus) != 0);

int errno_of(core::Refusal why) {
  switch (why) {
    case core::Refusal::kNoSuchJob:
    case core::Refusal::kEnded:
      return ENODATA;
    case core::Refusal::kAccessDenied:
    case core::Refusal::kSandboxed:
      return EPERM;
    case core::Refusal::kNotSupported:
      return ENOSYS;
    case core::Refusal::kNameTaken:
    case core::Refusal::kTooMany:
      return EBUSY;
    case core::Refusal::kUnavailable:
      return ENOENT;
    case core::Refusal::kNoSuchProcess:
      return ESRCH;
    case core::Refusal::kInvalid:
    case core::Refusal::kNoSuchUser:
    case core::Refusal::kProgramNotFound:
    case core::Refusal::kNotExecutable:
    case core::Refusal::kLaunchFailed:
      return EINVAL;
  }
  return EINVAL;
}

/// The connection of one process.
struct Session {
  const pid_t owner = ::getpid();  ///< clone(2) tells no atfork handler
  std::mutex turn;
  std::optional<bus::Client> client;
};

// Never destroyed: a call may come from a destructor at the end.
constinit std::atomic<Session*> g_session = nullptr;

/// In a child: the parent's is left as it is. A thread that is not here may
/// have had the turn, and closing the connection would say goodbye in the
/// parent's name.
void forget_session() {
  g_session.store(nullptr);
}

/// From the start of the library, so that no fork comes before it.
[[maybe_unused]] const int kIsTold =
    ::pthread_atfork(nullptr, nullptr, forget_session);

Session& session() {
  Session* known = g_session;
  if (known != nullptr && known->owner == ::getpid()) return *known;
  auto made = std::make_unique<Session>();
  if (g_session.compare_exchange_strong(known, made.get()))
    return *made.release();
  return *known;  // another thread was quicker
}

core::Answer<bus::Client> connect() {
  const auto instance = bus::find_running(bus::Which::kAny);
  if (!instance)
    return std::unexpected(
        core::Refused{.why = core::Refusal::kUnavailable, .text = {}});
  return bus::Client::connect(instance->socket);
}

core::Answer<bus::Client*> connected(Session& of) {
  if (of.client && of.client->has_lost_socket()) of.client.reset();
  if (!of.client) of.client.emplace(TRY(connect()));
  return &*of.client;
}

/// What `call()` refuses, or throws, is errno.
template <class T, class Call>
T or_errno(T failed, const Call& call) {
  try {
    const core::Answer<T> done = call();
    if (done) return *done;
    errno = errno_of(done.error().why);
  } catch (const std::exception&) {
    errno = ENOMEM;
  }
  return failed;
}

/// Runs `call(client)` in turn, on the connection of this process.
template <class T, class Call>
T answer(T failed, const Call& call) {
  return or_errno(failed, [&]() -> core::Answer<T> {
    Session& own = session();
    const std::scoped_lock turn(own.turn);
    core::Answer<T> done = call(*TRY(connected(own)));
    // One that lost its instance looks for another the next time.
    if (!done && done.error().why == core::Refusal::kUnavailable)
      own.client.reset();
    return done;
  });
}

template <class T>
T fail(T failed, int code) {
  errno = code;
  return failed;
}

/// The jobs that live.
core::Answer<std::vector<jid_t>> all_jobs(bus::Client& client) {
  std::vector<jid_t> jids;
  while (true) {
    const core::JobId after(jids.empty() ? 0 : jids.back());
    const core::JobPage page = TRY(client.list({}, after));
    for (const core::JobView& job : page.jobs)
      jids.push_back(job.jid.raw());
    if (!page.has_more || page.jobs.empty()) return jids;
  }
}

/// As many as fit into `size` bytes.
template <class T>
int give(const std::vector<T>& from, T* to, int size) {
  const std::size_t room = static_cast<std::size_t>(size) / sizeof(T);
  const std::size_t count = std::min(room, from.size());
  std::copy_n(from.begin(), count, to);
  return static_cast<int>(count);
}

core::Answer<std::vector<pid_t>> processes_of(bus::Client& client, jid_t jid) {
  std::vector<pid_t> pids;
  for (const auto& process : TRY(client.processes(core::JobId(jid))))
    pids.push_back(process.pid.raw());
  return pids;
}

/// The first process; the oldest that lives once that has ended.
core::Answer<pid_t> prime_of(bus::Client& client, jid_t jid) {
  const core::JobView job = TRY(client.show(core::JobId(jid)));
  if (job.main && job.main->raw() > 0) return job.main->raw();
  pid_t oldest = 0;
  std::uint64_t earliest = UINT64_MAX;
  for (const pid_t pid : TRY(processes_of(client, jid))) {
    const auto stat = sys::read_proc_stat(core::Pid(pid));
    if (!stat || stat->start_ticks >= earliest) continue;
    oldest = pid;
    earliest = stat->start_ticks;
  }
  if (oldest != 0) return oldest;
  return std::unexpected(
      core::Refused{.why = core::Refusal::kNoSuchJob, .text = {}});
}

/// 0: the caller.
core::Answer<sys::PidFd> process_of(pid_t pid) {
  auto pidfd = sys::PidFd::open(core::Pid(pid == 0 ? ::getpid() : pid));
  if (pidfd) return *std::move(pidfd);
  return std::unexpected(core::Refused{
      .why = pidfd.error().code == ESRCH ? core::Refusal::kNoSuchProcess
                                         : core::Refusal::kInvalid,
      .text = {}});
}

/// The caller moves from its old job into the new one, or stays in the old.
core::Answer<void> enter(bus::Client& client, core::JobId jid,
                         const sys::PidFd& self) {
  const auto old = client.find_by_pid(core::Pid(::getpid()));
  if (old) (void)TRY(client.detach(self.get()));
  auto entered = client.attach(jid, self.get());
  if (!entered && old) (void)client.attach(*old, self.get());
  return entered;
}

/// Nobody knows of it, so nobody else would end it. Of one that gave no answer
/// nobody knows whether the caller is in it: if not, it is given up by itself.
void abandon(bus::Client& client, core::JobId jid, core::Refusal why) {
  if (why == core::Refusal::kUnavailable) return;
  core::KillPlanChange at_once;
  at_once.grace = core::Microseconds();
  (void)client.end(jid, at_once);
}

/// Refuses a job that has ended: to SGI's programs there is none such.
core::Answer<core::JobView> living(bus::Client& client, jid_t jid) {
  core::JobView job = TRY(client.show(core::JobId(jid)));
  if (job.state < core::JobState::kClosing) return job;
  return std::unexpected(
      core::Refused{.why = core::Refusal::kNoSuchJob, .text = {}});
}

}  // namespace

extern "C" {

#define JOB_API __attribute__((visibility("default")))

JOB_API jid_t job_create(jid_t requested, uid_t uid, int options) {
  if (options != 0) return fail(kFailed, EINVAL);
  return answer(kFailed,
                [requested, uid](bus::Client& client) -> core::Answer<jid_t> {
                  const sys::PidFd self = TRY(process_of(0));
                  core::JobSpec spec;
                  spec.kind = core::JobKind::kAttached;
                  spec.stragglers = core::Stragglers::kLinger;
                  spec.requested = core::JobId(requested);
                  if (uid != ::geteuid()) spec.user = std::to_string(uid);
                  const core::JobId jid = TRY(client.create(spec)).jid;
                  const auto entered = enter(client, jid, self);
                  if (entered) return jid.raw();
                  abandon(client, jid, entered.error().why);
                  return std::unexpected(entered.error());
                });
}

JOB_API jid_t job_getjid(pid_t pid) {
  if (pid < 0) return fail(kFailed, EINVAL);
  return answer(kFailed, [pid](bus::Client& client) -> core::Answer<jid_t> {
    const pid_t of = pid == 0 ? ::getpid() : pid;
    return TRY(client.find_by_pid(core::Pid(of))).raw();
  });
}

JOB_API jid_t job_waitjid(jid_t jid, int* status, int options) {
  if (options != 0) return fail(kFailed, EINVAL);
  return or_errno(kFailed, [&]() -> core::Answer<jid_t> {
    bus::Client client = TRY(connect());
    const core::JobView job = TRY(client.wait(core::JobId(jid)));
    if (status != nullptr)
      *status = job.result.has_status ? job.result.wait_status : kNoStatus;
    return jid;
  });
}

JOB_API int job_killjid(jid_t jid, int sig) {
  if (sig < 0 || sig > SIGRTMAX) return fail(-1, EINVAL);
  return answer(-1, [&](bus::Client& client) -> core::Answer<int> {
    (void)TRY(living(client, jid));
    TRY(client.signal(core::JobId(jid), core::SignalNumber(sig)));
    return 0;
  });
}

JOB_API int job_getjidcnt(void) {
  return answer(-1, [](bus::Client& client) -> core::Answer<int> {
    return static_cast<int>(TRY(all_jobs(client)).size());
  });
}

JOB_API int job_getjidlist(jid_t* jids, int bufsize) {
  if (jids == nullptr || bufsize < 0) return fail(-1, EINVAL);
  return answer(-1, [&](bus::Client& client) -> core::Answer<int> {
    return give(TRY(all_jobs(client)), jids, bufsize);
  });
}

JOB_API int job_getpidcnt(jid_t jid) {
  return answer(-1, [jid](bus::Client& client) -> core::Answer<int> {
    (void)TRY(living(client, jid));
    return static_cast<int>(TRY(processes_of(client, jid)).size());
  });
}

JOB_API int job_getpidlist(jid_t jid, pid_t* pids, int bufsize) {
  if (pids == nullptr || bufsize < 0) return fail(-1, EINVAL);
  return answer(-1, [&](bus::Client& client) -> core::Answer<int> {
    (void)TRY(living(client, jid));
    return give(TRY(processes_of(client, jid)), pids, bufsize);
  });
}

JOB_API uid_t job_getuid(jid_t jid) {
  return answer(static_cast<uid_t>(-1),
                [jid](bus::Client& client) -> core::Answer<uid_t> {
                  return TRY(living(client, jid)).owner.raw();
                });
}

JOB_API pid_t job_getprimepid(jid_t jid) {
  return answer(pid_t{-1}, [jid](bus::Client& client) -> core::Answer<pid_t> {
    (void)TRY(living(client, jid));
    return prime_of(client, jid);
  });
}

JOB_API int job_sethid(unsigned int hid) {
  // Corral's own is that of the instance, for good: what it is may be said.
  return answer(-1, [hid](bus::Client& client) -> core::Answer<int> {
    if (TRY(client.instance()).hid == hid) return 0;
    return std::unexpected(
        core::Refused{.why = core::Refusal::kNotSupported, .text = {}});
  });
}

JOB_API int job_detachjid(jid_t jid) {
  return answer(-1, [jid](bus::Client& client) -> core::Answer<int> {
    return static_cast<int>(TRY(client.detach_all(core::JobId(jid))));
  });
}

JOB_API jid_t job_detachpid(pid_t pid) {
  return answer(kFailed, [pid](bus::Client& client) -> core::Answer<jid_t> {
    const sys::PidFd process = TRY(process_of(pid));
    return TRY(client.detach(process.get())).raw();
  });
}

JOB_API jid_t job_attachpid(pid_t pid, jid_t jid) {
  return answer(kFailed, [&](bus::Client& client) -> core::Answer<jid_t> {
    const sys::PidFd process = TRY(process_of(pid));
    // To SGI's programs the job that has gone matters more than the process.
    (void)TRY(living(client, jid));
    TRY(client.attach(core::JobId(jid), process.get()));
    return jid;
  });
}

JOB_API int job_runcsa(int /*action*/) {
  return fail(-1, ENOSYS);
}

}  // extern "C"
