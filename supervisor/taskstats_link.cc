// SPDX-License-Identifier: Apache-2.0
#include "supervisor/taskstats_link.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "accounting/kernel_exit.h"
#include "core/collector.h"
#include "supervisor/log.h"
#include "sys/bpf_map.h"

namespace supervisor {

namespace {

using accounting::TaskstatsNews;
using accounting::TaskstatsOrder;
using accounting::TaskstatsReply;
using accounting::TaskstatsRequest;

/// The names of its parts in the store.
constexpr std::string_view kNames[] = {"taskstats.ring", "taskstats.control",
                                       "taskstats.wake"};
static_assert(std::size(kNames) == accounting::kTaskstatsParts);

core::Result<sys::UniqueFd> make_memory(const char* name, std::size_t size) {
  sys::UniqueFd memory(::memfd_create(name, MFD_CLOEXEC));
  if (!memory.is_open()) return core::fail(errno, "memfd_create");
  if (::ftruncate(memory.get(), static_cast<off_t>(size)) < 0)
    return core::fail(errno, "ftruncate", name);
  return memory;
}

}  // namespace

TaskstatsLink::TaskstatsLink(EventLoop& loop, StoreLink& store,
                             std::string program, Begun begun)
    : store_(store),
      begun_(std::move(begun)),
      plan_({.name = "taskstats",
             .words = {"corral-collect", "--taskstats"},
             .program = std::move(program)}),
      loop_(loop) {}

bool TaskstatsLink::adopt(std::string_view name, sys::UniqueFd& fd) {
  const auto* const at = std::ranges::find(kNames, name);
  if (at == std::end(kNames)) return false;
  parts_[std::distance(std::begin(kNames), at)] = std::move(fd);
  return true;
}

bool TaskstatsLink::has_ring() const {
  return std::ranges::all_of(parts_,
                             [](const auto& fd) { return fd.is_open(); });
}

void TaskstatsLink::put_again() {
  if (!has_ring()) return;
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    store_.put(kNames[i], parts_[i].get());
}

core::Result<void> TaskstatsLink::start(std::uint64_t size) {
  if (!has_ring()) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    // As much address as the kernel's rings have; memory only as it fills.
    parts_[0] = TRY(make_memory("corral-exits", 2 * page + 2 * size));
    parts_[1] = TRY(make_memory("corral-exits-control",
                                page + accounting::kKeptCountsSize));
    parts_[2] = sys::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!has_ring()) return core::fail(errno, "eventfd");
    const sys::MappedRange words = TRY(sys::MappedRange::map(
        parts_[1].get(), 0, page, PROT_READ | PROT_WRITE));
    auto& control = *static_cast<corral_control*>(words.get());
    if (::getrandom(&control.ring_id, sizeof control.ring_id, 0) < 0)
      return core::fail(errno, "getrandom");
    control.ring_id |= 1;  // not 0
    control.ring_size = size;
    control.wake_at = size / 4;
    control.collector = static_cast<corral_u32>(core::Collector::kTaskstats);
    put_again();
  }
  worker_.emplace(loop_, plan_,
                  WorkerProcess::Handlers{
                      .on_packet = [this](auto packet) { on_reply(packet); },
                      .on_death = [this] { on_death(); },
                      .on_start = [this] { on_start(); }});
  worker_->start();
  return {};
}

void TaskstatsLink::stop() {
  if (worker_) worker_->retire();
  is_begun_ = false;
  moves_ = 0;
  jobs_.clear();
  for (const std::string_view name : kNames)
    store_.drop_soon(name);
  for (sys::UniqueFd& fd : parts_)
    fd.reset();
  for (auto& [number, asked] : std::exchange(asked_, {}))
    asked.done();
}

void TaskstatsLink::send(const TaskstatsRequest& request) {
  if (worker_) worker_->send(std::as_bytes(std::span(&request, 1)));
}

/// With `done` it is asked of the next worker too, until one has answered.
void TaskstatsLink::ask(TaskstatsOrder order, core::JobId jid, core::Pid pid,
                        Done done) {
  TaskstatsRequest request;
  request.order = order;
  request.jid = jid.raw();
  request.pid = pid.raw();
  if (const auto at = jobs_.find(jid); at != jobs_.end())
    request.project_id = at->second.project_id;
  if (done) {
    request.number = ++last_number_;
    asked_[request.number] = {.request = request, .done = std::move(done)};
  }
  if (is_begun_) send(request);
}

void TaskstatsLink::on_start() {
  TaskstatsRequest begin;
  begin.pid = ::getppid();
  const int fds[] = {part(0), part(1), part(2)};
  worker_->send(std::as_bytes(std::span(&begin, 1)), fds);
}

void TaskstatsLink::on_death() {
  if (!has_ring()) return;  // it was told to end
  spdlog::warn("the taskstats collector has died");
  is_begun_ = false;
  for (auto& [jid, job] : jobs_)
    job.was_left = true;
}

void TaskstatsLink::on_reply(std::span<const std::byte> packet) {
  TaskstatsReply reply;
  if (packet.size() != sizeof reply) return;
  std::memcpy(&reply, packet.data(), sizeof reply);
  reply.why[sizeof reply.why - 1] = '\0';
  if (reply.magic != accounting::kTaskstatsMagic) return;
  if (reply.news == TaskstatsNews::kCount) return on_count(reply);
  if (reply.news == TaskstatsNews::kPassed) {
    const auto at = asked_.find(reply.number);
    if (at == asked_.end()) return;
    const Done done = std::move(at->second.done);
    asked_.erase(at);
    return done();
  }
  if (reply.code != 0) return begun_(reply.why);
  is_begun_ = true;
  for (const auto& [jid, job] : jobs_)
    ask(TaskstatsOrder::kEnrol, jid, job.creator);
  for (int i = 0; i < moves_; ++i)
    ask(TaskstatsOrder::kMoving, {}, {});
  for (const auto& [number, asked] : asked_)
    if (asked.request.order != TaskstatsOrder::kMoving)
      send(asked.request);
    else
      send({.order = TaskstatsOrder::kBarrier, .number = number});
  begun_({});
}

void TaskstatsLink::on_count(const TaskstatsReply& reply) {
  const auto at = jobs_.find(core::JobId(reply.jid));
  if (at == jobs_.end()) return;
  Counted& job = at->second;
  job.exits = reply.exits;
  job.lost = reply.lost;
  job.is_sure = reply.is_sure != 0;
}

void TaskstatsLink::enrol(core::JobId jid, core::Pid creator,
                          std::uint64_t project_id, Done done) {
  jobs_.try_emplace(jid, Counted{.creator = creator, .project_id = project_id});
  ask(TaskstatsOrder::kEnrol, jid, creator, std::move(done));
}

void TaskstatsLink::enrol_again(core::JobId jid, std::uint64_t project_id) {
  const Counted left = {
      .creator = {}, .project_id = project_id, .was_left = true};
  if (!jobs_.try_emplace(jid, left).second) return;
  ask(TaskstatsOrder::kEnrol, jid, {});
}

void TaskstatsLink::withdraw(core::JobId jid) {
  if (jobs_.erase(jid) != 0) ask(TaskstatsOrder::kWithdraw, jid, {});
}

void TaskstatsLink::note_member(core::JobId jid, core::Pid pid) {
  if (jobs_.contains(jid)) ask(TaskstatsOrder::kMember, jid, pid);
}

void TaskstatsLink::begin_move(Done done) {
  ++moves_;
  ask(TaskstatsOrder::kMoving, {}, {}, std::move(done));
}

void TaskstatsLink::end_move() {
  if (moves_ == 0) return;  // it was stopped meanwhile
  --moves_;
  ask(TaskstatsOrder::kMoved, {}, {});
}

void TaskstatsLink::barrier(Done done) {
  ask(TaskstatsOrder::kBarrier, {}, {}, std::move(done));
}

void TaskstatsLink::add_totals(core::JobId jid, core::JobTotals& totals) const {
  const auto at = jobs_.find(jid);
  if (at == jobs_.end()) return;
  totals.processes = at->second.exits;
  if (at->second.is_sure && !at->second.was_left)
    totals.processes_not_seen = at->second.lost;
}

}  // namespace supervisor
