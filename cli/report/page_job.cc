// SPDX-License-Identifier: Apache-2.0
// One job on a page: its facts, what it asked for, and its processes as a tree
// along a line of time.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/job_text.h"
#include "cli/report/efficiency.h"
#include "cli/report/job_counters.h"
#include "cli/report/job_report_text.h"
#include "cli/report/page.h"
#include "core/ids.h"

namespace cli::page {

namespace {

using accounting::JobFacts;
using accounting::JobProcess;
using Count = JobFacts::Count;

constexpr std::size_t kMostLanes = 400;
constexpr std::string_view kDash = "\u2013";

std::string fact(std::string_view name, std::string_view value) {
  if (value.empty()) return {};
  return "<div><dt>" + html_text(name) + "</dt><dd>" + html_text(value) +
         "</dd></div>";
}

std::string time_of(const Count& us) {
  return us ? short_time(core::Microseconds(*us)) : std::string();
}

std::string cell(std::string_view text, std::string_view kind = "n") {
  return "<td class=\"" + std::string(kind) + "\">" +
         html_text(text.empty() ? kDash : text) + "</td>";
}

/// From the first start to the last end that is known.
struct Span {
  std::uint64_t begin = UINT64_MAX;
  std::uint64_t end = 0;

  [[nodiscard]] double place(std::uint64_t time) const {
    return static_cast<double>(std::clamp(time, begin, end) - begin) /
           static_cast<double>(end - begin);
  }
};

Span span_of(const JobFacts& job) {
  Span span;
  const auto widen = [&span](const Count& time) {
    if (!time) return;
    span.begin = std::min(span.begin, *time);
    span.end = std::max(span.end, *time);
  };
  for (const JobProcess& process : job.processes) {
    widen(process.started_us);
    widen(process.ended_us);
  }
  if (span.end <= span.begin) span.end = span.begin + 1;
  return span;
}

/// Those that ran longest, in the order of the tree.
std::vector<const JobProcess*> shown_processes(const JobFacts& job) {
  std::vector<const JobProcess*> all;
  for (const JobProcess& process : job.processes)
    all.push_back(&process);
  if (all.size() <= kMostLanes) return all;
  std::vector<const JobProcess*> longest = all;
  std::ranges::nth_element(
      longest, longest.begin() + kMostLanes, std::greater<>(),
      [](const JobProcess* process) { return process->wall_us.value_or(0); });
  longest.resize(kMostLanes);
  std::ranges::sort(longest);  // one array: the order of the tree
  return longest;
}

std::string_view kind_of(const JobProcess& process) {
  if (process.signal) return "kill";
  return process.exit_code.value_or(0) != 0 ? "fail" : "exit";
}

/// Where it is on the line, and inside how much of it the processor had it.
std::string lane(const JobProcess& process, const Span& span) {
  if (!process.started_us || !process.ended_us) return {};
  const double begin = span.place(*process.started_us);
  const double length = span.place(*process.ended_us) - begin;
  double busy = 0;
  if (process.user_us && process.system_us && process.wall_us.value_or(0) > 0)
    busy = static_cast<double>(*process.user_us + *process.system_us) /
           static_cast<double>(*process.wall_us);
  return "<span class=\"bar " + std::string(kind_of(process)) +
         "\" style=\"left:" + percent(begin) + ";width:" + percent(length) +
         "\"><i style=\"width:" + percent(busy) + "\"></i></span>";
}

std::string row_of(const JobProcess& process, const Span& span) {
  constexpr std::size_t kDeepest = 24;
  const std::size_t depth = std::min(process.depth, kDeepest);
  const std::string name = process.name.empty() ? "?" : process.name;
  Count cpu;
  if (process.user_us && process.system_us)
    cpu = *process.user_us + *process.system_us;
  const std::string mark = process.is_inclusive && cpu ? " *" : "";
  return "<tr><td class=\"name mono\" style=\"padding-left:" +
         std::to_string(4 + depth * 14) + "px\" title=\"" +
         html_text(name + (process.pid ? ", pid " + std::to_string(*process.pid)
                                       : std::string())) +
         "\">" + html_text(name) + "</td><td><span class=\"track\">" +
         lane(process, span) + "</span></td>" + cell(time_of(process.wall_us)) +
         cell(cpu ? time_of(cpu) + mark : std::string()) +
         cell(process.memory_bytes
                  ? short_size(core::Bytes(*process.memory_bytes))
                  : std::string(),
              "n opt") +
         cell(outcome_of(process), "opt") + "</tr>\n";
}

std::string timeline(const JobFacts& job) {
  if (job.processes.empty()) return {};
  const Span span = span_of(job);
  const auto shown = shown_processes(job);
  std::string html =
      "<ul class=\"legend\"><li><i style=\"background:var(--ok)\"></i>exit 0"
      "</li><li><i style=\"background:var(--fail)\"></i>other exit</li><li><i "
      "style=\"background:var(--kill)\"></i>signal</li><li>the strong part: "
      "on a processor</li></ul>\n"
      "<div class=\"scroll\"><table class=\"lanes\"><thead><tr><th>Process"
      "</th><th class=\"wide\">" +
      html_text(date_of(core::RealTime(span.begin)) + ", for " +
                short_time(core::Microseconds(span.end - span.begin))) +
      "</th><th class=\"n\">Elapsed</th><th class=\"n\">Processor</th><th "
      "class=\"n opt\">Memory</th><th class=\"opt\">End</th></tr></thead>"
      "<tbody>\n";
  for (const JobProcess* process : shown)
    html += row_of(*process, span);
  html += "</tbody></table></div>";
  if (shown.size() < job.processes.size())
    html += "<p>The " + std::to_string(shown.size()) + " that ran longest; " +
            std::to_string(job.processes.size() - shown.size()) +
            " more are in <span class=\"mono\">corral report " +
            core::display(core::JobId(job.jid)).c_str() + "</span>.</p>";
  if (std::ranges::any_of(job.processes, &JobProcess::is_inclusive))
    html += "<p>*: with the children that it waited for</p>";
  return html;
}

std::string asked(const JobFacts& job) {
  if (job.asked.empty()) return {};
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th>Limit</th><th "
      "class=\"wide\">Used of what was asked</th><th class=\"n\"></th><th "
      "class=\"n\">Used</th><th class=\"n\">Asked</th></tr></thead><tbody>\n";
  for (const AskedUse& use : asked_uses(job))
    html += "<tr><td>" + std::string(core::name_of(use.asked.kind)) +
            "</td><td>" + (use.share ? bar(*use.share) : std::string()) +
            "</td>" + cell(share_text(use)) + cell(used_text(use)) +
            cell(asked_text(use)) + "</tr>\n";
  return html + "</tbody></table></div>\n";
}

/// What was collected.
std::string counters(const JobFacts& job) {
  std::string html;
  for (const auto& [title, text] : counter_rows(job)) {
    std::string name(title);
    name[0] = static_cast<char>(std::toupper(name[0]));
    html += fact(name, text);
  }
  return html;
}

}  // namespace

std::string job(const JobFacts& job, bool is_chosen) {
  const std::string jid = core::display(core::JobId(job.jid)).c_str();
  const std::string name = title_of(job);
  std::string html = "<section><h2>Job " + html_text(jid);
  if (!name.empty()) html += " \u00b7 " + html_text(name);
  html += "</h2><p>" + html_text(result_text(job)) + "." +
          (is_chosen ? " It used the most processor time of all." : "") +
          "</p>\n<dl>";
  html +=
      fact("Owner", job.uid ? user_name(core::Uid(*job.uid)) : "") +
      fact("Node", job.node) +
      fact("Began", job.started_us ? date_of(core::RealTime(*job.started_us))
                                   : std::string()) +
      fact("Elapsed", time_of(job.wall_us)) +
      fact("User time", time_text(job.user_us)) +
      fact("System time", time_text(job.system_us)) +
      fact(
          job.is_memory_of_process ? "Most memory of a process" : "Most memory",
          job.memory_bytes ? short_size(core::Bytes(*job.memory_bytes))
                           : std::string()) +
      fact("Read from disks", size_text(job.storage_read_bytes)) +
      fact("Written to disks", size_text(job.storage_written_bytes)) +
      fact("Processes", std::to_string(job.processes.size())) + counters(job) +
      "</dl>\n";
  for (const std::string& hint : hints_of(job))
    html += "<p class=\"hint\">" + html_text(hint) + "</p>\n";
  return html + asked(job) + timeline(job) + "</section>\n";
}

}  // namespace cli::page
