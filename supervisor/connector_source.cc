// SPDX-License-Identifier: Apache-2.0
#include "supervisor/connector_source.h"

#include <cerrno>

#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "sys/collector_facts.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

using core::ProviderEventKind;

constexpr int kBuffer = 4 << 20;
/// Messages of one turn, and the part of the time that turns may take.
constexpr unsigned kTurn = 256;
constexpr std::uint64_t kShare = 10;

std::uint64_t monotonic_ns() {
  return sys::read_clock_us(CLOCK_MONOTONIC) * 1000;
}

core::Text<16> command_of(core::Pid pid) {
  const auto stat = sys::read_proc_stat(pid);
  return stat ? core::Text<16>(stat->name()) : core::Text<16>();
}

}  // namespace

ConnectorSource::ConnectorSource(EventLoop& loop, ProcessSink& sink)
    : loop_(loop),
      sink_(sink),
      pause_(loop, [this] { take_turn(); }),
      start_(loop, [this] { try_open(); }) {}

void ConnectorSource::open(Opened opened) {
  opened_ = std::move(opened);
  start_.set(core::BootTime());
}

void ConnectorSource::try_open() {
  const Opened opened = std::exchange(opened_, nullptr);
  // To others the kernel does not even say that it will tell nothing.
  if (!sys::is_first_namespace())
    return opened(false,
                  "this is a container: the kernel tells only the machine's "
                  "own namespace");
  auto connector = sys::ProcConnector::open(kBuffer);
  if (!connector) return opened(false, connector.error().message().c_str());
  connector_ = *std::move(connector);
  ready_ = IoWatch(loop_, connector_.fd(), Readiness::kRead,
                   [this](Readiness) { take_turn(); });
  opened(true, {});
}

void ConnectorSource::close() {
  opened_ = nullptr;
  start_.clear();
  pause_.clear();
  ready_ = IoWatch();
  connector_ = {};
  jobs_.clear();
  wanted_.clear();
  processes_.clear();
  sequences_.clear();
  due_.clear();
  moves_.clear();
}

core::Result<void> ConnectorSource::watch(Slot slot, std::uint64_t /*cgroup*/,
                                          const std::string& path) {
  jobs_[path] = slot;
  return {};
}

void ConnectorSource::found(core::Pid pid, Slot job) {
  const auto at = processes_.find(pid.raw());
  remember(pid, {.job = job,
                 .member = at == processes_.end() ? 0 : at->second.member});
}

void ConnectorSource::unwatch(std::uint64_t /*cgroup*/,
                              const std::string& path) {
  const auto at = jobs_.find(path);
  if (at == jobs_.end()) return;
  for (auto& [pid, known] : processes_)
    if (known.job == at->second) known.job = 0;
  std::erase_if(processes_, [](const auto& entry) {
    return entry.second.job == 0 && entry.second.member == 0;
  });
  jobs_.erase(at);
}

void ConnectorSource::set_wanted(Slot slot, core::ProviderEvents events) {
  if (events == core::ProviderEvents())
    wanted_.erase(slot);
  else
    wanted_[slot] = events;
}

Slot ConnectorSource::slot_of(core::Pid pid) {
  if (const auto move = moves_.find(pid.raw()); move != moves_.end())
    return move->second.to;
  const auto at = processes_.find(pid.raw());
  return at == processes_.end() ? 0 : at->second.member;
}

/// Its own birth, and those of children it has already, may not be read yet.
core::Result<void> ConnectorSource::put(core::Pid pid, Slot slot,
                                        const Change& change) {
  Move& move = moves_[pid.raw()];
  move.to = slot;
  ++move.count;
  in_order([this, pid, change] {
    Known after = known(pid);
    after.member = change(after.member);
    remember(pid, after);
    const auto at = moves_.find(pid.raw());
    if (--at->second.count == 0) moves_.erase(at);
  });
  return {};
}

void ConnectorSource::in_order(std::function<void()> call) {
  due_.emplace_back(monotonic_ns(), std::move(call));
  pause_.set(core::BootTime());
}

void ConnectorSource::call_due(std::uint64_t monotonic_ns) {
  while (!due_.empty() && due_.front().first <= monotonic_ns) {
    const auto call = std::move(due_.front().second);
    due_.pop_front();
    call();
  }
}

void ConnectorSource::take_turn() {
  const core::BootTime began = sys::boot_now();
  ready_.want(Readiness::kNone);
  for (unsigned i = 0; i < kTurn; ++i) {
    const std::uint64_t before = monotonic_ns();
    const auto event = connector_.receive();
    if (event) {
      call_due(event->monotonic_ns);
      count_gap(*event);
      take(*event);
    } else if (event.error().code == EAGAIN) {
      call_due(before);
      ready_.want(Readiness::kRead);
      return;
    }
  }
  const core::BootTime now = sys::boot_now();
  pause_.set(now + core::Microseconds((now - began).raw() * (kShare - 1)));
}

/// Each processor counts its own.
void ConnectorSource::count_gap(const sys::ProcConnector::Event& event) {
  if (event.what == sys::ProcConnector::kAnswer)
    return;  // the answer to our order
  const auto [at, is_first] = sequences_.try_emplace(event.cpu, event.sequence);
  const std::uint32_t missing = event.sequence - at->second - 1;
  at->second = event.sequence;
  if (!is_first && missing != 0) sink_.on_lost_of_all(missing);
}

void ConnectorSource::take(const sys::ProcConnector::Event& event) {
  const core::Moment now = sys::now();
  const std::uint64_t mono = monotonic_ns();
  const std::uint64_t age =
      mono > event.monotonic_ns ? (mono - event.monotonic_ns) / 1000 : 0;
  const core::BootTime when(now.boot.raw() - age);
  const core::Pid pid(event.tgid);
  if (event.what == sys::ProcConnector::kFork) return on_fork(event, when);
  const bool is_exit = event.what == sys::ProcConnector::kExit;
  if (event.what != sys::ProcConnector::kExec && !is_exit) return;
  if (event.pid != event.tgid) return;  // another thread's
  const Known is = known(pid);
  ProcessNews news{
      .kind = is_exit ? ProviderEventKind::kExit : ProviderEventKind::kExec,
      .when = when,
      .pid = pid};
  if (is_exit) news.status = event.status;
  if (is.job != 0 || is.member != 0) news.command = command_of(pid);
  remember(pid, is_exit ? Known() : is);
  tell(news, is);
}

void ConnectorSource::on_fork(const sys::ProcConnector::Event& event,
                              core::BootTime when) {
  if (event.child != event.child_tgid) return;  // a thread
  const core::Pid parent(event.tgid);
  const core::Pid child(event.child_tgid);
  const Known above = known(parent);
  Known born = above;
  if (const Slot job = look(child); job != 0) born.job = job;
  remember(parent, above);
  remember(child, born);
  tell({.kind = ProviderEventKind::kFork,
        .when = when,
        .pid = parent,
        .other = child},
       above);
  if (born.job == above.job) return;
  tell({.kind = ProviderEventKind::kAttach,
        .when = when,
        .origin = above.job,
        .pid = child,
        .other = parent,
        .command = command_of(child)},
       {.job = born.job, .member = 0});
}

/// The nearest watched job around it; 0: none, or it has gone.
Slot ConnectorSource::look(core::Pid pid) const {
  if (jobs_.empty()) return 0;
  char buffer[4608];
  const auto text = sys::read_proc_file(pid, "cgroup", buffer);
  if (!text) return 0;
  // Who has ended may outlive its cgroup.
  constexpr std::string_view kDeleted = " (deleted)";
  std::string path(sys::cgroup2_path_in(*text));
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  for (; !path.empty(); path.resize(path.rfind('/'))) {
    const auto at = jobs_.find(path);
    if (at != jobs_.end()) return at->second;
    if (!path.contains('/')) break;
  }
  return 0;
}

/// As it was last seen; else by a look, for one that was never seen.
ConnectorSource::Known ConnectorSource::known(core::Pid pid) const {
  const auto at = processes_.find(pid.raw());
  Known known = at == processes_.end() ? Known() : at->second;
  if (known.job == 0) known.job = look(pid);
  return known;
}

void ConnectorSource::remember(core::Pid pid, const Known& known) {
  if (known.job == 0 && known.member == 0)
    processes_.erase(pid.raw());
  else
    processes_[pid.raw()] = known;
}

bool ConnectorSource::is_wanted(Slot slot, ProviderEventKind kind) const {
  const auto at = wanted_.find(slot);
  return at != wanted_.end() && at->second.has(kind);
}

void ConnectorSource::tell(ProcessNews news, const Known& of) {
  if (!is_wanted(of.job, news.kind) && !is_wanted(of.member, news.kind)) return;
  news.job = of.job;
  news.member = of.member;
  sink_.on_news(news);
}

}  // namespace supervisor
