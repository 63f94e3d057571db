// SPDX-License-Identifier: Apache-2.0
#include "supervisor/kernel_source.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "accounting/collector_reply.h"
#include "sys/bpf_map.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

using core::ProviderEventKind;

/// Loading takes 30 ms; on a machine that is emulated, a second.
constexpr core::Microseconds kLoadPatience = core::seconds(20);
/// Events of one turn, and the part of the time that turns may take.
constexpr unsigned kTurn = 256;
constexpr std::uint64_t kShare = 10;
/// A record that is being written is looked at again after this.
constexpr core::Microseconds kSoon = core::milliseconds(1);

/// By the numbers of CORRAL_EVENT_*.
constexpr ProviderEventKind kKinds[] = {
    ProviderEventKind::kAttach, ProviderEventKind::kFork,
    ProviderEventKind::kExec, ProviderEventKind::kExit};
static_assert(std::size(kKinds) == CORRAL_EVENT_KINDS);

std::uint64_t read_word(std::uint64_t& word) {
  return std::atomic_ref(word).load(std::memory_order_acquire);
}

}  // namespace

KernelSource::KernelSource(EventLoop& loop, ProcessSink& sink,
                           std::string program)
    : loop_(loop),
      sink_(sink),
      program_(std::move(program)),
      patience_(loop, [this] { settle("it was not loaded within 20 s"); }),
      pause_(loop, [this] { take_turn(); }) {}

void KernelSource::open(Opened opened) {
  opened_ = std::move(opened);
  patience_.set(sys::boot_now() + kLoadPatience);
  loader_.emplace(
      loop_,
      WorkerPlan{.name = "events",
                 .words = {"corral-collect", "--events"},
                 .program = program_},
      WorkerProcess::Handlers{
          .on_packet = [this](auto packet) { on_reply(packet); },
          .on_descriptors =
              [this](std::span<sys::UniqueFd> fds) {
                if (fds.size() == parts_.size())
                  std::ranges::move(fds, parts_.begin());
              },
          .on_death =
              [this] { settle("corral-collect ended without an answer"); },
          .on_start = {}});
  loader_->start();
}

void KernelSource::on_reply(std::span<const std::byte> packet) {
  accounting::CollectorReply reply;
  if (!opened_ || packet.size() != sizeof reply) return;
  std::memcpy(&reply, packet.data(), sizeof reply);
  reply.why[sizeof reply.why - 1] = '\0';
  if (reply.magic != accounting::kCollectorMagic) return;
  if (reply.code != 0) return settle(reply.why);
  const auto taken = take_parts();
  settle(taken ? std::string_view()
               : std::string_view(taken.error().message().c_str()));
}

core::Result<void> KernelSource::take_parts() {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  control_ = TRY(sys::MappedRange::map(part(CORRAL_PART_CONTROL), 0, page,
                                       PROT_READ | PROT_WRITE));
  slots_ = TRY(sys::MappedRange::map(part(CORRAL_PART_SLOTS), 0,
                                     sizeof(corral_slot) * CORRAL_MOST_SLOTS,
                                     PROT_READ | PROT_WRITE));
  const auto& control = *static_cast<corral_events_control*>(control_.get());
  ring_ = TRY(sys::BpfRing::open(std::move(parts_[CORRAL_PART_RING]),
                                 control.ring_size));
  ready_ = IoWatch(loop_, ring_.fd(), Readiness::kRead,
                   [this](Readiness) { take_turn(); });
  pause_.set(core::BootTime());  // arms it
  return {};
}

/// The process that loaded it stays ours until it was waited for.
void KernelSource::close() {
  opened_ = nullptr;
  patience_.clear();
  pause_.clear();
  ready_ = IoWatch();
  due_.clear();
  used_.clear();
  lost_ = 0;
  ring_ = {};
  control_ = {};
  slots_ = {};
  for (sys::UniqueFd& fd : parts_)
    fd.reset();
  if (loader_) loader_->retire();
}

/// Answers who opened it, once.
void KernelSource::settle(std::string_view why) {
  patience_.clear();
  if (loader_) loader_->retire();
  if (const Opened opened = std::exchange(opened_, nullptr))
    opened(why.empty(), why);
}

core::Result<void> KernelSource::watch(Slot slot, std::uint64_t cgroup,
                                       const std::string& /*path*/) {
  return sys::insert(part(CORRAL_PART_CGROUPS), cgroup, slot);
}

void KernelSource::unwatch(std::uint64_t cgroup, const std::string& /*path*/) {
  (void)sys::erase(part(CORRAL_PART_CGROUPS), cgroup);
}

void KernelSource::set_wanted(Slot slot, core::ProviderEvents events) {
  if (slot == 0 || slot >= CORRAL_MOST_SLOTS) return;
  std::uint64_t bits = 0;
  for (unsigned i = 0; i < CORRAL_EVENT_KINDS; ++i)
    if (events.has(kKinds[i])) bits |= std::uint64_t{1} << i;
  if (bits != 0) used_.insert(slot);
  std::atomic_ref(slot_at(slot).wants).store(bits, std::memory_order_release);
}

Slot KernelSource::slot_of(core::Pid pid) {
  const auto number = static_cast<std::uint32_t>(pid.raw());
  return sys::look_up<std::uint32_t, Slot>(part(CORRAL_PART_MEMBERS), number)
      .value_or(0);
}

core::Result<void> KernelSource::put(core::Pid pid, Slot slot,
                                     const Change& /*change*/) {
  const auto number = static_cast<std::uint32_t>(pid.raw());
  if (slot != 0) return sys::replace(part(CORRAL_PART_MEMBERS), number, slot);
  (void)sys::erase(part(CORRAL_PART_MEMBERS), number);
  return {};
}

void KernelSource::in_order(std::function<void()> call) {
  const std::uint64_t filled = ring_.filled();
  if (due_.empty() && ring_.released() == filled) {
    tell_losses();
    return call();
  }
  due_.emplace_back(filled, std::move(call));
  if (!pause_.is_set()) pause_.set(core::BootTime());
}

void KernelSource::call_due() {
  while (!due_.empty() && due_.front().first <= ring_.released()) {
    const auto call = std::move(due_.front().second);
    due_.pop_front();
    tell_losses();
    call();
  }
}

void KernelSource::take_turn() {
  const core::BootTime began = sys::boot_now();
  bool is_stuck = false;
  for (unsigned i = 0; i < kTurn && !ring_.is_empty(); ++i) {
    const auto record = ring_.read(ring_.released());
    is_stuck = !record;
    if (is_stuck) break;
    if (record->size >= sizeof(corral_event))
      tell(*reinterpret_cast<const corral_event*>(record->bytes));
    ring_.release(record->number);
    call_due();
  }
  tell_losses();
  auto& control = *static_cast<corral_events_control*>(control_.get());
  if (!is_stuck && ring_.arm(control.is_armed)) return call_due();
  const core::BootTime now = sys::boot_now();
  pause_.set(
      is_stuck ? now + kSoon
               : now + core::Microseconds((now - began).raw() * (kShare - 1)));
}

void KernelSource::tell(const corral_event& event) {
  if (event.kind >= CORRAL_EVENT_KINDS) return;
  const std::string_view name(event.comm, sizeof event.comm);
  sink_.on_news({.kind = kKinds[event.kind],
                 .when = core::BootTime(event.boot_ns / 1000),
                 .job = event.job_slot,
                 .member = event.member_slot,
                 .origin = event.parent_slot,
                 .pid = core::Pid(event.pid),
                 .other = core::Pid(event.other),
                 .status = event.status,
                 .command = name.substr(0, name.find('\0'))});
}

/// The kernel counts them for each slot; the sum says whether to look.
void KernelSource::tell_losses() {
  auto& control = *static_cast<corral_events_control*>(control_.get());
  const std::uint64_t lost = read_word(control.lost);
  if (lost == lost_) return;
  lost_ = lost;
  for (const Slot number : used_) {
    corral_slot& slot = slot_at(number);
    for (unsigned i = 0; i < CORRAL_EVENT_KINDS; ++i)
      if (const auto count = std::atomic_ref(slot.lost[i]).exchange(0))
        sink_.on_lost(number, kKinds[i], count);
    if (const auto count = std::atomic_ref(slot.unfollowed).exchange(0))
      sink_.on_lost(number, ProviderEventKind::kExit, count);
  }
}

}  // namespace supervisor
