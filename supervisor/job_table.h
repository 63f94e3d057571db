// SPDX-License-Identifier: Apache-2.0
// The jobs that the supervisor knows: live ones, and ended ones for a while.
// Each is what the job machine made of its events so far, nothing else.
//
// Invariants:
//  - An ended job is remembered until so many younger ones have ended or so
//    much time has passed (Remembering); it is forgotten on the way of other
//    events, so that an idle supervisor sleeps.
//  - A promised job (accepted, its creation not in the journal yet) has its
//    name, its token and its place in the bounds, and is not there otherwise.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/job_machine.h"

namespace supervisor {

/// How long ended jobs are known.
struct Remembering {
  std::size_t most = 1000;
  core::Microseconds within = core::seconds(3600);
};

struct TableEntry {
  core::Job job;
  /// The journal entry that brought it into its state.
  std::uint64_t state_entry = 0;
};

class JobTable {
 public:
  using Jobs = std::map<core::JobId, TableEntry>;

  /// Null if it is not known.
  [[nodiscard]] TableEntry* find(core::JobId jid);
  [[nodiscard]] const TableEntry* find(core::JobId jid) const;
  TableEntry& insert(core::Job job, std::uint64_t entry);
  /// A job that insert() will bring: what it takes is taken from now on.
  void promise(core::JobId jid, core::Uid owner, const core::JobSpec& spec);
  /// Replaces the job by what it became.
  void update(TableEntry& entry, core::Job job, std::uint64_t number);

  [[nodiscard]] const Jobs& jobs() const { return jobs_; }
  /// The ended ones in the order of their ends.
  [[nodiscard]] const std::deque<core::JobId>& ended() const { return ended_; }
  [[nodiscard]] std::size_t live_count() const {
    return jobs_.size() - ended_.size();
  }
  /// Live jobs that do not run yet, but for arrays.
  [[nodiscard]] std::size_t starting_count() const { return starting_; }
  [[nodiscard]] std::size_t remembered_count() const { return ended_.size(); }
  [[nodiscard]] std::size_t promised_count() const { return promised_.size(); }
  /// Promised ones too.
  [[nodiscard]] std::size_t live_count_of(core::Uid owner) const;

  /// The job that this token of this owner made, or null.
  [[nodiscard]] const TableEntry* find_token(core::Uid owner,
                                             std::string_view token) const;
  /// The promised job of this token of this owner.
  [[nodiscard]] std::optional<core::JobId> promised_token(
      core::Uid owner, std::string_view token) const;
  /// The live or promised job of that owner with that name.
  [[nodiscard]] std::optional<core::JobId> find_live_name(
      core::Uid owner, std::string_view name) const;

  /// What the site says, once it is known.
  void set_remembering(const Remembering& remembering) {
    remembering_ = remembering;
  }
  /// Forgets ended jobs beyond their number and age; returns which.
  // NOLINTNEXTLINE(modernize-use-nodiscard): a replay tells nobody
  std::vector<core::JobId> forget_old(core::BootTime now);

 private:
  void has_ended(const core::Job& job);
  /// A member whose end its array has not counted: nobody else could tell it.
  [[nodiscard]] bool is_awaited(core::JobId jid) const;
  core::JobId forget_oldest();

  Remembering remembering_;
  Jobs jobs_;
  std::deque<core::JobId> ended_;  ///< in the order of their ends
  std::set<core::JobId> promised_;
  std::size_t starting_ = 0;
  /// By "owner:text".
  std::unordered_map<std::string, core::JobId> tokens_;
  std::unordered_map<std::string, core::JobId> live_names_;
  std::map<core::Uid, std::size_t> live_of_owner_;
};

}  // namespace supervisor
