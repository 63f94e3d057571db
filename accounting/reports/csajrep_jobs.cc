// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csajrep_jobs.h"

#include <algorithm>

#include "accounting/bounded_sum.h"
#include "accounting/request_runs.h"
#include "accounting/text/local_clock.h"

namespace accounting::csajrep {

namespace {

constexpr std::uint64_t kAnyJid = static_cast<std::uint64_t>(-2);
constexpr std::uint64_t kNoProject = static_cast<std::uint64_t>(-2);
constexpr std::int64_t kNoRequest = -2;

/// What a record is selected by.
struct Owner {
  std::uint64_t jid = kAnyJid;
  std::uint64_t project = kNoProject;
  std::uint32_t uid = 0;
  std::int64_t reqid = kNoRequest;
};

/// Nothing: it is nobody's.
std::optional<Owner> owner_of(const Entry& entry) {
  if (const csa::Workload* const r = entry.workload)
    return Owner{
        .jid = r->jid, .project = r->prid, .uid = r->uid, .reqid = r->reqid};
  if (const csa::Csa* const r = entry.process)
    return Owner{.jid = r->jid, .project = r->prid, .uid = r->uid};
  if (const csa::StartOfJob* const r = entry.start)
    return Owner{.jid = r->jid, .uid = r->uid};
  if (const csa::EndOfJob* const r = entry.end)
    return Owner{.jid = r->jid, .uid = r->uid};
  return std::nullopt;
}

}  // namespace

Outcome<void> JobWriter::job(SortedFile& sorted, const csa::Configuration& boot,
                             const csa::JobHeader& job) {
  sorted_ = &sorted;
  boot_ = boot;
  if (billed_) billed_->begin_job(job);
  if (options_.only_requests) {
    const bool is_done = (job.flags & JobFlags::kBatchEnd) != 0;
    if (job.workload.count > 0 && (options_.takes_all || is_done))
      return write_requests(job);
    return {};
  }
  if (!options_.takes_all && !has_ended(job)) return {};
  const bool is_wanted = TRY(has_selected(job));
  return is_wanted ? write_job(job) : Outcome<void>();
}

std::unexpected<Stop> JobWriter::unreadable(Part part) const {
  const std::string_view what =
      part == Part::kWorkload    ? "workload management record"
      : part == Part::kProcesses ? "eop record"
                                 : "soj, eoj, or cfg record";
  return stop("An error occurred during the reading of file '" +
                  options_.sorted + "' " + std::string(what) + ".",
              0);
}

template <class Take>
Outcome<void> JobWriter::for_each(const csa::JobHeader& job, Part part,
                                  Take take) {
  sorted_->go_to(job, part);
  Entry entry;
  for (std::int32_t i = 0; i < SortedFile::count(job, part); ++i) {
    if (!sorted_->next_entry(entry) ||
        (part == Part::kWorkload && entry.workload == nullptr) ||
        (part == Part::kProcesses && entry.process == nullptr))
      return unreadable(part);
    if (!take(i, entry)) break;
  }
  return {};
}

bool JobWriter::is_selected(const Entry& entry, bool is_in_job) const {
  const Selection& want = options_.selection;
  if (want.is_full && !want.skips_jid_0) return true;
  const auto owner = owner_of(entry);
  if (!owner) return false;
  if (want.skips_jid_0 && owner->jid == 0) return false;
  if (is_in_job && !want.is_exclusive) return true;
  const auto matches = [](auto wanted, auto value) {
    return wanted == static_cast<decltype(wanted)>(kAny) || wanted == value;
  };
  return matches(want.uid, owner->uid) && matches(want.reqid, owner->reqid) &&
         matches(want.jid, owner->jid) && matches(want.project, owner->project);
}

Outcome<bool> JobWriter::has_selected(const csa::JobHeader& job) {
  bool is_found = false;
  for (const Part part : {Part::kWorkload, Part::kProcesses, Part::kEvents}) {
    TRY(for_each(job, part, [&](std::int32_t /*i*/, const Entry& entry) {
      is_found = is_selected(entry, false);
      return !is_found;
    }));
    if (is_found) return true;
  }
  return false;
}

bool JobWriter::is_shown(const Entry& entry) const {
  const Selection& want = options_.selection;
  return !(want.is_exclusive || want.skips_jid_0) || is_selected(entry, true);
}

void JobWriter::end_last_job() {
  for (bool* const has_headings : {&headings_.processes, &headings_.requests}) {
    if (*has_headings) text_.add(options_.has_form_feeds ? "\f" : "\n\n\n\n");
    *has_headings = false;
  }
  is_new_job_ = true;
}

void JobWriter::headings(bool& is_printed, void (Rows::*write)()) {
  if (is_printed || !options_.has_headings) return;
  is_printed = true;
  if (is_new_job_) {
    text_.add("JOB FROM SYSTEM BOOT PERIOD STARTING AT ");
    text_.add(boot_.boottime != 0 ? LocalClock::text(boot_.boottime)
                                  : "Unknown\n");
    text_.add("PERIOD ENDING AT ").add(LocalClock::text(boot_.curtime));
    is_new_job_ = false;
  }
  (rows_.*write)();
}

Outcome<void> JobWriter::write_requests_of_job(const csa::JobHeader& job) {
  bool is_complete = false;
  bool is_any = false;
  // No more than the file has room for, whatever its header says.
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(
      static_cast<std::uint64_t>(job.workload.count),
      sorted_->reader().size() / sizeof(csa::Workload)));
  if (weights_.size() < count) weights_.resize(count);
  TRY(for_each(job, Part::kWorkload, [&](std::int32_t i, const Entry& entry) {
    if (!is_shown(entry)) return true;
    const csa::Workload& record = *entry.workload;
    weights_[static_cast<std::size_t>(i)] = {record.jid, record.sbu_wt};
    headings(headings_.requests, &Rows::request_headings);
    rows_.request(record);
    is_any = true;
    add_bounded(request_utime_, record.utime);
    add_bounded(request_stime_, record.stime);
    is_complete = is_complete || record.term_subtype != kNoTerm;
    return true;
  }));
  if (is_complete) text_.add("\tWORKLOAD MANAGEMENT REQUEST COMPLETED\n");
  if (is_any) {
    rows_.request_totals(request_utime_, request_stime_);
    if (options_.columns.cpu) request_utime_ = request_stime_ = 0;
  }
  return {};
}

double JobWriter::units_of(const Entry& entry, std::int32_t number,
                           std::size_t requests) {
  if (!options_.columns.units) return 0;
  const double units = billed_->of(number, entry, biller_, [&] {
    return biller_.prime_ratio(*entry.process);
  });
  for (std::size_t i = 0; i < requests; ++i)
    if (weights_[i].first == entry.process->jid)
      return units * weights_[i].second;
  return units;
}

Outcome<void> JobWriter::write_job(const csa::JobHeader& job) {
  end_last_job();
  has_written_ = true;
  TRY(write_requests_of_job(job));
  const auto requests = static_cast<std::size_t>(job.workload.count);
  Totals totals;
  bool is_any = false;
  TRY(for_each(job, Part::kProcesses, [&](std::int32_t i, const Entry& entry) {
    if (!is_shown(entry)) return true;
    headings(headings_.processes, &Rows::process_headings);
    const double units = units_of(entry, i, requests);
    if (options_.has_totals) totals.add(entry, units);
    if (!options_.has_only_totals) rows_.process(entry, units);
    breathe();
    is_any = true;
    return true;
  }));
  TRY(for_each(job, Part::kEvents, [&](std::int32_t, const Entry& entry) {
    if (is_shown(entry)) write_event(entry);
    return true;
  }));
  if (is_any && options_.has_totals) rows_.totals(totals);
  return {};
}

void JobWriter::write_event(const Entry& entry) {
  headings(headings_.processes, &Rows::process_headings);
  if (options_.has_only_totals) return;
  if (entry.start != nullptr)
    text_.add("\t START OF JOB AT ")
        .add(LocalClock::text(entry.start->type == 1 ? entry.start->btime
                                                     : entry.start->rstime));
  else if (entry.end != nullptr)
    text_.add("\t END OF JOB AT ").add(LocalClock::text(entry.end->etime));
}

Outcome<void> JobWriter::write_requests(const csa::JobHeader& job) {
  requests_.begin();
  TRY(for_each(job, Part::kWorkload, [&](std::int32_t, const Entry& entry) {
    requests_.add_run(*entry.workload);
    return true;
  }));
  for (const Part part : {Part::kEvents, Part::kProcesses}) {
    requests_.rewind();
    TRY(for_each(job, part, [&](std::int32_t, const Entry& entry) {
      requests_.add(entry);
      return true;
    }));
  }
  requests_.write();
  return {};
}

}  // namespace accounting::csajrep
