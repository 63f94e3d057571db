// SPDX-License-Identifier: Apache-2.0
// corral kill: ends jobs by their kill plans, or sends them one signal.
#include <unistd.h>

#include <algorithm>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_list.h"
#include "cli/job_selection.h"
#include "cli/output.h"
#include "cli/silent_reaper.h"
#include "cli/value_types.h"
#include "core/array_range.h"
#include "core/try.h"
#include "sys/urgency.h"

namespace cli {
namespace {

core::Answer<void> send_signal(bus::Client& client, core::JobId jid,
                               const Arguments& arguments) {
  const core::SignalNumber signal =
      *parse_signal_or_none(*arguments.value("signal"));
  if (const auto group = arguments.value("group"))
    return client.signal_group(jid, TRY(parse_pid(*group)), signal);
  return client.signal(jid, signal,
                       arguments.has("main") ? core::SignalTarget::kMain
                                             : core::SignalTarget::kAll);
}

void tell(const Arguments& arguments, core::JobId jid,
          std::optional<bool> is_ended) {
  if (!arguments.has("json")) return;
  const auto name = arguments.value("signal");
  print(killed_json(jid, name ? parse_signal_or_none(*name) : std::nullopt,
                    is_ended));
}

core::KillPlanChange change_of(const Arguments& arguments) {
  core::KillPlanChange change;
  if (const auto grace = arguments.value("grace"))
    change.grace = *parse_duration(*grace);
  return change;
}

/// A member of an array that is no job yet. Nothing: `word` is no such.
std::optional<core::Answer<void>> end_unmade(bus::Client& client,
                                             std::string_view word,
                                             const Arguments& arguments) {
  const auto member = core::parse_member_word(word);
  if (!member) return std::nullopt;
  const auto array = select_job(client, member->array);
  if (!array) return std::nullopt;
  return client.end_member(*array, member->index, change_of(arguments));
}

/// Waits for the end of a job that was told to end. A stopped reaper does not
/// tell it: then it is not waited for.
core::Answer<void> await_end(bus::Client& client, core::JobId jid,
                             Which which) {
  // To look more often would be of no use.
  const auto patience = std::max(first_answer_within(), core::seconds(1));
  while (!TRY(client.wait_for(jid, patience))) {
    const auto instance = find_running(which);
    const auto words =
        instance ? silent_reaper(instance->socket) : std::nullopt;
    if (!words) continue;
    return refuse(
        core::Refusal::kUnavailable,
        core::job_text(jid) +
            " was told to end; whether it has is not known: " + *words);
  }
  return {};
}

core::JobFilter selection_of(const Arguments& arguments) {
  core::JobFilter filter;
  filter.project = arguments.value("project").value_or("");
  filter.account = arguments.value("account").value_or("");
  const auto tags = arguments.values("tag");
  filter.tags.assign(tags.begin(), tags.end());
  if (::geteuid() != 0) filter.owner = core::Uid(::geteuid());
  return filter;
}

/// What is to be killed, as words that name jobs; or the exit code of the
/// complaint.
std::expected<std::vector<std::string>, int> words_of(
    bus::Client& client, const Arguments& arguments) {
  const bool selects = arguments.has("project") || arguments.has("account") ||
                       arguments.has("tag");
  const auto& named = arguments.operands();
  if (selects != named.empty())
    return std::unexpected(complain(
        selects ? "jobs are named or selected, not both: '" + named.front() +
                      "' is one word too many"
                : std::string("a JOB is missing: name it by its jid or its "
                              "name, or select jobs by '--project', "
                              "'--account' or '--tag'"),
        kMisused));
  if (!selects) return named;
  const auto jobs = all_jobs(client, selection_of(arguments));
  if (!jobs) return std::unexpected(complain(jobs.error()));
  if (jobs->empty())
    return std::unexpected(
        complain("no job that lives is what was selected", kSuccess));
  std::vector<std::string> words;
  for (const core::JobView& job : *jobs)
    words.emplace_back(core::display(job.jid).view());
  return words;
}

}  // namespace

int kill_jobs(const Arguments& arguments) {
  sys::become_urgent();  // the job may leave no processor to us
  const Which which = which_instance(arguments);
  auto client = connect(which);
  if (!client) return complain(client.error());
  const auto words = words_of(*client, arguments);
  if (!words) return words.error();
  const bool is_signal = arguments.has("signal");
  int code = kSuccess;
  std::vector<core::JobId> ending;
  // All are asked before any is waited for: their graces run side by side.
  for (const std::string& word : *words) {
    const auto jid = select_job(*client, word);
    core::Answer<void> done;
    if (!jid) {
      const auto unmade =
          is_signal ? std::nullopt : end_unmade(*client, word, arguments);
      done = unmade.value_or(std::unexpected(jid.error()));
      if (!done) code = complain(done.error());
      continue;
    }
    if (is_signal)
      done = send_signal(*client, *jid, arguments);
    else
      done = client->end(*jid, change_of(arguments));
    if (!done)
      code = complain(done.error());
    else if (!is_signal && !arguments.has("no-wait"))
      ending.push_back(*jid);
    else
      tell(arguments, *jid, std::nullopt);
  }
  for (const core::JobId jid : ending) {
    const auto ended = await_end(*client, jid, which);
    if (!ended) code = complain(ended.error());
    tell(arguments, jid, ended.has_value());
  }
  return code;
}

}  // namespace cli
