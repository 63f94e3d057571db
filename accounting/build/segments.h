// SPDX-License-Identifier: Apache-2.0
// Which records belong together: the boots of a machine (uptimes), in each the
// jobs by their jid, and for a jid that was used again a segment for each use.
// The rules are those of the published csabuild.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accounting/csa_layout.h"
#include "accounting/text/console.h"

namespace accounting::build {

/// Their numbers are those of the published messages.
enum class Kind : std::uint8_t {
  kConfiguration,
  kProcess,
  kStart,
  kEnd,
  kWorkload = 5,
};

/// Whose a job is, by the last record that tells.
struct Identity {
  std::uint64_t jid = 0;
  std::uint32_t uid = 0;
  std::int64_t btime = 0;
};

/// A record of a file that cannot be read again at the place where its own
/// sizes say that it is: where the published csabuild gives up.
struct Misread {
  std::size_t file = 0;
  std::uint64_t offset = 0;                ///< the wrong one
  std::uint64_t process_bytes_before = 0;  ///< in this segment
};

struct Segment {
  std::uint64_t jid = 0;
  std::size_t next = kNone;  ///< the next use of the jid
  bool is_closed = false;    ///< it has its end of job, and no next
  std::int64_t reqid = -1;
  std::int64_t arrayid = -1;
  std::int64_t start = 0;
  std::int64_t stop = 0;

  std::uint64_t process_bytes = 0;
  std::uint64_t event_bytes = 0;  ///< starts, ends, configurations
  std::int32_t processes = 0;
  std::int32_t events = 0;
  bool has_end = false;
  std::optional<Identity> by_process;
  std::optional<Identity> by_event;
  std::unique_ptr<Misread> misread;  ///< null: none
  std::vector<csa::Workload> workload;
  std::vector<std::size_t> joined;  ///< segments that are written with this one
  bool is_joined = false;           ///< it is written with another one

  std::uint64_t process_at = 0;  ///< where in the sorted file they begin
  std::uint64_t units_at = 0;    ///< which word is that of the first process
  std::uint64_t event_at = 0;
  bool is_planned = false;  ///< it has its place
  std::uint32_t job = 0;    ///< of the sorted file
  /// Which of its parts the job's header stands before, if any.
  enum class Lead : std::uint8_t { kNone, kProcesses, kEvents };
  Lead lead = Lead::kNone;

  static constexpr std::size_t kNone = SIZE_MAX;
  [[nodiscard]] bool has_records() const { return processes + events > 0; }
};

struct Uptime {
  std::int64_t start = 0;
  std::int64_t stop = 0;
  std::unordered_map<std::uint64_t, std::size_t> jobs;  ///< first segments
  std::vector<std::size_t> without_jid;
};

/// What record is looked for a place.
struct Wanted {
  Kind kind;
  std::uint64_t jid;
  std::int64_t btime;
  std::int64_t etime = 0;  ///< of an end of job only
  std::int64_t stime = 0;  ///< the start that it tells of
};

class Segments {
 public:
  explicit Segments(bool ignores_bad) : ignores_bad_(ignores_bad) {}

  /// The segment that a record belongs to; kNone: to none, and `said` tells
  /// why. Gives up where that may not be ignored.
  Outcome<std::size_t> place(const Wanted& wanted, std::size_t uptime,
                             std::string& said);

  /// Has a record told of the jid in this uptime?
  [[nodiscard]] bool knows(std::size_t uptime, std::uint64_t jid) const {
    return uptime < uptimes_.size() && uptimes_[uptime].jobs.contains(jid);
  }

  /// The first segment of a jid; made if there is none.
  std::size_t head_of(std::size_t uptime, std::uint64_t jid);

  [[nodiscard]] std::size_t size() const { return segments_.size(); }
  [[nodiscard]] Segment& at(std::size_t index) { return segments_[index]; }
  [[nodiscard]] const Segment& at(std::size_t index) const {
    return segments_[index];
  }
  [[nodiscard]] std::vector<Uptime>& uptimes() { return uptimes_; }
  [[nodiscard]] const std::vector<Uptime>& uptimes() const { return uptimes_; }
  /// Of an uptime that there is not, 0.
  [[nodiscard]] std::int64_t stop_of(std::size_t uptime) const {
    return uptime < uptimes_.size() ? uptimes_[uptime].stop : 0;
  }

 private:
  std::size_t make(std::uint64_t jid);
  std::size_t last_of(std::size_t head) const;
  std::size_t place_process(const Wanted& wanted, std::size_t head,
                            std::string& said);
  std::size_t place_other(const Wanted& wanted, std::size_t head);

  bool ignores_bad_;
  std::deque<Segment> segments_;  ///< growing it copies nothing
  std::vector<Uptime> uptimes_;
};

}  // namespace accounting::build
