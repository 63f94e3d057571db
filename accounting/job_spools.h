// SPDX-License-Identifier: Apache-2.0
// The jobs that have a file of their own (ja(1)), as the scribe knows them: who
// is fed which records.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "accounting/csa_encode.h"
#include "accounting/job_spool.h"
#include "sys/unique_fd.h"

namespace accounting {

class JobSpools {
 public:
  /// Feeds that memory from now on, instead of another one of the job's.
  /// Errors: those of JobSpool::open().
  [[nodiscard]] core::Result<void> begin(std::uint64_t jid,
                                         const sys::UniqueFd& memory);
  void end(std::uint64_t jid) { spools_.erase(jid); }
  [[nodiscard]] bool is_empty() const { return spools_.empty(); }
  [[nodiscard]] bool has(std::uint64_t jid) const {
    return spools_.contains(jid);
  }

  /// A record of a job, of every kind and above no threshold: it goes to that
  /// job's spool, if it has one.
  void feed(std::span<const std::byte> append);
  /// A bare record.
  void put(std::uint64_t jid, std::span<const std::byte> record);

  /// Records that were put, since it was made.
  [[nodiscard]] std::uint64_t fed() const { return fed_; }

 private:
  std::map<std::uint64_t, JobSpool> spools_;
  std::uint64_t fed_ = 0;
};

}  // namespace accounting
