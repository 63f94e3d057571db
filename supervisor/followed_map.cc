// SPDX-License-Identifier: Apache-2.0
#include "supervisor/followed_map.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "supervisor/log.h"
#include "supervisor/member_entries.h"
#include "sys/proc_files.h"
#include "sys/process_tree.h"

namespace supervisor {

namespace {

/// A reading of /proc each: who forks faster than that is in doubt.
constexpr int kMostReadings = 16;

corral_member_key key_of(core::Pid pid, std::uint64_t start_ticks) {
  return {.start_ticks = start_ticks,
          .pid = static_cast<std::uint32_t>(pid.raw()),
          .zero = 0};
}

corral_member_key doubt_of(core::JobId jid) {
  return {.start_ticks = jid.raw(), .pid = 0, .zero = 0};
}

core::Pid pid_of(const corral_member_key& key) {
  return core::Pid(static_cast<std::int32_t>(key.pid));
}

bool is_ended_root(const corral_member& member) {
  return (member.state & CORRAL_ROOT) != 0 &&
         (member.state & CORRAL_ENDED) != 0;
}

}  // namespace

/// The flag goes before the program: who finds it without the program knows
/// that forks were missed.
core::Result<void> FollowedMap::begin() {
  if (parts_.link.is_open()) return {};
  const auto left = entries();
  set_follows(true);
  parts_.link = TRY(attach_to_tracepoint(parts_.program.get()));
  for (const auto& [key, member] : left)
    if ((member.state & CORRAL_ROOT) != 0)
      doubt({.jid = core::JobId(member.jid), .cgroup = member.cgroup});
  return {};
}

void FollowedMap::rest() {
  if (!is_open() || !sys::is_empty_map<Key>(parts_.members.get())) return;
  set_follows(false);
  parts_.link.reset();
}

void FollowedMap::set_follows(bool follows) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto control = sys::MappedRange::map(parts_.control.get(), 0, page,
                                             PROT_READ | PROT_WRITE);
  if (!control) return;
  auto& words = *static_cast<corral_control*>(control->get());
  std::atomic_ref(words.follows).store(follows ? 1U : 0U);
}

void FollowedMap::doubt(const Owner& owner) {
  (void)sys::replace(parts_.members.get(), doubt_of(owner.jid),
                     corral_member{.cgroup = owner.cgroup,
                                   .jid = owner.jid.raw(),
                                   .root = 0,
                                   .state = CORRAL_UNSURE});
}

/// False: it was there.
bool FollowedMap::put(const Owner& owner, Key key, std::uint32_t root,
                      bool is_root) {
  const corral_member member{.cgroup = owner.cgroup,
                             .jid = owner.jid.raw(),
                             .root = root,
                             .state = is_root ? CORRAL_ROOT : 0U};
  const auto put = sys::insert(parts_.members.get(), key, member);
  if (!put && put.error().code != EEXIST) doubt(owner);
  return put.has_value();
}

void FollowedMap::follow(const Owner& owner, const core::Followed& process) {
  if (!is_open()) return;
  if (const auto begun = begin(); !begun) {
    spdlog::warn("who descends from process {} is not counted: {}",
                 process.pid.raw(), text_of(begun.error().message()));
    has_failed_ = true;
    return doubt(owner);
  }
  const Key key = key_of(process.pid, process.start_ticks);
  const auto number = static_cast<std::uint32_t>(process.pid.raw());
  if (!put(owner, key, number, true)) {
    auto there = sys::look_up<Key, corral_member>(parts_.members.get(), key);
    if (!there || there->jid != owner.jid.raw()) return doubt(owner);
    // A root already, or a descendant of another of the same job.
    if ((there->state & CORRAL_ROOT) == 0) {
      there->root = number;
      there->state |= CORRAL_ROOT;
      // Its record was made as a descendant's, if it has ended meanwhile.
      if (!sys::change(parts_.members.get(), key, *there)) {
        there->state |= CORRAL_ENDED;
        (void)sys::insert(parts_.members.get(), key, *there);
      }
    }
  }
  add_descendants(owner, process.pid);
}

/// Those who were there before. Who forks before he is found is found by the
/// next reading; with him his children inherit.
void FollowedMap::add_descendants(const Owner& owner, core::Pid root) {
  const std::vector<core::Pid> roots = {root};
  for (int reading = 0; reading < kMostReadings; ++reading) {
    bool is_new = false;
    for (const core::Pid pid : sys::descendants_of(roots)) {
      const auto stat = sys::read_proc_stat(pid);
      if (!stat || stat->state == 'Z' ||
          sys::read_proc_job(pid) != core::kNoJob)
        continue;
      is_new |= put(owner, key_of(pid, stat->start_ticks),
                    static_cast<std::uint32_t>(root.raw()), false);
    }
    if (!is_new) return;
  }
  doubt(owner);
}

/// Who forks while entries are erased may add one: until none is left, or a
/// bomb adds them as fast. (An entry goes with its process too.)
template <class Which>
void FollowedMap::erase_all(Which which) {
  bool is_done = false;
  for (int reading = 0; reading < kMostReadings && !is_done; ++reading) {
    is_done = true;
    for (const Entry& entry : entries())
      if (which(entry)) {
        is_done = false;
        (void)sys::erase(parts_.members.get(), entry.first);
      }
  }
}

/// He was detached, and with him who descends from him.
void FollowedMap::let_go(const Entry& root) {
  corral_member left = root.second;
  left.state |= CORRAL_LEFT;
  (void)sys::change(parts_.members.get(), root.first, left);
  erase_all([&root](const Entry& entry) {
    return entry.second.root == root.first.pid &&
           entry.second.jid == root.second.jid &&
           (entry.second.state & CORRAL_ROOT) == 0;
  });
  (void)sys::erase(parts_.members.get(), root.first);
}

void FollowedMap::keep_only(core::JobId jid,
                            std::span<const core::Followed> living) {
  if (!is_open()) return;
  if (living.empty())
    erase_all([jid](const Entry& entry) {
      return entry.second.jid == jid.raw() &&
             (entry.second.state & CORRAL_UNSURE) == 0;
    });
  for (const Entry& entry : entries_of(jid)) {
    const auto& [key, member] = entry;
    if ((member.state & CORRAL_ROOT) == 0) continue;
    const bool lives = std::ranges::any_of(living, [&key](const auto& one) {
      return one.pid == pid_of(key) && one.start_ticks == key.start_ticks;
    });
    if (lives) continue;
    if (is_ended_root(member))
      (void)sys::erase(parts_.members.get(), key);
    else
      let_go(entry);
  }
  rest();
}

void FollowedMap::forget(core::JobId jid) {
  if (!is_open() || !(is_at_work() || has_failed_)) return;
  erase_all(
      [jid](const Entry& entry) { return entry.second.jid == jid.raw(); });
  rest();
}

std::vector<FollowedMap::Entry> FollowedMap::entries() const {
  return supervisor::entries_of<Key, corral_member>(parts_.members.get())
      .value_or(std::vector<Entry>());
}

std::vector<FollowedMap::Entry> FollowedMap::entries_of(core::JobId jid) const {
  std::vector<Entry> found = entries();
  std::erase_if(found, [jid](const Entry& entry) {
    return entry.second.jid != jid.raw();
  });
  return found;
}

std::vector<core::Pid> FollowedMap::members(core::JobId jid) const {
  std::vector<core::Pid> found;
  if (!is_open() || !is_at_work()) return found;
  for (const auto& [key, member] : entries_of(jid)) {
    const core::Pid pid = pid_of(key);
    if ((member.state & (CORRAL_ENDED | CORRAL_UNSURE | CORRAL_LEFT)) != 0)
      continue;
    const auto stat = sys::read_proc_stat(pid);
    if (stat && stat->state != 'Z' && stat->start_ticks == key.start_ticks &&
        sys::read_proc_job(pid) == core::kNoJob)
      found.push_back(pid);
  }
  return found;
}

core::JobId FollowedMap::job_of(core::Pid pid) const {
  if (!is_open() || !is_at_work()) return core::kNoJob;
  const auto stat = sys::read_proc_stat(pid);
  if (!stat) return core::kNoJob;
  const auto member = sys::look_up<Key, corral_member>(
      parts_.members.get(), key_of(pid, stat->start_ticks));
  return member && (member->state & CORRAL_LEFT) == 0 ? core::JobId(member->jid)
                                                      : core::kNoJob;
}

bool FollowedMap::has_told(core::Pid pid, std::uint64_t start_ticks) const {
  if (!is_open()) return false;
  const auto member = sys::look_up<Key, corral_member>(
      parts_.members.get(), key_of(pid, start_ticks));
  return member && is_ended_root(*member);
}

FollowedMap::Count FollowedMap::count_of(const Owner& owner) const {
  if (!is_open()) return {};
  const auto job =
      sys::look_up<std::uint64_t, corral_job>(parts_.jobs.get(), owner.cgroup);
  if (!job) return {};
  const auto doubt = sys::look_up<Key, corral_member>(parts_.members.get(),
                                                      doubt_of(owner.jid));
  return {.roots = job->roots,
          .is_sure = job->unfollowed == 0 && !doubt.has_value()};
}

}  // namespace supervisor
