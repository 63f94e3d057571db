// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csajrep_requests.h"

#include <algorithm>

#include "accounting/text/quantities.h"
#include "accounting/text/shown_text.h"

namespace accounting::csajrep {

namespace {

constexpr std::uint64_t kNoProject = static_cast<std::uint64_t>(-2);
constexpr std::uint64_t kNoNextJid = static_cast<std::uint64_t>(-99);
constexpr std::string_view kInits[] = {"Unknown", "Start", "Restart", "Rerun",
                                       "Spool"};
constexpr std::string_view kTerms[] = {"Unknown", "Exit",    "Requeue", "Hold",
                                       "Rerun",   "Migrate", "Spool"};

template <std::size_t N>
std::string_view name_in(const std::string_view (&names)[N], int index) {
  return index >= 0 && static_cast<std::size_t>(index) < N
             ? names[static_cast<std::size_t>(index)]
             : names[0];
}

}  // namespace

void RequestReport::begin() {
  runs_.clear();
}

void RequestReport::add_run(const csa::Workload& record) {
  Run run{.queue = std::string(ShownText(record.quename)),
          .jid = record.jid,
          .init = record.subtype,
          .term = record.term_subtype,
          .start = record.time,
          .end = record.time,
          .queue_wait = record.qwtime,
          .uses = {}};
  run.uses.push_back({.uid = record.uid,
                      .project = record.prid,
                      .utime = static_cast<std::uint64_t>(record.utime),
                      .stime = static_cast<std::uint64_t>(record.stime)});
  if (runs_.empty()) {
    reqid_ = record.reqid;
    arrayid_ = record.arrayid;
    name_ = std::string_view(ShownText(record.reqname));
    wall_start_ = wall_end_ = record.time;
  }
  auto place = runs_.end();  // behind the last that did not begin later
  while (place != runs_.begin() && run.start < std::prev(place)->start)
    --place;
  runs_.insert(place, std::move(run));
  if (record.time < wall_start_)
    wall_start_ = record.time;
  else
    wall_end_ = std::max(wall_end_, record.time);
}

void RequestReport::rewind() {
  current_ = runs_.begin();
}

/// The run that a record belongs to. Missing: the one that a run of its own
/// goes before.
RequestReport::Place RequestReport::place_of(const Found& found,
                                             bool& is_missing) {
  is_missing = false;
  Place at = found.start >= current_->start ? current_ : runs_.begin();
  for (; at != runs_.end(); ++at) {
    const Place next = std::next(at);
    const std::uint64_t next_jid = next == runs_.end() ? kNoNextJid : next->jid;
    if (found.jid == at->jid) {
      at->start = std::min(at->start, found.start);
      return at;
    }
    if (found.jid != next_jid && found.start <= at->start) break;
  }
  is_missing = true;
  return at;
}

RequestReport::Use& RequestReport::use_in(Run& run, const Found& found) {
  for (Use& use : run.uses) {
    if (use.uid != found.uid) continue;
    if (use.project == kNoProject) {
      use.project = found.project;
      return use;
    }
    if (found.project == kNoProject || use.project == found.project) return use;
  }
  run.uses.push_back({.uid = found.uid, .project = found.project});
  return run.uses.back();
}

RequestReport::Use& RequestReport::find(const Found& found) {
  bool is_missing = false;
  const Place at = place_of(found, is_missing);
  if (!is_missing) {
    current_ = at;
    return use_in(*at, found);
  }
  current_ = runs_.insert(at, {.queue = "",
                               .jid = found.jid,
                               .start = found.start,
                               .end = found.end,
                               .uses = {}});
  current_->uses.push_back({.uid = found.uid, .project = found.project});
  return current_->uses.back();
}

void RequestReport::add(const Entry& entry) {
  Found found = {};
  if (const csa::Csa* const process = entry.process) {
    const auto elapsed =
        static_cast<std::int64_t>(seconds_of_usec(process->etime));
    found = {.jid = process->jid,
             .project = process->prid,
             .uid = process->uid,
             .start = process->btime,
             .end = process->btime + elapsed};
  } else if (const csa::StartOfJob* const start = entry.start) {
    const std::int64_t time = start->type == 1 ? start->btime : start->rstime;
    found = {.jid = start->jid,
             .project = kNoProject,
             .uid = start->uid,
             .start = time,
             .end = time};
  } else if (const csa::EndOfJob* const end = entry.end) {
    found = {.jid = end->jid,
             .project = kNoProject,
             .uid = end->uid,
             .start = end->btime,
             .end = end->etime};
  } else {
    return;
  }
  if (found.start < wall_start_)
    wall_start_ = found.start;
  else
    wall_end_ = std::max(wall_end_, found.end);
  Use& use = find(found);
  if (entry.process != nullptr) {
    current_->end = std::max(current_->end, found.end);
    use.utime += entry.process->utime;
    use.stime += entry.process->stime;
    if (entry.delay == nullptr) return;
    use.delay.cpu_delay_total += entry.delay->cpu_delay_total;
    use.delay.blkio_delay_total += entry.delay->blkio_delay_total;
    use.delay.swapin_delay_total += entry.delay->swapin_delay_total;
  } else if (entry.end != nullptr) {
    current_->end = found.end;
    current_->core_himem = entry.end->corehimem;
    current_->virt_himem = entry.end->virthimem;
  }
}

void RequestReport::headings() {
  if (has_headings_) return;
  has_headings_ = true;
  text_.add(
      "Request Array Request                 Job         Init    Term    Queue "
      "           WallClock Elapse   Qwait      Himem (kbytes)    User     "
      "Project  CPU Time        Delay (seconds)\n"
      "Id      Id    Name                    Id          Status  Status  Name  "
      "           (seconds) (secs)   (secs)     Core    Virtual   Name     "
      "Name     (seconds)    CPU      Block     Swap\n"
      "======= ===== ================ ================== ======= ======= "
      "================ ========= ======== ======== ========= ========= "
      "======== ======== ========== ========= ========= =========\n");
}

void RequestReport::write_run(const Run& run, std::int64_t wall_clock) {
  bool is_first = true;
  for (const Use& use : run.uses) {
    text_.left_number(reqid_, 7).add(' ').left_number(arrayid_, 5).add(' ');
    text_.left(name_, 16, 16).add(' ').hex(run.jid, 18).add(' ');
    text_.left(name_in(kInits, run.init), 7, 7).add(' ');
    text_.left(name_in(kTerms, run.term), 7, 7).add(' ');
    text_.left(run.queue, 16, 16).add(' ');
    const auto cell = [&](std::int64_t value, std::size_t width) {
      text_.left_number(is_first ? value : 0, width).add(' ');
    };
    cell(static_cast<std::int32_t>(wall_clock), 9);
    cell(static_cast<std::int32_t>(run.end - run.start), 8);
    cell(run.queue_wait, 8);
    cell(static_cast<std::int64_t>(run.core_himem), 9);
    cell(static_cast<std::int64_t>(run.virt_himem), 9);
    is_first = false;
    const std::string& name = names_.user(use.uid);
    text_.left(name[0] == '?'
                   ? std::to_string(static_cast<std::int32_t>(use.uid))
                   : name,
               8, 8);
    text_.add(' ').left(std::to_string(static_cast<std::int64_t>(use.project)),
                        8, 8);
    text_.add(' ').fixed(seconds_of_usec(use.utime + use.stime), 10, 3);
    text_.add(' ').fixed(seconds_of_nsec(use.delay.cpu_delay_total), 9, 2);
    text_.add(' ').fixed(seconds_of_nsec(use.delay.blkio_delay_total), 9, 2);
    text_.add(' ').fixed(seconds_of_nsec(use.delay.swapin_delay_total), 9, 2);
    text_.add('\n');
  }
}

void RequestReport::write() {
  headings();
  std::int64_t wall_clock = wall_end_ - wall_start_;
  for (const Run& run : runs_) {
    write_run(run, wall_clock);
    wall_clock = 0;  // told once
  }
}

}  // namespace accounting::csajrep
