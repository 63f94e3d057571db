// SPDX-License-Identifier: Apache-2.0
#include "supervisor/closer.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/pid_fd.h"

namespace supervisor {

namespace {

using sys::FdKind;

/// Whoever else was given a copy, the store and the reaper, has closed it by
/// then: theirs are not the last, and do not wait.
constexpr core::Microseconds kLinger = core::milliseconds(50);
/// From the beginning of a batch to that of the next, so that one gathers.
constexpr core::Microseconds kRest = core::milliseconds(50);
/// A close that takes longer is one that hangs.
constexpr core::Microseconds kPatience = core::milliseconds(20);
constexpr std::size_t kMostInBatch = 256;

void close_now(int fd) {
  (void)::syscall(SYS_close, fd);
}

/// fork(2) that shares the table of descriptors, without handlers.
long fork_with_table(unsigned long flags, int* pidfd) {
  return ::syscall(SYS_clone, CLONE_FILES | flags, 0, pidfd, 0, 0);
}

/// A connection of ours that nobody can send to any more, and of which nothing
/// is left to read, holds no descriptor that would be closed with it.
bool is_drained(int socket) {
  (void)::shutdown(socket, SHUT_RDWR);
  char byte = 0;
  ssize_t size = 0;
  do {  // that the peer left without reading everything is told once
    size = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (size < 0 && errno == ECONNRESET);
  return size == 0;
}

/// Who could stop us otherwise too.
bool is_trusted(std::uint32_t uid) {
  return uid == 0 || uid == ::geteuid();
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

}  // namespace

Closer::Closer(EventLoop& loop)
    : loop_(loop),
      due_(loop, [this] { begin(); }),
      silence_(loop, [this] { on_silence(); }) {}

Closer::~Closer() {
  if (progress_ != nullptr) (void)::munmap(progress_, sizeof *progress_);
}

void Closer::close(int fd) {
  sys::ForeignFds& foreign = sys::foreign_fds();
  const std::uint32_t uid = foreign.owner(fd);
  const bool is_harmless = foreign.is_connection(fd)
                               ? is_drained(fd)
                               : sys::is_pidfd(fd) || sys::is_memory_device(fd);
  const core::Microseconds pause =
      foreign.is_lent(fd) ? kLinger : core::Microseconds();
  foreign.unmark(fd);  // the number may be another's when it was closed
  if (is_harmless) return close_now(fd);
  waiting_.push_back(
      {.fd = fd, .uid = uid, .not_before = sys::boot_now() + pause});
  begin();
}

bool Closer::is_full(std::uint32_t uid) const {
  if (is_trusted(uid)) return false;
  const auto at = counts_.find(uid);
  return at != counts_.end() && at->second >= kMostHanging;
}

/// What may hang has a guard at once: should we end before it is closed we
/// would hang with it.
bool Closer::may_rest() const {
  return waiting_.size() < kMostInBatch &&
         std::ranges::all_of(
             waiting_,
             [](const Entry& entry) { return is_trusted(entry.uid); });
}

/// Those that are due, of users of whom not too many hang.
void Closer::begin() {
  if (!batch_.empty() || waiting_.empty()) return;
  const core::BootTime now = sys::boot_now();
  if (now < rests_until_ && may_rest()) return due_.set(rests_until_);
  core::BootTime next{};
  bool has_next = false;
  for (auto at = waiting_.begin();
       at != waiting_.end() && batch_.size() < kMostInBatch;) {
    if (is_full(at->uid)) {
      ++at;
    } else if (at->not_before > now) {
      if (!has_next || at->not_before < next) next = at->not_before;
      has_next = true;
      ++at;
    } else {
      batch_.push_back(*at);
      at = waiting_.erase(at);
    }
  }
  if (has_next) due_.set(next);
  if (batch_.empty()) return;
  rests_until_ = now + kRest;
  if (start_pair()) return;
  put_back(0);
  due_.set(now + core::seconds(1));
}

/// False: there is no process to be had.
bool Closer::start_pair() {
  if (progress_ == nullptr) {
    void* const memory =
        ::mmap(nullptr, sizeof *progress_, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    progress_ = new (memory) Progress;
  }
  progress_->begun = 0;
  const int supervisor = ::getpid();
  int pidfd = -1;
  const long pid = fork_with_table(CLONE_PIDFD, &pidfd);
  if (pid == 0) be_guard(supervisor);
  if (pid < 0) {
    spdlog::error("what clients handed in is not closed: {}",
                  std::strerror(errno));
    return false;
  }
  guard_ = sys::UniqueFd(pidfd);
  watch_ =
      IoWatch(loop_, pidfd, Readiness::kRead, [this](Readiness) { on_end(); });
  silence_.set(sys::boot_now() + kPatience);
  return true;
}

void Closer::on_end() {
  silence_.clear();
  watch_ = IoWatch();
  siginfo_t info = {};
  (void)::waitid(P_PIDFD, static_cast<id_t>(guard_.get()), &info,
                 WEXITED | __WALL);
  guard_.reset();
  put_back(progress_->begun);  // what it did not come to, if it was killed
  begin();
}

void Closer::put_back(std::size_t from) {
  for (std::size_t i = batch_.size(); i > from; --i)
    waiting_.push_front(batch_[i - 1]);
  batch_.clear();
}

void Closer::on_silence() {
  // What it has begun is in no table any more, and the number perhaps
  // another's.
  std::size_t begun = progress_->begun;
  const std::uint32_t uid = batch_[begun > 0 ? begun - 1 : 0].uid;
  leave_table();
  // It went on meanwhile: nothing has taken those numbers since.
  const std::size_t now = progress_->begun;
  while (begun < now && !is_open(batch_[begun].fd))
    ++begun;
  hanging_.push_back({.uid = uid, .guard = std::move(guard_), .watch = {}});
  const auto one = std::prev(hanging_.end());
  watch_ = IoWatch();
  one->watch = IoWatch(loop_, one->guard.get(), Readiness::kRead,
                       [this, one](Readiness) { on_return(one); });
  (void)sys::signal_process(one->guard.get(), core::SignalNumber(SIGTERM));
  if (++counts_[uid] == kMostHanging && is_full(uid)) {
    ++full_;
    spdlog::warn(
        "user {}: {} descriptors that he handed in hang when they are closed; "
        "he is not served until one does not",
        uid == sys::ForeignFds::kSomebody ? "on the bus" : std::to_string(uid),
        kMostHanging);
  }
  // The old memory is the one that hangs.
  (void)::munmap(progress_, sizeof *progress_);
  progress_ = nullptr;
  put_back(begun);
  begin();
}

void Closer::leave_table() {
  if (::unshare(CLONE_FILES) < 0)
    spdlog::error("the table of descriptors stays shared: {}",
                  std::strerror(errno));
}

void Closer::on_return(std::list<Hanging>::iterator one) {
  siginfo_t info = {};
  (void)::waitid(P_PIDFD, static_cast<id_t>(one->guard.get()), &info,
                 WEXITED | __WALL);
  if (is_full(one->uid) && counts_[one->uid] == kMostHanging) --full_;
  --counts_[one->uid];
  if (counts_[one->uid] == 0) counts_.erase(one->uid);
  hanging_.erase(one);
  begin();
}

// What follows runs in the new processes: no memory is asked for there.

void Closer::be_guard(int supervisor) {
  (void)::prctl(PR_SET_NAME, "corral-closer");  // not the supervisor
  sigset_t told = {};
  (void)::sigfillset(&told);
  (void)::sigprocmask(SIG_SETMASK, &told, nullptr);
  (void)::signal(SIGCHLD, SIG_DFL);
  (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const long closer = fork_with_table(SIGCHLD, nullptr);
  if (closer == 0) be_closer();
  bool has_left = ::getppid() != supervisor;
  if (has_left) close_own(supervisor);
  while (closer > 0 &&
         ::waitpid(static_cast<pid_t>(closer), nullptr, WNOHANG) == 0) {
    (void)::sigemptyset(&told);
    (void)::sigaddset(&told, SIGCHLD);
    (void)::sigaddset(&told, SIGTERM);
    if (::sigwaitinfo(&told, nullptr) != SIGTERM || has_left) continue;
    has_left = true;
    close_own(supervisor);
  }
  ::_exit(0);
}

void Closer::be_closer() {
  for (const Entry& entry : batch_) {
    progress_->begun.fetch_add(1);
    close_now(entry.fd);
  }
  ::_exit(0);
}

/// Whether it is the closer's, or will be another's.
bool Closer::is_given(int fd) const {
  const auto is_it = [fd](const Entry& entry) { return entry.fd == fd; };
  return std::ranges::any_of(batch_, is_it) ||
         std::ranges::any_of(waiting_, is_it);
}

/// The supervisor has a table of its own, or is dead. First what cannot hang,
/// then what can only if the supervisor has no copy.
void Closer::close_own(int supervisor) const {
  const sys::ForeignFds& foreign = sys::foreign_fds();
  int end = foreign.end();
  for (const Entry& entry : batch_)
    end = std::max(end, entry.fd + 1);
  for (const Entry& entry : waiting_)
    end = std::max(end, entry.fd + 1);
  unsigned from = 0;
  for (int fd = 0; fd < end; ++fd) {
    if (!foreign.has(fd) && !is_given(fd)) continue;
    const auto at = static_cast<unsigned>(fd);
    if (at > from) (void)::syscall(SYS_close_range, from, at - 1, 0);
    from = at + 1;
  }
  (void)::syscall(SYS_close_range, from, ~0U, 0);
  const bool is_dead = ::getppid() != supervisor;
  for (int fd = 0; fd < foreign.end() && is_dead; ++fd)
    if (foreign.has(fd) && foreign.is_same_connection(fd))
      (void)::shutdown(fd, SHUT_RDWR);
  for (int fd = 0; fd < foreign.end(); ++fd)
    if (foreign.has(fd) && sys::kind_of(fd) != FdKind::kFile) close_now(fd);
}

}  // namespace supervisor
