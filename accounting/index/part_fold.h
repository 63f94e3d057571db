// SPDX-License-Identifier: Apache-2.0
// Groups of one accounting file to the parts that the index keeps of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accounting/csa_group.h"
#include "accounting/index/index_rows.h"
#include "accounting/use_part.h"

namespace accounting::index {

class PartFold {
 public:
  /// `node`: that writes what comes first; empty: not known. `lost`: how many
  /// records the file says before it are lost.
  PartFold(std::string node, std::uint64_t lost)
      : node_(std::move(node)), lost_(lost) {}

  void add(const Group& group);
  [[nodiscard]] const std::string& node() const { return node_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

  /// What was gathered since the last time: those of jobs that have no end yet
  /// too, whose next parts are others.
  struct Parts {
    std::vector<JobBunch> jobs;
    std::vector<CommandPart> commands;
    std::vector<PlaceRow> places;
  };
  [[nodiscard]] Parts take();

 private:
  JobPart& open_job(std::uint64_t jid);
  void add_to_command(const RecordView& view);
  void pack(const JobPart& job);

  std::string node_;
  std::uint64_t lost_;
  std::vector<JobBunch> packed_;  ///< that have an end
  std::unordered_map<std::uint64_t, JobPart> open_;
  std::map<std::tuple<std::string, std::uint64_t, std::int64_t>, CommandPart>
      commands_;                              ///< by name, time and user
  std::map<std::uint64_t, PlaceRow> places_;  ///< by jid
};

}  // namespace accounting::index
