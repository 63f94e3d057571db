// SPDX-License-Identifier: Apache-2.0
// corral limit: shows the limits of a job, changes them while it runs, and
// explains which ones the site sets.
#include <unistd.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_selection.h"
#include "cli/job_text.h"
#include "cli/limit_explain.h"
#include "cli/limit_notes.h"
#include "cli/output.h"
#include "cli/table_view.h"
#include "cli/terminal_text.h"
#include "cli/value_types.h"
#include "core/limit_terms_text.h"
#include "sys/clock.h"
#include "sys/proc_files.h"

namespace cli {
namespace {

/// The limit counts threads too.
std::uint64_t threads_of(const std::vector<core::ProcessView>& processes) {
  std::uint64_t threads = 0;
  for (const core::ProcessView& process : processes) {
    const auto stat = sys::read_proc_stat(process.pid);
    threads += stat && stat->threads > 1
                   ? static_cast<std::uint64_t>(stat->threads)
                   : 1;
  }
  return threads;
}

/// What the job used of it until now, where that is known.
core::Maybe<std::uint64_t> used_of(bus::Client& client, core::LimitKind kind,
                                   const core::JobView& job) {
  const core::JobTotals& totals = job.totals;
  if (kind == core::LimitKind::kWallTime) {
    const auto age = age_of(job, sys::boot_now());
    if (age) return age->raw();
  }
  if (kind == core::LimitKind::kCpuTime && totals.user_time &&
      totals.system_time)
    return totals.user_time->raw() + totals.system_time->raw();
  if (kind == core::LimitKind::kMemory && totals.memory_peak)
    return totals.memory_peak->raw();
  if ((kind == core::LimitKind::kProcesses ||
       kind == core::LimitKind::kThreads) &&
      !has_ended(job))
    if (const auto processes = client.processes(job.jid))
      return threads_of(*processes);
  return std::nullopt;
}

std::string amount(core::LimitKind kind,
                   const core::Maybe<std::uint64_t>& value, const char* none) {
  if (!value) return none;
  return core::shown_bound(kind, *value);
}

void print_limits(bus::Client& client, const core::JobView& job) {
  TableView table({{.title = "LIMIT"},
                   {.title = "USED", .align = Align::kRight},
                   {.title = "SOFT", .align = Align::kRight},
                   {.title = "BOUND", .align = Align::kRight},
                   {.title = "WHEN OVER"}});
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::LimitTerms terms = core::terms_of(job.limits, job.terms, kind);
    table.add({{.text = core::row_of(kind).word},
               {.text = amount(kind, used_of(client, kind, job), "")},
               {.text = amount(kind, terms.soft, "")},
               {.text = amount(kind, terms.bound, "none")},
               {.text = manner_text(terms)}});
  }
  print(table.render(screen_of(STDOUT_FILENO), TableView::Header::kShown));
}

core::Answer<void> change_limits(bus::Client& client, core::JobId jid,
                                 const Arguments& arguments) {
  // The last one of a name counts.
  std::map<core::LimitKind, core::LimitChange> last;
  for (const std::string& text : arguments.values("limit")) {
    const auto given = parse_limit_changes(text);
    for (const core::LimitChange& change : *given)
      last[change.kind] = change;
  }
  if (last.empty()) return {};
  std::vector<core::LimitChange> changes;
  changes.reserve(last.size());
  for (const auto& [kind, change] : last)
    changes.push_back(change);
  return client.set_limits(jid, changes, arguments.has("accept-less"));
}

/// The options of the other use of the command; empty: none was given.
std::string_view misplaced_option(const Arguments& arguments, bool explains) {
  constexpr std::string_view kOfJobs[] = {"limit", "accept-less", "system",
                                          "private"};
  constexpr std::string_view kOfExplain[] = {"site"};
  const std::span<const std::string_view> others =
      explains ? std::span<const std::string_view>(kOfJobs) : kOfExplain;
  for (const std::string_view option : others)
    if (arguments.has(option)) return option;
  return {};
}

}  // namespace

int limit_job(const Arguments& arguments) {
  const auto& operands = arguments.operands();
  const bool explains = operands.front() == "explain";
  const std::string_view misplaced = misplaced_option(arguments, explains);
  if (!misplaced.empty())
    return complain("option '--" + std::string(misplaced) + "' is for " +
                        (explains ? "a job's limits, not for 'explain'"
                                  : "'explain', not for a job's limits"),
                    kMisused);
  if (explains) return explain_limits(arguments);
  if (operands.size() > 1)
    return complain("unexpected argument '" + operands[1] +
                        "'; expected one JOB, or 'explain USER [DOMAIN]'",
                    kMisused);
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  const auto jid = select_job(*client, operands.front());
  if (!jid) return complain(jid.error());
  if (const auto changed = change_limits(*client, *jid, arguments); !changed)
    return complain(changed.error());
  if (arguments.has("accept-less")) tell_not_held(*client, *jid);
  const auto job = client->show(*jid);
  if (!job) return complain(job.error());
  if (arguments.has("json"))
    print(job_json(*job));
  else
    print_limits(*client, *job);
  return kSuccess;
}

}  // namespace cli
