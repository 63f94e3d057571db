// SPDX-License-Identifier: Apache-2.0
#include "supervisor/job_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/pid_fd.h"

namespace supervisor {

namespace {

/// A dead process's status can be read once its parent has reaped it. These
/// many questions, 10 ms apart at first and doubling, are 2.5 s of patience.
constexpr int kMostTries = 8;

}  // namespace

JobWatch::JobWatch(EventLoop& loop, Handlers handlers)
    : loop_(loop), handlers_(std::move(handlers)) {}

void JobWatch::open_inotify() {
  if (inotify_.is_open()) return;
  inotify_ = sys::UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (inotify_.is_open())
    inotify_watch_ = IoWatch(loop_, inotify_.get(), Readiness::kRead,
                             [this](Readiness) { read_inotify(); });
}

void JobWatch::watch_container(core::JobId jid, const std::string& path) {
  if (watches_.contains(jid)) return;
  open_inotify();
  const int watch =
      ::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY);
  if (watch < 0) {
    const int code = errno;
    if (code == ENOENT || has_complained_) return;
    has_complained_ = true;
    spdlog::warn(
        "cannot watch '{}': {}; the ends of processes that nobody "
        "reports will be seen late",
        path, std::strerror(code));
    return;
  }
  jobs_[watch] = jid;
  watches_[jid] = watch;
}

void JobWatch::read_inotify() {
  alignas(inotify_event) char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer, sizeof buffer);
    if (size <= 0) return;
    for (ssize_t at = 0; at < size;) {
      inotify_event event = {};
      std::memcpy(&event, buffer + at, sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        for (const auto& [jid, watch] : watches_)
          handlers_.on_container(jid);
        continue;
      }
      on_file(event);
    }
  }
}

void JobWatch::on_file(const inotify_event& event) {
  const bool is_gone = (event.mask & IN_IGNORED) != 0;
  if (const auto file = memory_files_.find(event.wd);
      file != memory_files_.end()) {
    const core::JobId jid = file->second;
    if (is_gone)
      memory_files_.erase(file);
    else
      handlers_.on_soft_memory(jid);
    return;
  }
  const auto job = jobs_.find(event.wd);
  if (job == jobs_.end()) return;
  const core::JobId jid = job->second;
  if (!is_gone) return handlers_.on_container(jid);
  watches_.erase(jid);
  jobs_.erase(job);
}

void JobWatch::watch_main(core::JobId jid, int pidfd) {
  Main& main = mains_[jid];
  main.tries = 0;
  main.retry = Timer(loop_, [this, jid, pidfd] { ask_status(jid, pidfd); });
  main.watch =
      IoWatch(loop_, pidfd, Readiness::kRead, [this, jid, pidfd](Readiness) {
        mains_[jid].watch.want(Readiness::kNone);
        ask_status(jid, pidfd);
      });
}

void JobWatch::ask_status(core::JobId jid, int pidfd) {
  const auto status = sys::exit_status_of(pidfd);
  Main& main = mains_[jid];
  if (!status && main.tries < kMostTries) {
    const auto pause = core::milliseconds(std::uint64_t{10} << main.tries++);
    main.retry.set(sys::boot_now() + pause);
    return;
  }
  mains_.erase(jid);
  handlers_.on_main_end(jid, status);
}

void JobWatch::watch_memory(core::JobId jid, sys::UniqueFd events) {
  Memory& memory = memories_[jid];
  memory.watch = IoWatch();
  memory.events = std::move(events);
  memory.retry = Timer(loop_, [this, jid] { tell_memory(jid); });
  memory.watch = IoWatch(loop_, memory.events.get(), Readiness::kRead,
                         [this, jid, fd = memory.events.get()](Readiness) {
                           std::uint64_t count = 0;
                           if (::read(fd, &count, sizeof count) != sizeof count)
                             return;
                           memories_[jid].tries = 0;
                           tell_memory(jid);
                         });
}

/// The kernel tells before it has killed anybody.
void JobWatch::tell_memory(core::JobId jid) {
  if (handlers_.on_memory(jid)) return;
  Memory& memory = memories_[jid];
  if (memory.tries < kMostTries)
    memory.retry.set(sys::boot_now() +
                     core::milliseconds(std::uint64_t{10} << memory.tries++));
}

void JobWatch::watch_soft_memory(core::JobId jid, sys::UniqueFd events) {
  SoftMemory& memory = soft_memories_[jid];
  memory.watch = IoWatch();
  memory.events = std::move(events);
  memory.watch = IoWatch(loop_, memory.events.get(), Readiness::kRead,
                         [this, jid, fd = memory.events.get()](Readiness) {
                           std::uint64_t count = 0;
                           if (::read(fd, &count, sizeof count) == sizeof count)
                             handlers_.on_soft_memory(jid);
                         });
}

void JobWatch::watch_soft_memory(core::JobId jid, const std::string& path) {
  SoftMemory& memory = soft_memories_[jid];
  if (memory.file >= 0) return;
  open_inotify();
  memory.file = ::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY);
  if (memory.file >= 0) memory_files_[memory.file] = jid;
}

void JobWatch::set_timer(core::JobId jid, core::JobTimer timer,
                         core::BootTime deadline) {
  auto [at, is_new] = timers_.try_emplace({jid, timer});
  if (is_new)
    at->second =
        Timer(loop_, [this, jid, timer] { handlers_.on_timer(jid, timer); });
  at->second.set(deadline);
}

void JobWatch::clear_timer(core::JobId jid, core::JobTimer timer) {
  timers_.erase({jid, timer});
}

void JobWatch::forget_main(core::JobId jid) {
  mains_.erase(jid);
}

void JobWatch::forget(core::JobId jid) {
  mains_.erase(jid);
  memories_.erase(jid);
  if (const auto soft = soft_memories_.find(jid);
      soft != soft_memories_.end()) {
    if (soft->second.file >= 0) {
      memory_files_.erase(soft->second.file);
      (void)::inotify_rm_watch(inotify_.get(), soft->second.file);
    }
    soft_memories_.erase(soft);
  }
  clear_timer(jid, core::JobTimer::kLimit);
  clear_timer(jid, core::JobTimer::kKillPlan);
  clear_timer(jid, core::JobTimer::kAttach);
  const auto at = watches_.find(jid);
  if (at == watches_.end()) return;
  (void)::inotify_rm_watch(inotify_.get(), at->second);  // gone with its file
  jobs_.erase(at->second);
  watches_.erase(at);
}

}  // namespace supervisor
