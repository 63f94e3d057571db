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
  if (!read(place_.next_boot, csa::RecordType::kConfiguration, boot))
    return false;
  place_.next_job = place_.next_boot + sizeof boot;
  const auto length = static_cast<std::uint64_t>(boot.uptimelen);
  place_.boot_end = std::min(reader_.size(), place_.next_job + length);
  if (place_.boot_end < place_.next_job) place_.boot_end = place_.next_job;
  place_.next_boot = place_.boot_end;
  return true;
}

bool SortedFile::next_job(csa::JobHeader& job) {
  if (place_.next_job >= place_.boot_end ||
      !read(place_.next_job, csa::RecordType::kJobHeader, job))
    return false;
  // A number below zero is as wrong as one that is too large, and is found out
  // as that is: by whoever looks for the records.
  for (csa::JobHeader::Group* const group :
       {&job.processes, &job.events, &job.workload})
    if (group->count < 0) group->count = INT32_MAX;
  job_begin_ = place_.next_job + sizeof job;
  const auto length = static_cast<std::uint64_t>(job.length);
  place_.next_job = job_begin_ + (job.length > 0 ? length : 0);
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
