// SPDX-License-Identifier: Apache-2.0
// corral tree: jobs with their processes, and the jobs that are nested in them.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

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

/// A job that is to be shown, and how deep it is nested in those before it.
struct Shown {
  core::JobView job;
  std::size_t depth = 0;
};

bool is_among(core::JobId jid, const std::vector<core::JobView>& jobs) {
  return std::ranges::find(jobs, jid, &core::JobView::jid) != jobs.end();
}

/// Jobs, and behind each the living ones that are nested in it.
class Nesting {
 public:
  explicit Nesting(const std::vector<core::JobView>& living) {
    for (const core::JobView& job : living)
      nested_[job.parent].push_back(&job);
  }

  /// Those of them that are nested in another of them stand behind that one.
  [[nodiscard]] std::vector<Shown> below(
      const std::vector<core::JobView>& jobs) const {
    std::vector<Shown> shown;
    for (const core::JobView& job : jobs)
      if (!is_among(job.parent, jobs)) add(job, 0, shown);
    return shown;
  }

 private:
  // A parent is older than what is nested in it: there is no circle.
  // NOLINTNEXTLINE(misc-no-recursion)
  void add(const core::JobView& job, std::size_t depth,
           std::vector<Shown>& to) const {
    to.push_back({.job = job, .depth = depth});
    const auto found = nested_.find(job.jid);
    if (found == nested_.end()) return;
    for (const core::JobView* const nested : found->second)
      add(*nested, depth + 1, to);
  }

  std::map<core::JobId, std::vector<const core::JobView*>> nested_;
};

using Processes = core::Answer<std::vector<core::ProcessView>>;

/// Of each job. Who does not answer at all is not asked again.
core::Answer<std::vector<Processes>> all_processes(
    bus::Client& client, const std::vector<Shown>& jobs) {
  std::vector<Processes> all;
  all.reserve(jobs.size());
  for (const auto& [job, depth] : jobs) {
    all.push_back(client.processes(job.jid));
    if (client.is_silent()) return std::unexpected(all.back().error());
  }
  return all;
}

/// The processes of each job but those of jobs that are nested in it: those are
/// shown there.
std::vector<Processes> own_processes(std::vector<Processes> all,
                                     const std::vector<Shown>& jobs) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!all[i]) continue;
    std::set<core::Pid> elsewhere;
    for (std::size_t j = i + 1;
         j < jobs.size() && jobs[j].depth > jobs[i].depth; ++j)
      if (all[j])
        for (const core::ProcessView& process : *all[j])
          elsewhere.insert(process.pid);
    std::erase_if(*all[i], [&](const core::ProcessView& process) {
      return elsewhere.contains(process.pid);
    });
  }
  return all;
}

int print_jobs(const std::vector<Shown>& jobs, std::vector<Processes> all) {
  const Screen screen = screen_of(STDOUT_FILENO);
  const std::vector<Processes> processes = own_processes(std::move(all), jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto& [job, depth] = jobs[i];
    const std::string indent(2 * depth, ' ');
    print(indent + title_of(job, screen));
    if (job.state == core::JobState::kEnded) continue;
    print(processes[i] ? process_tree(*processes[i], screen, indent + "  ")
                       : indent + "  (" + processes[i].error().text + ")\n");
  }
  return kSuccess;
}

int print_json(const std::vector<Shown>& jobs, std::vector<Processes> all) {
  std::vector<JobWithProcesses> trees;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    trees.push_back({.job = jobs[i].job, .processes = std::nullopt});
    if (all[i]) trees.back().processes = *std::move(all[i]);
  }
  print(trees_json(trees));
  return kSuccess;
}

}  // namespace

int show_tree(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  const auto living = all_jobs(*client, {});
  if (!living) return complain(living.error());
  const auto named = arguments.operands().empty()
                         ? living
                         : named_jobs(*client, arguments.operands());
  if (!named) return complain(named.error());
  const std::vector<Shown> jobs = Nesting(*living).below(*named);
  auto processes = all_processes(*client, jobs);
  if (!processes) return complain(processes.error());
  return arguments.has("json") ? print_json(jobs, *std::move(processes))
                               : print_jobs(jobs, *std::move(processes));
}

}  // namespace cli
