// SPDX-License-Identifier: Apache-2.0
// What jobs used, summed up by a key: the fold behind `corral report`.
//
// A job's use is that of its end record, which has its cgroup's totals. Where
// that says nothing of a counter (the published daemon's files, a cgroup
// without that controller) it is the sum of its processes; where these are
// counted with the children that they waited for, or not all were seen, it is
// at least so much. Where neither is known it is absent, never 0, and a sum
// says of how many jobs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accounting/csa_group.h"
#include "accounting/use_billing.h"
#include "accounting/use_part.h"
#include "accounting/use_rows.h"

namespace accounting {

enum class UseKey : std::uint8_t {
  kJob,
  kUser,
  kGroup,
  kProject,
  kAccount,
  kCommand,  ///< of processes, with the children that they waited for
  kDay,      ///< on which the job ended, in local time; else began
  kHour,     ///< likewise, with the hour
  kNode,     ///< by the file's last configuration record before the job
};

[[nodiscard]] std::optional<UseKey> parse_use_key(std::string_view word);

/// Which jobs are taken.
struct UseFilter {
  std::optional<std::uint32_t> uid;
  std::optional<std::uint64_t> since_us;  ///< that ended then or later
  std::optional<std::uint64_t> until_us;  ///< that ended before
};

class UseFold {
 public:
  UseFold(UseKey key, const UseFilter& filter) : key_(key), filter_(filter) {}

  /// Before anything is added; then parts of an index do not do.
  void bill_by(UseBilling billing) { billing_ = std::move(billing); }
  [[nodiscard]] bool is_billed() const { return billing_.has_value(); }

  /// Groups of another file follow: which machine wrote it is not known yet.
  void begin_file() { node_.clear(); }
  /// Groups of the rest of a file follow, which that machine writes.
  void go_on(std::string node) { node_ = std::move(node); }
  void add(const Group& group);
  /// In place of the groups that they were made of.
  void add(const JobPart& part);
  void add(const CommandPart& part);

  /// What is asked for: parts of the other kind change nothing.
  [[nodiscard]] bool is_of_commands() const { return key_ == UseKey::kCommand; }
  [[nodiscard]] const UseFilter& filter() const { return filter_; }

  /// By CPU time, the most first; with what is not ended yet.
  [[nodiscard]] UseRows finish() &&;

 private:
  JobPart& open_job(std::uint64_t jid, const std::string& node);
  void add_process(const RecordView& view, const Group& group);
  void add_to_command(const CommandPart& part);
  void end_job(std::uint64_t jid, const UseFacts& end);
  void close(const JobPart& job, const UseFacts* end);
  [[nodiscard]] bool is_wanted(std::optional<std::uint32_t> uid,
                               std::uint64_t time_us) const;
  [[nodiscard]] std::string key_of(const JobPart& job,
                                   const UseFacts& facts) const;

  UseKey key_;
  UseFilter filter_;
  std::string node_;  ///< empty: the file has not said
  std::unordered_map<std::uint64_t, JobPart> open_;  ///< without an end yet
  PackedJobs jobs_;                                  ///< by job
  std::map<std::string, UseRow> rows_;               ///< by anything else
  std::optional<UseBilling> billing_;
  /// Of a job, until it is weighed: its request's last record may stand behind
  /// its end.
  struct Bill {
    std::uint64_t jid;
    std::optional<double> units;
  };
  std::map<std::string, std::vector<Bill>> bills_;  ///< by the key of rows
  JobWeights weights_;
};

}  // namespace accounting
