// SPDX-License-Identifier: Apache-2.0
// The part of the port that is about the accounting file: what a face may ask
// of the supervisor that writes it. As core/job_control.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "core/authority.h"
#include "core/file_rules.h"
#include "core/handle.h"
#include "core/ids.h"
#include "core/record_switches.h"
#include "core/refusal.h"

namespace core {

/// Is it written, and what became of the records.
struct AccountingView {
  bool is_on = true;
  std::string pacct;  ///< path of the accounting file
  std::uint64_t written = 0;
  std::uint64_t waiting = 0;  ///< kept while the disk refuses them
  std::uint64_t lost = 0;
  std::string fault;        ///< why the file cannot be written; empty: it can
  RecordSwitches switches;  ///< nothing of it while it is off
  FileRules rules = {};
  /// What rules switched, since the supervisor started: the last file's name,
  /// word_of() why, and how many.
  std::string switched = {};
  std::string switched_for = {};
  std::uint64_t switches_by_rule = 0;
  bool lacks_room = false;  ///< less than the rules' is free: records are kept
};

/// What becomes of the caller's job's own accounting file (ja(1)).
enum class JobFileVerb : std::uint8_t {
  kStart,  ///< its records go to a file from now on
  kSync,   ///< answered when all that ended before is in it
  kStop,   ///< likewise, and no more
};

/// What a daemon tells (csa_wracct(3)): for a workload manager a wkmgmtbs.
struct DaemonRecord {
  AccountKind kind = AccountKind::kWorkload;
  JobId jid;  ///< 0: of no job, or the record says it
  std::vector<std::byte> bytes;
};

class AccountingControl {
 public:
  using RecordDone = std::function<void(Answer<bool>)>;
  using SwitchDone = std::function<void(Answer<std::string>)>;
  using Done = std::function<void(Answer<void>)>;

  virtual ~AccountingControl() = default;

  virtual AccountingView accounting_status() = 0;

  /// Gives the file the next free number and begins a new one. Answers with the
  /// new name of what was there, when the new one is on the disk. Asked twice,
  /// as after an answer that was lost, it switches twice: that loses nothing.
  virtual void switch_accounting(const Caller& caller, SwitchDone done) = 0;

  /// Writes no records any longer, or writes them again; over restarts of
  /// everything. Answers when that stands on the disk.
  virtual void turn_accounting(const Caller& caller, bool is_on, Done done) = 0;

  /// Turns the kinds of `named` on, with its thresholds, or off
  /// (core/record_switches.h). As turn_accounting().
  virtual void turn_kinds(const Caller& caller, bool is_on,
                          const RecordSwitches& named, Done done) = 0;

  /// For root, the instance's user and the site's schedulers. Answers when the
  /// record is kept; false: its kind is off, and it was not.
  virtual void write_record(const Caller& caller, DaemonRecord record,
                            RecordDone done) = 0;

  /// Of the job that the calling process is in; whoever is root or has its uid
  /// may. `file`: of kStart, regular and open for reading and appending.
  virtual void job_file(const Caller& caller, JobFileVerb verb, Handle file,
                        Done done) = 0;
};

}  // namespace core
