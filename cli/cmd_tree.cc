// SPDX-License-Identifier: Apache-2.0
// corral tree: jobs with their processes.
#include <unistd.h>

#include <algorithm>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_list.h"
#include "cli/job_text.h"
#include "cli/output.h"
#include "cli/process_tree.h"
#include "cli/terminal_text.h"
#include "core/job_sentence.h"

namespace cli {
namespace {

std::string title_of(const core::JobView& job, const Screen& screen) {
  std::string title =
      coloured(screen, Colour::kStrong, core::display(job.jid).view());
  if (!job.name.empty()) title += " '" + printable(job.name) + "'";
  title += " " + user_name(job.owner) + " " + std::string(state_word(job));
  if (job.state == core::JobState::kEnded)
    title += ": " + printable(core::sentence_of(job).view());
  return title + "\n";
}

int print_jobs(bus::Client& client, const std::vector<core::JobView>& jobs) {
  const Screen screen = screen_of(STDOUT_FILENO);
  for (const core::JobView& job : jobs) {
    print(title_of(job, screen));
    if (job.state == core::JobState::kEnded) continue;
    const auto processes = client.processes(job.jid);
    print(processes ? process_tree(*processes, screen)
                    : "  (" + processes.error().text + ")\n");
  }
  return kSuccess;
}

int print_json(bus::Client& client, const std::vector<core::JobView>& jobs) {
  std::vector<JobWithProcesses> trees;
  for (const core::JobView& job : jobs) {
    auto processes = client.processes(job.jid);
    trees.push_back({.job = job, .processes = std::nullopt});
    if (processes) trees.back().processes = std::move(*processes);
  }
  print(trees_json(trees));
  return kSuccess;
}

}  // namespace

int show_tree(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  const auto jobs = arguments.operands().empty()
                        ? all_jobs(*client, {})
                        : named_jobs(*client, arguments.operands());
  if (!jobs) return complain(jobs.error());
  return arguments.has("json") ? print_json(*client, *jobs)
                               : print_jobs(*client, *jobs);
}

}  // namespace cli
