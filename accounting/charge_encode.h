// SPDX-License-Identifier: Apache-2.0
// What a job is charged to, in its records: the project's number where CSA has
// its place (ac_prid), the names in site records of the start. Apart from
// csa_encode.h, which is in the reaper's programs too: those charge nobody.
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

/// acctsoj, the names of job, project and account, a site record.
inline RecordBytes encode(const StartOfJob& start, std::string_view project,
                          std::string_view account) {
  RecordBytes bytes;
  SiteRecord site = detail::begin(bytes, start);
  detail::put_text(bytes, site.head, site.key, SiteText::kProject, project);
  detail::put_text(bytes, site.head, site.key, SiteText::kAccount, account);
  detail::put_last(bytes, site);
  return bytes;
}

}  // namespace accounting
