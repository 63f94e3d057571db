// SPDX-License-Identifier: Apache-2.0
// A user's own file of a job's records (ja(1)): a process that takes them out
// of the job's spool and appends them, as that user, so that his quota counts
// and nobody but his job waits for his file system.
//
// Invariants:
//  - Each record is in the file once, whoever is killed: before it is written
//    its place is noted in the spool; the next process looks there first, when
//    the one before it has ended.
//  - A record is written by one write(2). What a full disk cut short is taken
//    back, and tried again with a growing pause.
//  - A file that has no name left is written no longer.
#pragma once

#include <cstdint>

#include "accounting/job_spool.h"
#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting {

inline constexpr std::uint32_t kJobFileMagic = 0x3141464AU;  // "JFA1"

enum class JobFileOrder : std::uint32_t {
  kBegin = 1,  ///< with two descriptors: spool, file; as `uid` and `gid`
  kLook = 2,   ///< there may be something
  kDrain = 3,  ///< as kLook, answered when it was tried
};

struct JobFileRequest {
  std::uint32_t magic = kJobFileMagic;
  JobFileOrder order = JobFileOrder::kLook;
  std::uint64_t number = 0;  ///< of kDrain
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct JobFileReply {
  std::uint32_t magic = kJobFileMagic;
  std::int32_t code = 0;  ///< errno of the last try; 0: all is written
  std::uint64_t number = 0;
  std::uint64_t dropped = 0;  ///< records that found no room in the spool
};
static_assert(sizeof(JobFileRequest) == 24 && sizeof(JobFileReply) == 24);

class JobFile {
 public:
  JobFile(JobSpool spool, sys::UniqueFd file)
      : spool_(std::move(spool)), file_(std::move(file)) {}

  /// Writes all that is there. Errors: those of write(2); ENOENT: the file has
  /// no name left.
  [[nodiscard]] core::Result<void> drain();
  [[nodiscard]] std::uint64_t dropped() const { return spool_.dropped(); }

 private:
  [[nodiscard]] core::Result<bool> is_written(
      std::span<const std::byte> record);

  JobSpool spool_;
  sys::UniqueFd file_;
  bool was_checked_ = false;
};

/// The process's whole life on `socket` (borrowed): until its peer closes it.
/// Returns the exit code.
int run_job_file(int socket);

}  // namespace accounting
