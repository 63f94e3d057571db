// SPDX-License-Identifier: Apache-2.0
// Batch requests: the records that schedulers wrote about each are made into
// one consolidated record for each of its runs. The rules are those of the
// published csabuild.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "accounting/csa_layout.h"

namespace accounting {

/// The jid of a request that no job was begun for.
inline constexpr std::uint64_t kNoJid = static_cast<std::uint64_t>(-3);
/// What consolidated records say of a run whose begin or end is not known.
inline constexpr std::int16_t kNoInit = -1;
inline constexpr std::int16_t kNoTerm = -2;

/// Where a record was found, for messages, and in which uptime.
struct RecordPlace {
  std::size_t uptime = 0;
  int file = 0;
  std::uint64_t offset = 0;
};

struct RequestRun {
  RecordPlace place;  ///< of the first record about it
  csa::Workload record = {};
};

struct BatchRequest {
  std::int64_t reqid = 0;
  std::int32_t arrayid = 0;
  std::int16_t last_type = -1;
  std::vector<RequestRun> runs;
  std::vector<RequestRun> spools;  ///< of its output
};

class RequestRuns {
 public:
  /// Takes a record that a scheduler wrote. Information records are not about
  /// a request.
  void add(const csa::Workload& record, const RecordPlace& place);

  /// In the order in which they were first told of.
  [[nodiscard]] std::vector<BatchRequest>& requests() { return requests_; }
  [[nodiscard]] const std::vector<BatchRequest>& requests() const {
    return requests_;
  }

 private:
  BatchRequest& find_or_make(const csa::Workload& record, bool& is_new);
  static RequestRun& add_run(std::vector<RequestRun>& runs,
                             const RecordPlace& place);
  void add_received(const csa::Workload& record, const RecordPlace& place);
  void add_begun(const csa::Workload& record, const RecordPlace& place);
  void add_ended(const csa::Workload& record, const RecordPlace& place);
  void add_spooled(const csa::Workload& record, const RecordPlace& place);
  void add_recycled(const csa::Workload& record, const RecordPlace& place);

  std::vector<BatchRequest> requests_;
  std::map<std::pair<std::int64_t, std::int32_t>, std::size_t> by_key_;
};

}  // namespace accounting
