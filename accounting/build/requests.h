// SPDX-License-Identifier: Apache-2.0
// Batch requests: the records that schedulers wrote about each are made into
// one consolidated record for each of its runs, and the jobs of one request
// into one job. The rules are those of the published csabuild.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "accounting/build/segments.h"
#include "accounting/csa_layout.h"
#include "accounting/text/console.h"

namespace accounting::build {

class Requests {
 public:
  /// Where a record was found, for messages, and in which uptime.
  struct Place {
    std::size_t uptime = 0;
    int file = 0;
    std::uint64_t offset = 0;
  };

  /// Takes a record that a scheduler wrote. Information records are not about
  /// a request.
  void add(const csa::Workload& record, const Place& place);

  /// Gives each consolidated record to the segment that it belongs to. `pacct`
  /// is the files' name without number. Gives up if a job has two requests.
  Outcome<void> attach(Segments& segments, const std::string& pacct,
                       std::string& said);

  /// Makes the jobs of one request one.
  Outcome<void> condense(Segments& segments);

  /// An uptime was put before all others.
  void shift_uptimes();

 private:
  struct Run {
    Place place;
    csa::Workload record = {};
  };
  struct Request {
    std::int64_t reqid = 0;
    std::int32_t arrayid = 0;
    std::int16_t last_type = -1;
    std::vector<Run> runs;
    std::vector<Run> spools;
  };
  /// A run that was attached, by its key; `more`: how many others have it.
  struct Track {
    std::int64_t reqid = 0;
    std::int64_t arrayid = 0;
    std::size_t uptime = 0;
    std::uint64_t jid = 0;
    int more = 0;
  };

  Request& find_or_make(const csa::Workload& record, bool& is_new);
  static Run& add_run(std::vector<Run>& runs, const Place& place);
  void add_received(const csa::Workload& record, const Place& place);
  void add_begun(const csa::Workload& record, const Place& place);
  void add_ended(const csa::Workload& record, const Place& place);
  void add_spooled(const csa::Workload& record, const Place& place);
  void add_recycled(const csa::Workload& record, const Place& place);
  Outcome<void> attach_run(const Run& run, Segments& segments,
                           const std::string& pacct, std::string& said);
  void track(const csa::Workload& record, std::size_t uptime);
  [[nodiscard]] std::vector<Track> tracks_to_join() const;
  static Outcome<std::size_t> segment_of(const Track& track,
                                         Segments& segments);
  static void join_uses(const Track& track, std::size_t first,
                        Segments& segments);

  std::vector<Request> requests_;
  std::map<std::pair<std::int64_t, std::int32_t>, std::size_t> by_key_;
  std::vector<Track> tracks_;  ///< the newest last
  std::map<std::tuple<std::int64_t, std::int64_t, std::size_t, std::uint64_t>,
           std::size_t>
      track_by_key_;
};

}  // namespace accounting::build
