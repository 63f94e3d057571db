// SPDX-License-Identifier: Apache-2.0
#include "accounting/job_spools.h"

#include <utility>

#include "accounting/job_record.h"

namespace accounting {

core::Result<void> JobSpools::begin(std::uint64_t jid,
                                    const sys::UniqueFd& memory) {
  spools_.insert_or_assign(jid, TRY(JobSpool::open(memory.get())));
  return {};
}

void JobSpools::feed(std::span<const std::byte> append) {
  if (spools_.empty()) return;
  RecordBytes scratch;
  const auto record = job_record_of(append, scratch);
  if (!record) return;
  const auto found = spools_.find(record->jid);
  if (found == spools_.end()) return;
  if (!record->bytes.empty() && found->second.put(record->key, record->bytes))
    ++fed_;
  if (record->is_end_of_job) spools_.erase(found);
}

void JobSpools::put(std::uint64_t jid, std::span<const std::byte> record) {
  const auto found = spools_.find(jid);
  if (found != spools_.end() && found->second.put(std::nullopt, record)) ++fed_;
}

}  // namespace accounting
