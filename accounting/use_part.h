// SPDX-License-Identifier: Apache-2.0
// What a stretch of an accounting file says of one job, summed up: of parts of
// one job that are joined in their order comes what all its groups would give.
// So a report may keep them (accounting/index) in place of the groups.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accounting/exact_sum.h"
#include "accounting/record_view.h"
#include "core/limits.h"

namespace accounting {

/// A sum over jobs (or processes) of which some may not know the counter.
struct UseSum {
  std::uint64_t value = 0;
  std::uint64_t known = 0;    ///< of how many
  std::uint64_t unknown = 0;  ///< how many more there are
  std::uint64_t partly = 0;   ///< of these: at least so much of each is in it

  void add(std::optional<std::uint64_t> more);
  /// One of which no more is known than that it is no less.
  void add_at_least(std::optional<std::uint64_t> more);
  /// Also a largest value is such.
  void raise(std::optional<std::uint64_t> other);
  /// Those of another sum, or another largest value.
  void join(const UseSum& other);
  void join_largest(const UseSum& other);
  [[nodiscard]] std::optional<std::uint64_t> get() const {
    return known + partly > 0 ? std::optional(value) : std::nullopt;
  }
  /// It is known, and may be more.
  [[nodiscard]] bool is_least() const {
    return known + partly > 0 && unknown > 0;
  }
};

/// The same of billing units.
struct UnitSum {
  ExactSum sum;
  std::uint64_t known = 0;
  std::uint64_t unknown = 0;

  void add(std::optional<double> more) {
    if (more) sum.add(*more);
    ++(more ? known : unknown);
  }
  void join(const UnitSum& other) {
    sum.add(other.sum);
    known += other.known;
    unknown += other.unknown;
  }
  [[nodiscard]] std::optional<double> get() const {
    return known > 0 ? std::optional(sum.value()) : std::nullopt;
  }
};

/// What the start or the end of a job says.
struct UseFacts {
  using Count = RecordView::Count;

  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::string name;
  std::string project;
  std::string account;
  /// Hard bounds that a job began with, by their kinds.
  std::vector<std::pair<core::LimitKind, std::uint64_t>> asked;
  Count started_us;
  Count ended_us;
  Count wall_us;
  Count user_us;
  Count system_us;
  Count memory_bytes;
  Count read_bytes;
  Count written_bytes;
  Count storage_read_bytes;
  Count storage_written_bytes;
  Count processes_not_seen;
  bool has_totals = false;  ///< of an end: it is Corral's, with the cgroup's

  [[nodiscard]] static UseFacts of(const RecordView& view);
  friend bool operator==(const UseFacts&, const UseFacts&) = default;
};

struct JobPart {
  std::uint64_t jid = 0;
  std::string node;        ///< that wrote the first group; empty: not known
  bool has_start = false;  ///< `start` is that of a record, and not only what
                           ///< processes tell
  UseFacts start;
  std::optional<UseFacts> end;
  std::optional<std::uint64_t> project;  ///< of the last process
  std::uint64_t processes = 0;
  std::uint64_t inclusive = 0;  ///< of them, counted with their children
  UseSum user_us;
  UseSum system_us;
  UseSum memory_bytes;
  UseSum read_bytes;
  UseSum written_bytes;
  UseSum storage_read_bytes;
  UseSum storage_written_bytes;
  UnitSum units;  ///< not in an index

  void add_start(const RecordView& view);
  void add_process(const RecordView& view,
                   std::optional<std::uint64_t> project_of_it);
  /// What stands behind this in the files.
  void join(const JobPart& later);
};

/// Processes of one command, by one user, in one stretch of time.
struct CommandPart {
  std::string name;
  std::optional<std::uint32_t> uid;
  std::uint64_t time_us = 0;  ///< 0: when they ended is not known
  std::uint64_t processes = 0;
  UseSum wall_us;
  UseSum user_us;
  UseSum system_us;
  UseSum memory_bytes;  ///< the largest
  UseSum read_bytes;
  UseSum written_bytes;
  UseSum storage_read_bytes;
  UseSum storage_written_bytes;
  UnitSum units;  ///< not in an index

  void add(const RecordView& view);
};

/// When what a record tells of has ended, or begun if that is not known.
[[nodiscard]] std::uint64_t time_of(const RecordView& view);

}  // namespace accounting
