// SPDX-License-Identifier: Apache-2.0
// csajrep -N: what each run of a batch request used, by user and project.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "accounting/records/entry.h"
#include "accounting/text/account_names.h"
#include "accounting/text/report_text.h"

namespace accounting::csajrep {

class RequestReport {
 public:
  explicit RequestReport(ReportText& text) : text_(text) {}

  /// The consolidated records of a job come first, then its starts and ends,
  /// then its processes.
  void begin();
  void add_run(const csa::Workload& record);
  void rewind();
  void add(const Entry& entry);
  void write();

 private:
  /// Use by one user for one project in a run.
  struct Use {
    std::uint32_t uid = 0;
    std::uint64_t project = 0;
    std::uint64_t utime = 0;
    std::uint64_t stime = 0;
    csa::Delay delay = {};
  };
  struct Run {
    std::string queue;
    std::uint64_t jid = 0;
    std::int16_t init = 0;
    std::int16_t term = 0;
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::int64_t queue_wait = 0;
    std::uint64_t core_himem = 0;
    std::uint64_t virt_himem = 0;
    std::list<Use> uses;
  };
  /// A record of a process, a start or an end.
  struct Found {
    std::uint64_t jid;
    std::uint64_t project;
    std::uint32_t uid;
    std::int64_t start;
    std::int64_t end;
  };
  using Place = std::list<Run>::iterator;

  Use& find(const Found& found);
  Place place_of(const Found& found, bool& is_missing);
  static Use& use_in(Run& run, const Found& found);
  void headings();
  void write_run(const Run& run, std::int64_t wall_clock);

  ReportText& text_;
  AccountNames names_;
  bool has_headings_ = false;
  std::int64_t reqid_ = 0;
  std::int32_t arrayid_ = 0;
  std::string name_;
  std::int64_t wall_start_ = 0;
  std::int64_t wall_end_ = 0;
  std::list<Run> runs_;
  Place current_;
};

}  // namespace accounting::csajrep
