// SPDX-License-Identifier: Apache-2.0
#include "accounting/request_runs.h"

#include <algorithm>
#include <cstring>

#include "accounting/bounded_sum.h"

namespace accounting {

namespace {

enum Type : std::int16_t { kReceived = 2, kBegun, kSpooled, kEnded };
constexpr std::int16_t kSpoolInit = 4;
constexpr std::int16_t kNoType = -1;

template <std::size_t N>
void copy_text(char (&to)[N], const char (&from)[N]) {
  std::memset(to, 0, N);
  std::memcpy(to, from, ::strnlen(from, N));
}

/// A consolidated record about nothing yet.
csa::Workload empty_record() {
  csa::Workload record = {};
  record.head = csa::make_head(csa::RecordType::kWorkload, sizeof record);
  record.term_subtype = kNoTerm;
  return record;
}

/// Fills a consolidated record from the first record about the run.
void begin_record(csa::Workload& to, const csa::Workload& from) {
  to.time = from.time;
  to.uid = from.uid;
  to.type = csa::kWorkloadConsolidated;
  to.prid = from.prid;
  to.ash = from.ash;
  to.jid = from.jid;
  to.reqid = from.reqid;
  to.arrayid = from.arrayid;
  to.qtype = from.qtype;
  to.code = 0;
  to.utime = from.utime;
  to.stime = from.stime;
  to.subtype = kNoInit;
  to.term_subtype = kNoTerm;
  to.qwtime = 0;
  to.sbu_wt = 1.0;
  copy_text(to.serv_provider, from.serv_provider);
  copy_text(to.machname, from.machname);
  copy_text(to.quename, from.quename);
  copy_text(to.reqname, from.reqname);
}

}  // namespace

RequestRun& RequestRuns::add_run(std::vector<RequestRun>& runs,
                                 const RecordPlace& place) {
  runs.push_back({.place = place, .record = empty_record()});
  return runs.back();
}

BatchRequest& RequestRuns::find_or_make(const csa::Workload& record,
                                        bool& is_new) {
  const auto [found, made] =
      by_key_.try_emplace({record.reqid, record.arrayid}, requests_.size());
  is_new = made;
  if (made) {
    requests_.push_back({});
    requests_.back().reqid = record.reqid;
    requests_.back().arrayid = record.arrayid;
  }
  return requests_[found->second];
}

void RequestRuns::add(const csa::Workload& record, const RecordPlace& place) {
  switch (record.type) {
    case kReceived:
      return add_received(record, place);
    case kBegun:
      return add_begun(record, place);
    case kSpooled:
      return add_spooled(record, place);
    case kEnded:
      return add_ended(record, place);
    case csa::kWorkloadConsolidated:
      return add_recycled(record, place);
    default:
      return;  // information
  }
}

void RequestRuns::add_received(const csa::Workload& record,
                               const RecordPlace& place) {
  bool is_new = false;
  BatchRequest& request = find_or_make(record, is_new);
  if (request.runs.empty()) {
    begin_record(add_run(request.runs, place).record, record);
    request.runs.back().record.jid = kNoJid;
  }
  csa::Workload& run = request.runs.back().record;
  run.qtype = record.qtype;
  copy_text(run.quename, record.quename);
  request.last_type = kReceived;
}

void RequestRuns::add_begun(const csa::Workload& record,
                            const RecordPlace& place) {
  bool is_new = false;
  BatchRequest& request = find_or_make(record, is_new);
  const bool is_next =
      request.last_type != kReceived && request.last_type != kNoType;
  if (request.runs.empty() || is_next) add_run(request.runs, place);
  csa::Workload& run = request.runs.back().record;
  begin_record(run, record);
  run.subtype = record.subtype;
  if (record.enter_time > 0) {
    run.qwtime = record.time;
    add_bounded(run.qwtime, -record.enter_time);
  }
  request.last_type = kBegun;
}

void RequestRuns::add_ended(const csa::Workload& record,
                            const RecordPlace& place) {
  bool is_new = false;
  BatchRequest& request = find_or_make(record, is_new);
  if (request.runs.empty())
    begin_record(add_run(request.runs, place).record, record);
  csa::Workload& run = request.runs.back().record;
  if (run.term_subtype != kNoTerm) return;  // out of order
  run.code = record.code;
  run.utime = record.utime;
  run.stime = record.stime;
  run.term_subtype = record.subtype;
  request.last_type = kEnded;
}

/// Output that is spooled: jobs of their own, told apart by their jid; jid 0
/// means the first that has not ended.
void RequestRuns::add_spooled(const csa::Workload& record,
                              const RecordPlace& place) {
  bool is_new = false;
  BatchRequest& request = find_or_make(record, is_new);
  auto found = std::ranges::find_if(request.spools, [&](const RequestRun& run) {
    return record.jid == 0 ? run.record.term_subtype == kNoTerm
                           : run.record.jid == record.jid;
  });
  if (found == request.spools.end()) {
    begin_record(add_run(request.spools, place).record, record);
    found = request.spools.end() - 1;
  }
  csa::Workload& run = found->record;
  run.subtype = kSpoolInit;
  if (record.subtype != csa::kSpoolTerm) return;
  run.utime = record.utime;
  run.stime = record.stime;
  run.term_subtype = csa::kSpoolTerm;
}

/// A consolidated record that csarecy put back: counts where nothing else is
/// known of the request.
void RequestRuns::add_recycled(const csa::Workload& record,
                               const RecordPlace& place) {
  bool is_new = false;
  BatchRequest& request = find_or_make(record, is_new);
  if (is_new) begin_record(add_run(request.runs, place).record, record);
}

}  // namespace accounting
