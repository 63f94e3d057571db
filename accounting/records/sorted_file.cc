// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/sorted_file.h"

#include <cstdint>
#include <cstring>

namespace accounting {

namespace {

const csa::JobHeader::Group& group_of(const csa::JobHeader& job,
                                      SortedFile::Part part) {
  if (part == SortedFile::Part::kProcesses) return job.processes;
  return part == SortedFile::Part::kEvents ? job.events : job.workload;
}

}  // namespace

template <class Record>
bool SortedFile::read(std::uint64_t at, csa::RecordType type, Record& record) {
  reader_.seek(at);
  Entry entry;
  if (reader_.next(entry) != ReadStatus::kEntry) return false;
  if (entry.size < sizeof record || entry.type() != type) return false;
  std::memcpy(&record, entry.prime, sizeof record);
  return true;
}

bool SortedFile::next_boot(csa::Configuration& boot) {
  if (!read(next_boot_, csa::RecordType::kConfiguration, boot)) return false;
  next_job_ = next_boot_ + sizeof boot;
  const auto length = static_cast<std::uint64_t>(boot.uptimelen);
  boot_end_ = std::min(reader_.size(), next_job_ + length);
  if (boot_end_ < next_job_) boot_end_ = next_job_;
  next_boot_ = boot_end_;
  return true;
}

bool SortedFile::next_job(csa::JobHeader& job) {
  if (next_job_ >= boot_end_ ||
      !read(next_job_, csa::RecordType::kJobHeader, job))
    return false;
  // A number below zero is as wrong as one that is too large, and is found out
  // as that is: by whoever looks for the records.
  for (csa::JobHeader::Group* const group :
       {&job.processes, &job.events, &job.workload})
    if (group->count < 0) group->count = INT32_MAX;
  job_begin_ = next_job_ + sizeof job;
  const auto length = static_cast<std::uint64_t>(job.length);
  next_job_ = job_begin_ + (job.length > 0 ? length : 0);
  return true;
}

void SortedFile::go_to(const csa::JobHeader& job, Part part) {
  const std::int64_t start = group_of(job, part).start;
  const bool is_within = start >= 0 && start <= job.length;
  reader_.seek(is_within ? job_begin_ + static_cast<std::uint64_t>(start)
                         : reader_.size());
}

std::int32_t SortedFile::count(const csa::JobHeader& job, Part part) {
  return group_of(job, part).count;
}

}  // namespace accounting
