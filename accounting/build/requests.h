// SPDX-License-Identifier: Apache-2.0
// Batch requests of a sorted file: the runs of each get their segments, and the
// jobs of one request are made one job. The rules are those of the published
// csabuild.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "accounting/build/segments.h"
#include "accounting/csa_layout.h"
#include "accounting/request_runs.h"
#include "accounting/text/console.h"

namespace accounting::build {

class Requests {
 public:
  /// As RequestRuns::add().
  void add(const csa::Workload& record, const RecordPlace& place) {
    runs_.add(record, place);
  }

  /// Gives each consolidated record to the segment that it belongs to. `pacct`
  /// is the files' name without number. Gives up if a job has two requests.
  Outcome<void> attach(Segments& segments, const std::string& pacct,
                       std::string& said);

  /// Makes the jobs of one request one.
  Outcome<void> condense(Segments& segments);

  /// An uptime was put before all others.
  void shift_uptimes();

 private:
  /// A run that was attached, by its key; `more`: how many others have it.
  struct Track {
    std::int64_t reqid = 0;
    std::int64_t arrayid = 0;
    std::size_t uptime = 0;
    std::uint64_t jid = 0;
    int more = 0;
  };

  Outcome<void> attach_run(const RequestRun& run, Segments& segments,
                           const std::string& pacct, std::string& said);
  void track(const csa::Workload& record, std::size_t uptime);
  [[nodiscard]] std::vector<Track> tracks_to_join() const;
  static Outcome<std::size_t> segment_of(const Track& track,
                                         Segments& segments);
  static void join_uses(const Track& track, std::size_t first,
                        Segments& segments);

  RequestRuns runs_;
  std::vector<Track> tracks_;  ///< the newest last
  std::map<std::tuple<std::int64_t, std::int64_t, std::size_t, std::uint64_t>,
           std::size_t>
      track_by_key_;
};

}  // namespace accounting::build
