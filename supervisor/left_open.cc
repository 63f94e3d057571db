// SPDX-License-Identifier: Apache-2.0
#include "supervisor/left_open.h"

#include <utility>

#include "accounting/crash_encode.h"
#include "supervisor/log.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

/// When it ended nobody knows: it is over now.
accounting::EndOfJob end_of(const accounting::RecordKey& key,
                            const accounting::OpenJob& job) {
  accounting::EndOfJob end;
  end.key = key;
  end.jid = job.jid;
  end.uid = job.uid;
  end.gid = core::Gid(accounting::kUnknownId);
  end.started.real = job.started;
  end.ended = sys::now();
  end.result.reason = core::Reason::kCrashed;
  return end;
}

}  // namespace

void LeftOpen::close_all() {
  if (is_searching_ || parts_.history.has_searched_crash) return;
  is_searching_ = true;
  for (const PendingRecord& record : parts_.recorder.pending())
    if (record.kind == RecordKind::kEnd) on_their_way_.insert(record.jid);
  ask(core::kNoJob);
}

void LeftOpen::ask(core::JobId after) {
  parts_.ledger.find_open(hid_, parts_.journal.epoch(), after,
                          [this](const auto& page) { take(page); });
}

void LeftOpen::take(const core::Result<OpenJobsPage>& page) {
  // What stays open now the next supervisor closes.
  if (!page) {
    spdlog::warn("jobs that a crash left open are not closed: {}",
                 text_of(page.error().message()));
    return;
  }
  const auto done = close(*page);
  if (!done)
    spdlog::error("jobs that a crash left open are not closed: {}",
                  text_of(done.error().message()));
}

core::Result<void> LeftOpen::close(const OpenJobsPage& page) {
  for (const accounting::OpenJob& job : page.jobs)
    if (parts_.table.find(job.jid) == nullptr &&
        !on_their_way_.contains(job.jid))
      TRY(close(job));
  has_others_ = has_others_ || page.has_others;
  if (page.has_more && !page.jobs.empty()) {
    ask(page.jobs.back().jid);
    return {};
  }
  if (closed_ > 0)
    spdlog::warn("{} jobs that a crash left open are recorded as crashed",
                 closed_);
  if (has_others_) return {};
  (void)TRY(parts_.journal.append(encode_item(CrashSearched{})));
  parts_.history.has_searched_crash = true;
  return {};
}

core::Result<void> LeftOpen::close(const accounting::OpenJob& job) {
  const std::uint64_t key = parts_.journal.next_number();
  const accounting::EndOfJob end =
      end_of({.instance = parts_.journal.epoch(), .key = key}, job);
  const accounting::RecordBytes bytes = job.is_of_this_boot
                                            ? accounting::encode(end)
                                            : accounting::encode_alone(end);
  PendingRecord record{.key = key,
                       .jid = job.jid,
                       .kind = RecordKind::kEnd,
                       .bytes = {bytes.view().begin(), bytes.view().end()}};
  (void)TRY(parts_.journal.append(encode_item(record)));
  parts_.recorder.take(std::move(record));
  ++closed_;
  return {};
}

}  // namespace supervisor
