// SPDX-License-Identifier: Apache-2.0
#include "cli/job_list.h"

#include <iterator>

#include "core/try.h"

namespace cli {

core::Answer<std::vector<core::JobView>> all_jobs(
    bus::Client& client, const core::JobFilter& filter) {
  std::vector<core::JobView> jobs;
  core::JobId after;
  while (true) {
    core::JobPage page = TRY(client.list(filter, after));
    std::move(page.jobs.begin(), page.jobs.end(), std::back_inserter(jobs));
    if (!page.has_more || page.jobs.empty()) return jobs;
    after = jobs.back().jid;
  }
}

core::Answer<std::vector<core::JobView>> named_jobs(
    bus::Client& client, const std::vector<std::string>& words,
    core::Answer<core::JobId> (*select)(bus::Client&, std::string_view)) {
  std::vector<core::JobView> jobs;
  for (const std::string& word : words) {
    const core::JobId jid = TRY(select(client, word));
    jobs.push_back(TRY(client.show(jid)));
  }
  return jobs;
}

}  // namespace cli
