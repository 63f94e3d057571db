// SPDX-License-Identifier: Apache-2.0
// corral ps: jobs, one a line.
#include <unistd.h>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_list.h"
#include "cli/job_selection.h"
#include "cli/job_text.h"
#include "cli/output.h"
#include "cli/table_view.h"
#include "sys/clock.h"

namespace cli {
namespace {

Colour colour_of(const core::JobView& job) {
  if (!has_ended(job)) return Colour::kGood;
  return core::shell_code(job.result) == 0 ? Colour::kFaint : Colour::kBad;
}

/// "running", or how it ended in one word.
std::string state_or_end(const core::JobView& job) {
  if (job.state != core::JobState::kEnded) return std::string(state_word(job));
  std::string word(core::word_of(job.result.reason));
  const bool has_code = job.result.reason == core::Reason::kExited;
  if (has_code)
    word += "(" + std::to_string(core::shell_code(job.result)) + ")";
  return word;
}

using ProcessCount = std::optional<std::size_t>;

/// Of each job; nothing where nobody tells (somebody else's, one that has gone
/// meanwhile). Who does not answer at all is not asked again.
core::Answer<std::vector<ProcessCount>> process_counts(
    bus::Client& client, const std::vector<core::JobView>& jobs) {
  std::vector<ProcessCount> counts;
  for (const core::JobView& job : jobs) {
    if (has_ended(job)) {
      counts.emplace_back(0);
      continue;
    }
    const auto processes = client.processes(job.jid);
    if (client.is_silent()) return std::unexpected(processes.error());
    counts.push_back(processes ? ProcessCount(processes->size())
                               : std::nullopt);
  }
  return counts;
}

std::vector<Cell> row_of(const core::JobView& job, ProcessCount processes,
                         core::BootTime now) {
  const auto age = age_of(job, now);
  const auto cpu = cpu_time_of(job);
  const auto& memory = job.totals.memory_peak;
  return {{.text = std::string(core::display(job.jid).view())},
          {.text = job.name},
          {.text = user_name(job.owner)},
          {.text = state_or_end(job), .colour = colour_of(job)},
          {.text = age ? short_time(*age) : ""},
          {.text = cpu ? short_time(*cpu) : ""},
          {.text = memory ? short_size(*memory) : ""},
          {.text = processes ? std::to_string(*processes) : ""},
          {.text = command_line(job)}};
}

std::string table_of(const std::vector<core::JobView>& jobs,
                     const std::vector<ProcessCount>& counts,
                     TableView::Header header) {
  TableView table({{.title = "JID"},
                   {.title = "NAME"},
                   {.title = "USER"},
                   {.title = "STATE"},
                   {.title = "AGE", .align = Align::kRight},
                   {.title = "CPU", .align = Align::kRight},
                   {.title = "MEM", .align = Align::kRight},
                   {.title = "PROCS", .align = Align::kRight},
                   {.title = "COMMAND"}});
  const core::BootTime now = sys::boot_now();
  for (std::size_t i = 0; i < jobs.size(); ++i)
    table.add(row_of(jobs[i], counts[i], now));
  return table.render(screen_of(STDOUT_FILENO), header);
}

}  // namespace

int list_jobs(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  core::JobFilter filter;
  filter.with_ended = arguments.has("all");
  if (arguments.has("mine")) filter.owner = core::Uid(::geteuid());
  const auto tags = arguments.values("tag");
  filter.tags.assign(tags.begin(), tags.end());
  filter.project = arguments.value("project").value_or("");
  filter.account = arguments.value("account").value_or("");
  if (const auto word = arguments.value("array")) {
    const auto array = select_job(*client, *word);
    if (!array) return complain(array.error());
    const auto view = client->show(*array);
    if (!view) return complain(view.error());
    if (view->kind != core::JobKind::kArray)
      return complain(core::Refused{
          .why = core::Refusal::kInvalid,
          .text = "--array: " + core::job_text(*array) + " is no array"});
    filter.array = *array;
  }
  const auto jobs = all_jobs(*client, filter);
  if (!jobs) return complain(jobs.error());
  const auto counts = process_counts(*client, *jobs);
  if (!counts) return complain(counts.error());
  if (arguments.has("json")) {
    print(counted_json(*jobs, *counts));
    return kSuccess;
  }
  print(table_of(*jobs, *counts,
                 arguments.has("no-header") ? TableView::Header::kHidden
                                            : TableView::Header::kShown));
  return kSuccess;
}

}  // namespace cli
