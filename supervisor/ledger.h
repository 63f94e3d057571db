// SPDX-License-Identifier: Apache-2.0
// What an instance must know of its past that only files tell, and what it must
// tell them before it goes on: which jids were given, which jobs were left open
// by a crash. A worker reads and syncs, as a disk may take long; it lives for
// the request only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "accounting/open_jobs.h"
#include "core/error.h"
#include "supervisor/jid_blocks.h"
#include "supervisor/worker.h"
#include "sys/places.h"

namespace supervisor {

/// The file of jid_blocks.h: beside the accounting file, as it must outlive the
/// machine; a private instance's lives as long as its hid, beside which it is.
[[nodiscard]] std::string jid_file(const sys::Places& places);

struct OpenJobsPage {
  std::vector<accounting::OpenJob> jobs;  ///< by ascending jid
  bool has_more = false;                  ///< after the last of them
  bool has_others = false;  ///< some were left out: a scribe may end them yet
};

class Ledger {
 public:
  Ledger(EventLoop& loop, const sys::Places& places,
         std::string program = kOwnProgram);

  /// The next block of jids. Without a file it is above those that the
  /// accounting file knows of; with a damaged one above the clock's, too.
  void reserve(std::uint32_t hid, std::uint32_t above,
               std::function<void(core::Result<JidBlock>)> done);

  /// The jobs of `hid` with a jid above `after` that others than `instance`
  /// left open, and whose scribe is gone.
  void find_open(std::uint32_t hid, std::uint64_t instance, core::JobId after,
                 std::function<void(core::Result<OpenJobsPage>)> done);

 private:
  std::string paths_;  ///< of the accounting file and of the jids
  WorkerPool pool_;
};

/// The worker's whole life.
int run_ledger_worker(int socket);

}  // namespace supervisor
