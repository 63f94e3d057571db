// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csajrep.h"

#include "accounting/billing/billed_units.h"
#include "accounting/records/damage_text.h"
#include "accounting/records/sorted_file.h"
#include "accounting/reports/csajrep_options.h"
#include "accounting/reports/csajrep_requests.h"
#include "accounting/reports/csajrep_rows.h"
#include "accounting/text/local_clock.h"
#include "accounting/text/progress.h"

namespace accounting {

namespace csajrep {
namespace {

using Part = SortedFile::Part;

constexpr std::uint64_t kNoJid = static_cast<std::uint64_t>(-2);
constexpr std::uint64_t kNoProject = static_cast<std::uint64_t>(-2);
constexpr std::int64_t kNoRequest = -2;
constexpr std::int16_t kNoTerm = -2;

/// What a record is selected by.
struct Owner {
  std::uint64_t jid = kNoJid;
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

class Report {
 public:
  Report(const Options& options, const BillingRules& rules, Console& console,
         SortedFile& sorted)
      : options_(options),
        biller_(rules),
        console_(console),
        sorted_(sorted),
        rows_(options, console.out()),
        requests_(console.out()) {
    if (options.columns.units)
      billed_.emplace("csajrep", options.sorted, sorted.reader().window(),
                      console);
  }

  Outcome<void> run() {
    Progress progress(sorted_.reader().size(), Progress::Rows::kMeanwhile);
    while (sorted_.next_boot(boot_)) {
      csa::JobHeader job = {};
      while (sorted_.next_job(job)) {
        if (billed_) billed_->begin_job(job);
        TRY(one(job));
        console_.breathe();
        progress.show(sorted_.job_begin());
      }
      if (!sorted_.is_at_boots_end())
        console_.complain("The position in file '" + options_.sorted +
                          "' is wrong for the next uptime record.\n   Examine "
                          "the data file for correct version of the file.\n   "
                          "(Match the binary with the record structure.)\n");
    }
    return must_be_read(sorted_, "csajrep", options_.sorted);
  }

 private:
  Outcome<void> one(const csa::JobHeader& job) {
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

  std::unexpected<Stop> unreadable(Part part) {
    const std::string_view what =
        part == Part::kWorkload    ? "workload management record"
        : part == Part::kProcesses ? "eop record"
                                   : "soj, eoj, or cfg record";
    return stop("An error occurred during the reading of file '" +
                    options_.sorted + "' " + std::string(what) + ".",
                0);
  }

  /// Calls `take` with each record of a part until it says false.
  template <class Take>
  Outcome<void> for_each(const csa::JobHeader& job, Part part, Take take) {
    sorted_.go_to(job, part);
    Entry entry;
    for (std::int32_t i = 0; i < SortedFile::count(job, part); ++i) {
      if (!sorted_.next_entry(entry) ||
          (part == Part::kWorkload && entry.workload == nullptr) ||
          (part == Part::kProcesses && entry.process == nullptr))
        return unreadable(part);
      if (!take(i, entry)) break;
    }
    return {};
  }

  /// `is_in_job`: of a job that is reported; there a selection counts only if
  /// it is exclusive.
  [[nodiscard]] bool is_selected(const Entry& entry, bool is_in_job) const {
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
           matches(want.jid, owner->jid) &&
           matches(want.project, owner->project);
  }

  Outcome<bool> has_selected(const csa::JobHeader& job) {
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

  [[nodiscard]] bool is_shown(const Entry& entry) const {
    const Selection& want = options_.selection;
    return !(want.is_exclusive || want.skips_jid_0) || is_selected(entry, true);
  }

  /// The trailers of the job before this.
  void end_last_job() {
    for (bool* const has_headings :
         {&has_process_headings_, &has_request_headings_}) {
      if (*has_headings)
        console_.out().add(options_.has_form_feeds ? "\f" : "\n\n\n\n");
      *has_headings = false;
    }
    is_new_job_ = true;
  }

  void headings(bool& is_printed, void (Rows::*write)()) {
    if (is_printed || !options_.has_headings) return;
    is_printed = true;
    ReportText& text = console_.out();
    if (is_new_job_) {
      text.add("JOB FROM SYSTEM BOOT PERIOD STARTING AT ");
      text.add(boot_.boottime != 0 ? LocalClock::text(boot_.boottime)
                                   : "Unknown\n");
      text.add("PERIOD ENDING AT ").add(LocalClock::text(boot_.curtime));
      is_new_job_ = false;
    }
    (rows_.*write)();
  }

  Outcome<void> write_requests_of_job(const csa::JobHeader& job) {
    bool is_complete = false;
    bool is_any = false;
    // No more than the file has room for, whatever its header says.
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(
        static_cast<std::uint64_t>(job.workload.count),
        sorted_.reader().size() / sizeof(csa::Workload)));
    if (weights_.size() < count) weights_.resize(count);
    TRY(for_each(job, Part::kWorkload, [&](std::int32_t i, const Entry& entry) {
      if (!is_shown(entry)) return true;
      const csa::Workload& record = *entry.workload;
      weights_[static_cast<std::size_t>(i)] = {record.jid, record.sbu_wt};
      headings(has_request_headings_, &Rows::request_headings);
      rows_.request(record);
      is_any = true;
      request_utime_ += record.utime;
      request_stime_ += record.stime;
      is_complete = is_complete || record.term_subtype != kNoTerm;
      return true;
    }));
    if (is_complete)
      console_.out().add("\tWORKLOAD MANAGEMENT REQUEST COMPLETED\n");
    if (is_any) {
      rows_.request_totals(request_utime_, request_stime_);
      if (options_.columns.cpu) request_utime_ = request_stime_ = 0;
    }
    return {};
  }

  double units_of(const Entry& entry, std::int32_t number,
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

  Outcome<void> write_job(const csa::JobHeader& job) {
    end_last_job();
    TRY(write_requests_of_job(job));
    const auto requests = static_cast<std::size_t>(job.workload.count);
    Totals totals;
    bool is_any = false;
    TRY(for_each(job, Part::kProcesses,
                 [&](std::int32_t i, const Entry& entry) {
                   if (!is_shown(entry)) return true;
                   headings(has_process_headings_, &Rows::process_headings);
                   const double units = units_of(entry, i, requests);
                   if (options_.has_totals) totals.add(entry, units);
                   if (!options_.has_only_totals) rows_.process(entry, units);
                   console_.breathe();
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

  void write_event(const Entry& entry) {
    headings(has_process_headings_, &Rows::process_headings);
    if (options_.has_only_totals) return;
    if (entry.start != nullptr)
      console_.out()
          .add("\t START OF JOB AT ")
          .add(LocalClock::text(entry.start->type == 1 ? entry.start->btime
                                                       : entry.start->rstime));
    else if (entry.end != nullptr)
      console_.out()
          .add("\t END OF JOB AT ")
          .add(LocalClock::text(entry.end->etime));
  }

  Outcome<void> write_requests(const csa::JobHeader& job) {
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

  const Options& options_;
  Biller biller_;
  Console& console_;
  SortedFile& sorted_;
  std::optional<BilledUnits> billed_;  ///< if units are shown
  Rows rows_;
  RequestReport requests_;
  csa::Configuration boot_ = {};
  std::vector<std::pair<std::uint64_t, double>> weights_;  ///< by jid
  std::int64_t request_utime_ = 0;
  std::int64_t request_stime_ = 0;
  bool has_process_headings_ = false;
  bool has_request_headings_ = false;
  bool is_new_job_ = true;
};

Outcome<void> run(const Options& options, Console& console) {
  auto window = ByteWindow::open(options.sorted.c_str());
  if (!window)
    return stop("An error occurred during the opening of file '" +
                    options.sorted + "'.",
                window.error().code);
  BillingRules rules;
  if (options.columns.units) {  // only they are made by rules
    CsaConf conf;
    std::string faults;
    rules = read_billing_rules(conf, faults);
    console.complain(conf.take_complaints() + faults);
  }
  SortedFile sorted(std::move(*window));
  return Report(options, rules, console, sorted).run();
}

}  // namespace
}  // namespace csajrep

int csajrep_command(const CommandLine& line, Console& console) {
  csajrep::Options options;
  if (!csajrep::read_options(line, options, console)) return kWrongUse;
  const auto done = csajrep::run(options, console);
  return done ? 0 : console.give_up(done.error());
}

}  // namespace accounting
