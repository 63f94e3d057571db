// SPDX-License-Identifier: Apache-2.0
#include "collect/taskstats_service.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "sys/clock.h"
#include "sys/collector_facts.h"
#include "sys/proc_list.h"

namespace collect {

namespace {

using accounting::TaskstatsNews;
using accounting::TaskstatsOrder;
using accounting::TaskstatsReply;
using accounting::TaskstatsRequest;

/// Of the proc connector: some 10,000 events.
constexpr int kConnectorBuffer = 16 << 20;
/// The last thread of a process has told its end: the others have within this,
/// or they are not running.
constexpr std::uint64_t kLastThreads = 20'000'000;  // ns
/// Who was launched is told within this.
constexpr std::uint64_t kLongestWait = 10'000'000'000;  // ns
constexpr std::uint64_t kMicrosecond = 1000;            // ns

std::uint64_t boot_ns() {
  return sys::boot_now().raw() * kMicrosecond;
}

std::uint64_t page_size() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// What is to be added to a time of CLOCK_MONOTONIC.
std::uint64_t boot_less_monotonic_ns() {
  timespec monotonic = {};
  (void)::clock_gettime(CLOCK_MONOTONIC, &monotonic);
  const std::uint64_t now =
      static_cast<std::uint64_t>(monotonic.tv_sec) * 1'000'000'000U +
      static_cast<std::uint64_t>(monotonic.tv_nsec);
  const std::uint64_t boot = boot_ns();
  return boot > now ? boot - now : 0;
}

/// A time of CLOCK_REALTIME as one of CLOCK_BOOTTIME.
std::uint64_t boot_ns_of(std::uint64_t real_us) {
  const core::Moment now = sys::now();
  const std::uint64_t booted = now.real.raw() - now.boot.raw();
  return real_us > booted ? (real_us - booted) * kMicrosecond : 0;
}

std::uint64_t start_ns_of(std::uint64_t ticks) {
  const auto each = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return ticks * (1'000'000'000U / each);
}

/// Where the process is, or was when it ended: the jid in its cgroup's path.
/// Nothing: it is gone, or it is another one.
std::optional<std::uint64_t> read_place(std::int32_t pid,
                                        std::uint64_t start_ns) {
  constexpr std::uint64_t kTolerance = 20'000'000;  // ns: two ticks
  const auto job = sys::read_proc_job(core::Pid(pid));
  const auto stat = sys::read_proc_stat(core::Pid(pid));
  if (!job || !stat) return std::nullopt;
  const std::uint64_t began = start_ns_of(stat->start_ticks);
  if (std::max(began, start_ns) - std::min(began, start_ns) > kTolerance)
    return std::nullopt;
  return job->raw();
}

void send(int socket, const TaskstatsReply& reply) {
  (void)sys::send_packet(socket, std::as_bytes(std::span(&reply, 1)));
}

}  // namespace

core::Result<void> TaskstatsService::begin(sys::Packet& packet,
                                           std::int32_t reaper) {
  if (packet.fd_count != accounting::kTaskstatsParts)
    return core::fail(EINVAL, "begin", "without a ring");
  ring_ = TRY(ExitRing::open(std::move(packet.fds[0]), packet.fds[1],
                             std::move(packet.fds[2])));
  counts_.open(packet.fds[1]);
  // Forks first: of whoever ends from then on it is known whose child he is.
  connector_ = TRY(sys::ProcConnector::open(kConnectorBuffer));
  sockets_ = TRY(TaskstatsSockets::open());
  reaper_ = reaper;
  lineage_.add_cloner(reaper);
  return {};
}

int TaskstatsService::run(int socket) {
  for (;;) {
    std::vector<pollfd> polls{{.fd = socket, .events = POLLIN, .revents = 0},
                              {.fd = sockets_ ? connector_.fd() : -1,
                               .events = POLLIN,
                               .revents = 0}};
    if (sockets_)
      for (const int fd : sockets_->fds())
        polls.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    if (::poll(polls.data(), polls.size(), patience()) < 0 && errno != EINTR)
      return 1;
    if (polls[0].revents != 0 && !serve(socket)) return 0;
    if (!sockets_) continue;
    drain();
    finish_ripe(false);
    settle();
  }
}

/// Milliseconds until something is to be looked at again; -1: nothing is.
int TaskstatsService::patience() const {
  if (!ripe_.empty()) return static_cast<int>(kLastThreads / 1'000'000U);
  if (!waiting_.empty()) return 1000;
  return -1;
}

/// What the supervisor says. False: it is gone.
bool TaskstatsService::serve(int socket) {
  for (;;) {
    pollfd ready = {.fd = socket, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 0) <= 0) return true;
    TaskstatsRequest request;
    auto packet = sys::receive_packet(
        socket, std::as_writable_bytes(std::span(&request, 1)));
    if (!packet || packet->size == 0) return false;
    if (packet->size == sizeof request &&
        request.magic == accounting::kTaskstatsMagic)
      obey(request, *packet, socket);
  }
}

void TaskstatsService::obey(const TaskstatsRequest& request,
                            sys::Packet& packet, int socket) {
  TaskstatsReply reply;
  if (request.order == TaskstatsOrder::kBegin) {
    if (const auto begun = begin(packet, request.pid); !begun) {
      reply.code = begun.error().code;
      reply.say(begun.error().message().view());
    }
    return send(socket, reply);
  }
  if (!sockets_) return;
  drain();
  switch (request.order) {
    case TaskstatsOrder::kBegin:
      break;
    case TaskstatsOrder::kEnrol:
      enrol(request);
      break;
    case TaskstatsOrder::kWithdraw:
      withdraw(request.jid);
      break;
    case TaskstatsOrder::kMember:
      lineage_.decide(request.pid, request.jid, boot_ns());
      if (const auto at = jobs_.find(request.jid); at != jobs_.end())
        at->second.has_member = true;
      settle();
      break;
    case TaskstatsOrder::kMoving:
      set_moving(1);
      break;
    case TaskstatsOrder::kMoved:
      set_moving(-1);
      break;
    case TaskstatsOrder::kBarrier:
      finish_ripe(true);
      settle();
      tell_counts(socket);
      break;
  }
  if (request.number == 0) return;
  reply.news = TaskstatsNews::kPassed;
  reply.number = request.number;
  send(socket, reply);
}

/// `is_sure` of a job that is enrolled again is the supervisor's to say.
void TaskstatsService::enrol(const TaskstatsRequest& request) {
  CountedJob job;
  job.cloner = request.pid == 0 ? reaper_ : request.pid;
  job.project_id = request.project_id;
  if (jobs_.contains(request.jid)) return;
  job.kept = counts_.row_of(request.jid);
  if (job.kept != nullptr) {
    job.exits = job.kept->exits;
    job.lost = job.kept->lost;
  }
  jobs_.emplace(request.jid, job);
  lineage_.add_cloner(job.cloner);
  has_delays_ = sys::counts_delays();
  look_around();  // one that was counted before, by a collector that is gone
}

void TaskstatsService::withdraw(std::uint64_t jid) {
  const auto at = jobs_.find(jid);
  if (at == jobs_.end()) return;
  const std::int32_t cloner = at->second.cloner;
  jobs_.erase(at);
  counts_.forget(jid);
  if (cloner != reaper_ &&
      std::ranges::none_of(jobs_, [cloner](const auto& row) {
        return row.second.cloner == cloner;
      }))
    lineage_.remove_cloner(cloner);
}

void TaskstatsService::set_moving(int change) {
  if (change < 0) look_around();
  moves_ += change;
  lineage_.set_moving(moves_ > 0);
}

void TaskstatsService::tell_counts(int socket) {
  for (auto& [jid, job] : jobs_) {
    const bool is_sure = job.is_sure && !is_suspect(job);
    if (!job.has_news && is_sure) continue;
    job.has_news = !is_sure;  // it may be sure again
    TaskstatsReply reply;
    reply.news = TaskstatsNews::kCount;
    reply.jid = jid;
    reply.exits = job.exits;
    reply.lost = job.lost;
    reply.is_sure = is_sure ? 1 : 0;
    send(socket, reply);
  }
}

/// Whether one of those who ended, and nobody knows where, may have been its.
bool TaskstatsService::is_suspect(const CountedJob& job) const {
  return std::ranges::any_of(waiting_, [&job](const Ended& ended) {
    const Lineage::Pid cloner = ended.process.family->cloner;
    return cloner == Lineage::kMoved ||
           (cloner == job.cloner && !job.has_member);
  });
}

/// Ends before forks: who ended was forked before that.
void TaskstatsService::drain() {
  std::vector<TaskstatsSockets::End> ends;
  sockets_->drain([&](const auto& end) { ends.push_back(end); });
  read_forks();
  for (const TaskstatsSockets::End& end : ends)
    on_end(end);
  const bool was_full = sockets_->take_overrun();
  if (sockets_->take_lost() != 0 || was_full) lose();
}

void TaskstatsService::read_forks() {
  const std::uint64_t ahead = boot_less_monotonic_ns();
  for (;;) {
    const auto event = connector_.receive();
    if (!event && event.error().code == EAGAIN) return;
    if (!event && event.error().code == ENOBUFS) lose();
    if (!event || event->what != sys::ProcConnector::kFork ||
        event->child != event->child_tgid)
      continue;
    const std::uint64_t start = event->monotonic_ns + ahead;
    if (!lineage_.fork(event->tgid, event->child, start)) continue;
    const auto job = sys::read_proc_job(core::Pid(event->child));
    // Not yet in its cgroup it is in none: that is no answer.
    if (job && jobs_.contains(job->raw()))
      lineage_.decide(event->child, job->raw(), start);
  }
}

void TaskstatsService::on_end(const TaskstatsSockets::End& end) {
  const auto pid = static_cast<std::int32_t>(end.stats.ac_tgid);
  if (!lineage_.knows(pid)) return;  // in none of our jobs
  ExitFold& fold = folds_.try_emplace(pid, page_size()).first->second;
  fold.add(end.stats);
  if (!fold.is_dead()) return;
  if (end.was_threaded) return ripe_.push_back({pid, boot_ns()});
  finish(pid, fold);
  folds_.erase(pid);
}

/// `is_last_call`: somebody waits for it.
void TaskstatsService::finish_ripe(bool is_last_call) {
  const auto is_there = [this] { return !ripe_.empty(); };
  while (is_there()) {
    const std::uint64_t age = boot_ns() - ripe_.front().since_ns;
    if (age < kLastThreads && !is_last_call) return;
    if (age < kLastThreads) {
      (void)::poll(nullptr, 0,
                   static_cast<int>((kLastThreads - age) / 1'000'000U + 1));
      drain();
    }
    const std::int32_t pid = ripe_.front().pid;
    ripe_.pop_front();
    const auto at = folds_.find(pid);
    if (at == folds_.end()) continue;  // it was lost meanwhile
    finish(pid, at->second);
    folds_.erase(at);
  }
}

void TaskstatsService::finish(std::int32_t pid, const ExitFold& fold) {
  auto process = lineage_.take(pid, boot_ns_of(fold.began_us()));
  if (!process) return lose();  // that cannot be; nothing is sure
  Ended ended{
      .process = *std::move(process), .fold = fold, .since_ns = boot_ns()};
  auto place = ended.process.family->place;
  if (!place) {  // it may not have been waited for yet
    place = read_place(pid, ended.process.start_ns);
    if (place && ended.process.family->root == pid)
      lineage_.decide(pid, *place, ended.process.start_ns);
  }
  if (place) return record(ended, *place);
  waiting_.push_back(std::move(ended));
}

/// Of those who wait: who is known by now; who will never be.
void TaskstatsService::settle() {
  std::vector<Ended> waiting;
  bool has_given_up = false;
  for (Ended& ended : std::exchange(waiting_, {})) {
    const auto place = ended.process.family->place;
    if (place)
      record(ended, *place);
    else if (boot_ns() - ended.since_ns < kLongestWait)
      waiting.push_back(std::move(ended));
    else
      has_given_up =
          has_given_up || ended.process.family->cloner == Lineage::kMoved;
  }
  waiting_ = std::move(waiting);
  if (!has_given_up) return;
  for (auto& [jid, job] : jobs_)
    job.is_sure = false;
}

void TaskstatsService::record(const Ended& ended, std::uint64_t jid) {
  const auto at = jobs_.find(jid);
  if (at == jobs_.end()) return;
  CountedJob& job = at->second;
  job.has_news = true;
  corral_exit exit = ended.fold.whole(jid, ended.process.start_ns, has_delays_);
  exit.project_id = job.project_id;
  if (!ring_.push(exit)) ++job.lost;
  ++job.exits;
  if (job.kept == nullptr) return;
  job.kept->lost = job.lost;
  job.kept->exits = job.exits;
}

void TaskstatsService::lose() {
  for (auto& [jid, job] : jobs_)
    job.is_sure = false;
  lineage_.forget_all();
  folds_.clear();
  ripe_.clear();
  look_around();
}

/// Of all who live it is read where they are.
void TaskstatsService::look_around() {
  (void)sys::for_each_process(
      sys::ListedFor::kReading, [this](const sys::ListedProcess& process) {
        const auto job = sys::read_proc_job(core::Pid(process.pid));
        if (!job) return;
        const bool is_ours = jobs_.contains(job->raw());
        const std::uint64_t began = start_ns_of(process.start_ticks);
        // Who is being cloned is in no cgroup yet: that is no answer.
        const bool is_settled = boot_ns() - began > kLastThreads;
        if (is_ours || lineage_.job_of(process.pid) ||
            (is_settled && lineage_.was_moved(process.pid)))
          lineage_.decide(process.pid, is_ours ? job->raw() : 0, began);
      });
}

}  // namespace collect
