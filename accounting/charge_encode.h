// SPDX-License-Identifier: Apache-2.0
// What only a supervisor's records say: what a job is charged to (the project's
// number where CSA has its place, ac_prid, the names in site records of the
// start), and which job goes on in it. Apart from csa_encode.h, which is in the
// reaper's programs too: those charge nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "accounting/csa_encode.h"

namespace accounting {

/// Puts the number of the job's project into the bytes of a process's or a
/// job's end; 0: it has none.
inline void charge(RecordBytes& bytes, std::uint64_t project_id) {
  static_assert(offsetof(csa::Csa, prid) == offsetof(csa::EndOfJob, prid));
  if (project_id == 0) return;
  std::memcpy(bytes.data + offsetof(csa::Csa, prid), &project_id,
              sizeof project_id);
  detail::end_append(bytes);
}

/// Makes the acctsoj that `bytes` begin with that of a job which goes on from
/// a checkpoint (AC_ROJ): it began at `began`, and again at the start's time.
inline void restart(RecordBytes& bytes, core::RealTime began) {
  csa::StartOfJob record;
  std::memcpy(&record, bytes.data, sizeof record);
  record.type = static_cast<std::uint8_t>(csa::StartKind::kRestart);
  record.rstime = record.btime;
  record.btime = detail::in_seconds(began);
  std::memcpy(bytes.data, &record, sizeof record);
}

/// acctsoj, the names of job, project and account, a site record. `began`: of
/// the job that goes on in this one.
inline RecordBytes encode(const StartOfJob& start, std::string_view project,
                          std::string_view account,
                          core::Maybe<core::RealTime> began) {
  RecordBytes bytes;
  SiteRecord site = detail::begin(bytes, start);
  if (began) restart(bytes, *began);
  detail::put_text(bytes, site.head, site.key, SiteText::kProject, project);
  detail::put_text(bytes, site.head, site.key, SiteText::kAccount, account);
  detail::put_last(bytes, site);
  return bytes;
}

}  // namespace accounting
