// SPDX-License-Identifier: Apache-2.0
// The jobs that a crash left open: when supervisor, store and reaper went down
// together, or the machine did, nobody wrote their ends. The next instance
// does, as far as the accounting file tells (accounting/open_jobs.h).
//
// Invariant: each gets one end, with the reason "crashed" and nothing counted.
// It is in the journal before it is sent to the scribe, so a crash in between
// neither loses nor doubles it; a job that lives was taken over before.
#pragma once

#include <cstdint>
#include <set>

#include "accounting/open_jobs.h"
#include "supervisor/job_table.h"
#include "supervisor/journal.h"
#include "supervisor/ledger.h"
#include "supervisor/recorder.h"
#include "supervisor/takeover.h"

namespace supervisor {

class LeftOpen {
 public:
  /// All borrowed.
  struct Parts {
    Ledger& ledger;
    const JobTable& table;
    Journal& journal;
    Recorder& recorder;
    History& history;
  };

  LeftOpen(const Parts& parts, std::uint32_t hid) : parts_(parts), hid_(hid) {}

  /// Searches, unless that was done since this journal began, and writes the
  /// ends. To be called before the recorder starts, when the containers were
  /// searched.
  void close_all();

 private:
  void ask(core::JobId after);
  void take(const core::Result<OpenJobsPage>& page);
  [[nodiscard]] core::Result<void> close(const accounting::OpenJob& job);
  [[nodiscard]] core::Result<void> close(const OpenJobsPage& page);

  Parts parts_;
  std::uint32_t hid_;
  bool is_searching_ = false;
  bool has_others_ = false;
  std::uint64_t closed_ = 0;
  /// Whose ends are in the journal, and perhaps not in the file yet.
  std::set<core::JobId> on_their_way_;
};

}  // namespace supervisor
