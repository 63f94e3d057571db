// SPDX-License-Identifier: Apache-2.0
// Files of users' own with the records of their jobs (ja(1)): for each a spool
// that the scribe fills, and a process with the user's rights that empties it
// (accounting/job_file.h).
//
// Invariants:
//  - No path is opened here: the file came as a descriptor, open for reading
//    and appending, from a process of the job that has the job's uid, or root.
//  - Spool and file are in the store until all is written: a supervisor, scribe
//    or process that dies loses no record and doubles none.
//  - A job that has ended keeps its file until its last record was tried.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/job_file.h"
#include "core/accounting_control.h"
#include "core/ids.h"
#include "supervisor/event_loop.h"
#include "supervisor/job_table.h"
#include "supervisor/recorder.h"
#include "supervisor/store_link.h"
#include "supervisor/worker.h"

namespace supervisor {

/// Whose rights a file is written with.
struct JobFileUser {
  core::Uid uid;
  core::Gid gid;
};

class JobFiles {
 public:
  using Done = core::AccountingControl::Done;

  JobFiles(EventLoop& loop, StoreLink& store, Recorder& recorder);
  JobFiles(const JobFiles&) = delete;
  JobFiles& operator=(const JobFiles&) = delete;
  ~JobFiles();

  /// What a store gave back. False: the name is none of ours.
  [[nodiscard]] bool adopt(std::string_view name, sys::UniqueFd& fd);
  /// All was adopted: goes on with those of jobs that live, and ends the
  /// others.
  void resume(const JobTable& table);
  void put_again();

  /// From now on the job's records go into `file`, no longer into another.
  /// Answers when the first record is there. Refuses what is no regular file
  /// that is open for reading and appending.
  void start(core::JobId jid, const JobFileUser& user, sys::UniqueFd file,
             Done done);
  /// Answers when all that has ended is in the file.
  void sync(core::JobId jid, Done done);
  void stop(core::JobId jid, Done done);
  /// The job has ended.
  void end(core::JobId jid);

 private:
  class Follower;
  /// kEnd: when all is written; kGiveUp: in any case.
  enum class Then : std::uint8_t { kStay, kEnd, kGiveUp };
  void flush(core::JobId jid, Then then, Done done);

  void drain(core::JobId jid, Then then, Done done);
  void on_drained(core::JobId jid, Then then, std::int32_t code,
                  const Done& done);
  void drop(core::JobId jid);
  [[nodiscard]] Follower* find(core::JobId jid);

  EventLoop& loop_;
  StoreLink& store_;
  Recorder& recorder_;
  std::map<core::JobId, std::unique_ptr<Follower>> followers_;
  /// Their processes end; kept until the loop comes round.
  std::vector<std::unique_ptr<Follower>> retired_;
  Timer sweep_;
};

}  // namespace supervisor
