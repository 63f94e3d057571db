// SPDX-License-Identifier: Apache-2.0
// How many processes of each job a collector has counted, in the memory behind
// its control words (accounting/taskstats_packets.h): so the next one goes on
// with the number and does not begin at 0.
//
// Invariant: a row is of the job that it names, or free (jid 0). A job without
// a row, as there was no room, is counted all the same, but by this collector
// alone.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "accounting/taskstats_packets.h"
#include "sys/bpf_map.h"
#include "sys/file_size.h"
#include "sys/unique_fd.h"

namespace collect {

class KeptCounts {
 public:
  using Row = accounting::KeptCount;

  /// Memory that is too small, of a version before, has no rows.
  void open(const sys::UniqueFd& control) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto size = sys::size_of(control.get());
    if (!size || *size < page + accounting::kKeptCountsSize) return;
    auto memory =
        sys::MappedRange::map(control.get(), page, accounting::kKeptCountsSize,
                              PROT_READ | PROT_WRITE);
    if (!memory) return;
    memory_ = *std::move(memory);
    auto* const words = static_cast<std::uint64_t*>(memory_.get());
    used_ = words;
    rows_ = std::span(reinterpret_cast<Row*>(words + 1), accounting::kKeptRows);
    if (*used_ > rows_.size()) *used_ = 0;
    for (std::size_t i = 0; i < *used_; ++i)
      if (rows_[i].jid != 0)
        places_[rows_[i].jid] = i;
      else
        free_.push_back(i);
  }

  /// The job's row, with what was counted before. Null: there is no room.
  [[nodiscard]] Row* row_of(std::uint64_t jid) {
    if (const auto at = places_.find(jid); at != places_.end())
      return &rows_[at->second];
    if (free_.empty()) {
      if (used_ == nullptr || *used_ == rows_.size()) return nullptr;
      free_.push_back(static_cast<std::size_t>((*used_)++));
    }
    const std::size_t i = free_.back();
    free_.pop_back();
    places_[jid] = i;
    rows_[i] = {.jid = jid, .exits = 0, .lost = 0};
    return &rows_[i];
  }

  void forget(std::uint64_t jid) {
    const auto at = places_.find(jid);
    if (at == places_.end()) return;
    rows_[at->second].jid = 0;
    free_.push_back(at->second);
    places_.erase(at);
  }

 private:
  sys::MappedRange memory_;
  std::uint64_t* used_ = nullptr;  ///< rows from the first on
  std::span<Row> rows_;
  std::map<std::uint64_t, std::size_t> places_;  ///< of jids
  std::vector<std::size_t> free_;
};

}  // namespace collect
