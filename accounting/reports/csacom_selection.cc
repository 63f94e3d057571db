// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacom_selection.h"

#include "accounting/billing/sbu.h"
#include "accounting/text/quantities.h"

namespace accounting::csacom {

namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kHour = 3600;

std::int64_t absolute(std::int64_t relative, std::int64_t midnight) {
  if (relative == 0) return 0;
  const std::int64_t time = midnight + relative + LocalClock::seconds_west();
  return LocalClock::is_daylight_saving(midnight) ? time - kHour : time;
}

}  // namespace

std::int64_t midnight_of(std::int64_t time) {
  const std::int64_t local = time - LocalClock::seconds_west();
  const std::int64_t shifted =
      LocalClock::is_daylight_saving(local) ? local + kHour : local;
  return shifted - shifted % kDay;
}

Bounds bounds_of(const Selection& selection, std::int64_t first) {
  const std::int64_t midnight = midnight_of(first);
  Bounds bounds{
      .existing_before = absolute(selection.existing_before, midnight),
      .existing_after = absolute(selection.existing_after, midnight),
      .started_after = absolute(selection.started_after, midnight),
      .ended_before = absolute(selection.ended_before, midnight)};
  if (selection.existing_before != 0 && selection.ended_before != 0 &&
      selection.ended_before < selection.existing_before)
    bounds.ended_before += kDay;
  return bounds;
}

std::int64_t begin_of(const Entry& entry) {
  if (entry.workload != nullptr) return entry.workload->time;
  if (entry.end != nullptr) return entry.end->etime;
  if (entry.start != nullptr)
    return entry.start->type == 1 ? entry.start->btime : entry.start->rstime;
  if (entry.configuration != nullptr)
    return entry.configuration->event == 0 ? entry.configuration->boottime
                                           : entry.configuration->curtime;
  return entry.process != nullptr ? entry.process->btime : 0;
}

bool Judge::is_owner(std::uint32_t uid) {
  const Owner& owner = options_.selection.owner;
  if (owner.kind == Owner::Kind::kUser) return owner.uid == uid;
  if (owner.kind == Owner::Kind::kUnknown) return names_.user(uid)[0] == '?';
  return true;
}

bool Judge::is_shown(const csa::EndOfJob& end) {
  if (bounds_.existing_after != 0 && end.etime < bounds_.existing_after)
    return false;
  if (bounds_.ended_before != 0 && end.etime > bounds_.ended_before)
    return false;
  const std::uint64_t jid = options_.selection.jid;
  return (jid == 0 || jid == end.jid) && is_owner(end.uid);
}

/// -e is compared with the time of day that was typed, as it is published: it
/// hides every start.
bool Judge::is_shown(const csa::StartOfJob& start) {
  const std::int64_t begin = start.type == 1 ? start.btime : start.rstime;
  if (bounds_.started_after != 0 && begin < bounds_.started_after) return false;
  const std::int64_t before = options_.selection.existing_before;
  if (before != 0 && begin > before) return false;
  const std::uint64_t jid = options_.selection.jid;
  return (jid == 0 || jid == start.jid) && is_owner(start.uid);
}

bool Judge::is_shown(const csa::Configuration& configuration) const {
  const std::int64_t time = configuration.curtime;
  const Bounds& b = bounds_;
  return (b.existing_after == 0 || time >= b.existing_after) &&
         (b.ended_before == 0 || time <= b.ended_before) &&
         (b.started_after == 0 || time >= b.started_after) &&
         (b.existing_before == 0 || time <= b.existing_before);
}

Verdict Judge::in_time(std::int64_t begin, std::int64_t end) const {
  const bool is_backwards = options_.is_backwards;
  if (bounds_.existing_after != 0 && end < bounds_.existing_after)
    return is_backwards ? Verdict::kLast : Verdict::kPassedOver;
  if (bounds_.ended_before != 0 && end > bounds_.ended_before)
    return is_backwards ? Verdict::kPassedOver : Verdict::kLast;
  if (bounds_.started_after != 0 && begin < bounds_.started_after)
    return Verdict::kPassedOver;
  if (bounds_.existing_before != 0 && begin > bounds_.existing_before)
    return Verdict::kPassedOver;
  return Verdict::kShown;
}

bool Judge::is_selected(const csa::Csa& process, const Facts& facts) {
  const Selection& want = options_.selection;
  if (want.owner.kind == Owner::Kind::kPrivileged &&
      (process.head.flag & csa::kSuperuser) == 0)
    return false;
  if (want.cpu_seconds != 0 && want.cpu_seconds >= seconds_of_usec(facts.cpu))
    return false;
  if (want.system_seconds != 0 &&
      want.system_seconds >= seconds_of_usec(process.stime))
    return false;
  if (want.jid != 0 && want.jid != process.jid) return false;
  if (!is_owner(process.uid)) return false;
  if (want.gid && *want.gid != process.gid) return false;
  if (want.command &&
      text_of(process.comm).find(*want.command) == std::string_view::npos)
    return false;
  if (want.characters != 0 &&
      static_cast<std::uint64_t>(want.characters) > facts.characters())
    return false;
  return want.hog_factor == 0 ||
         want.hog_factor < static_cast<double>(facts.cpu) /
                               static_cast<double>(facts.elapsed);
}

Verdict Judge::process(const Entry& entry, Facts& facts) {
  const csa::Csa& process = *entry.process;
  facts = {.entry = &entry};
  facts.elapsed = process.etime == 0 ? 1 : process.etime;
  const std::uint64_t cpu = process.stime + process.utime;
  facts.cpu = cpu == 0 ? 1 : cpu;
  facts.ended = static_cast<std::int64_t>(static_cast<double>(process.btime) +
                                          seconds_of_usec(facts.elapsed));
  const Verdict verdict = in_time(process.btime, facts.ended);
  if (verdict != Verdict::kShown) return verdict;
  if (!is_selected(process, facts)) return Verdict::kPassedOver;
  if (entry.memory != nullptr) {
    facts.core_integral = memory_integral(entry.memory->core, integral_);
    facts.virt_integral = memory_integral(entry.memory->virt, integral_);
  }
  return Verdict::kShown;
}

}  // namespace accounting::csacom
