// SPDX-License-Identifier: Apache-2.0
// What jobs used, summed up by a key: the fold behind `corral report`.
//
// A job's use is that of its end record, which has its cgroup's totals. Where
// that says nothing (the published daemon's files) it is the sum of its
// processes, but only of such that are counted without the children that they
// waited for. Where neither is known it is absent, never 0, and a sum says of
// how many jobs.
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
#include "accounting/record_view.h"
#include "core/limits.h"

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

/// A sum over jobs (or processes) of which some may not know the counter.
struct UseSum {
  std::uint64_t value = 0;
  std::uint64_t known = 0;    ///< of how many
  std::uint64_t unknown = 0;  ///< how many more there are

  void add(std::optional<std::uint64_t> more);
  /// Also a largest value is such.
  void raise(std::optional<std::uint64_t> other);
  [[nodiscard]] std::optional<std::uint64_t> get() const {
    return known > 0 ? std::optional(value) : std::nullopt;
  }
};

struct UseRow {
  std::string key;   ///< a number for users and groups; "": unknown
  std::string name;  ///< of a job
  /// Hard bounds that a job began with, by their kinds.
  std::vector<std::pair<core::LimitKind, std::uint64_t>> asked;
  std::optional<std::uint32_t> uid;  ///< of a job
  std::uint64_t jobs = 0;
  std::uint64_t open = 0;  ///< of them without an end in the files
  std::uint64_t processes = 0;
  UseSum wall_us;
  UseSum user_us;
  UseSum system_us;
  UseSum memory_bytes;                ///< the largest
  bool is_memory_of_process = false;  ///< of a job: it has no total
  UseSum read_bytes;                  ///< by read(2) and its like
  UseSum written_bytes;
  UseSum storage_read_bytes;  ///< by the job's cgroup
  UseSum storage_written_bytes;
};

/// Which jobs are taken.
struct UseFilter {
  std::optional<std::uint32_t> uid;
  std::optional<std::uint64_t> since_us;  ///< that ended then or later
  std::optional<std::uint64_t> until_us;  ///< that ended before
};

class UseFold {
 public:
  UseFold(UseKey key, const UseFilter& filter) : key_(key), filter_(filter) {}

  /// Groups of another file follow: which machine wrote it is not known yet.
  void begin_file() { node_.clear(); }
  void add(const Group& group);

  /// By CPU time, the most first; with what is not ended yet.
  [[nodiscard]] std::vector<UseRow> finish() &&;

 private:
  /// A job of which the end was not seen yet.
  struct OpenJob {
    RecordView start;
    std::string node;
    std::optional<std::uint64_t> project;
    bool is_own = true;  ///< no process is counted with its children
    std::uint64_t processes = 0;
    UseSum wall_us;
    UseSum user_us;
    UseSum system_us;
    UseSum memory_bytes;
    UseSum read_bytes;
    UseSum written_bytes;
  };

  OpenJob& open_job(std::uint64_t jid);
  void add_process(const RecordView& view, const Group& group);
  void add_end(const RecordView& view);
  void close(std::uint64_t jid, const OpenJob& job, const RecordView* end);
  [[nodiscard]] bool is_wanted(const RecordView& facts) const;
  [[nodiscard]] std::string key_of(std::uint64_t jid, const OpenJob& job,
                                   const RecordView& facts) const;

  UseKey key_;
  UseFilter filter_;
  std::string node_;  ///< empty: the file has not said
  std::unordered_map<std::uint64_t, OpenJob> open_;
  std::map<std::string, UseRow> rows_;
};

}  // namespace accounting
