// SPDX-License-Identifier: Apache-2.0
// The pictures of a page that are about all jobs.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/job_text.h"
#include "cli/report/efficiency.h"
#include "cli/report/page.h"
#include "cli/report/use_text.h"
#include "core/limits.h"

namespace cli::page {

namespace {

using accounting::UseKey;
using accounting::UseRow;
using accounting::UseRows;
using accounting::UseSum;

constexpr std::size_t kMostRows = 12;
constexpr std::string_view kDash = "\u2013";

std::string time_text(std::uint64_t us) {
  return short_time(core::Microseconds(us));
}

std::string cell(std::string_view text) {
  return "<td class=\"n\">" + html_text(text.empty() ? kDash : text) + "</td>";
}

std::string sum_cell(const UseSum& sum, bool is_time) {
  if (!sum.get()) return cell("");
  const std::string text =
      is_time ? time_text(sum.value) : short_size(core::Bytes(sum.value));
  return cell((sum.unknown > 0 ? "\u2265 " : "") + text);
}

std::string section(std::string_view title, std::string_view says) {
  return "<section><h2>" + std::string(title) + "</h2><p>" + std::string(says) +
         "</p>\n";
}

/// A table of rows with a bar each, of their processor time.
std::string table_of(const UseRows& rows, UseKey by, std::string_view heading) {
  const std::uint64_t most =
      rows.empty() ? 0 : std::max<std::uint64_t>(rows[0].cpu_us(), 1);
  std::string html = "<div class=\"scroll\"><table><thead><tr><th>" +
                     std::string(heading) +
                     "</th><th class=\"wide\">Processor time</th><th "
                     "class=\"n\"></th>";
  if (by != UseKey::kCommand) html += "<th class=\"n\">Jobs</th>";
  html +=
      "<th class=\"n\">Processes</th><th class=\"n opt\">Most memory</th>"
      "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) {
    const UseRow row = rows[i];
    const std::string name = shown_name(by, row);
    const std::string shown = html_text(name.empty() ? kDash : name);
    html +=
        "<tr><td class=\"name\" title=\"" + shown + "\">" + shown +
        "</td><td>" +
        bar(static_cast<double>(row.cpu_us()) / static_cast<double>(most)) +
        "</td>" +
        (!row.user_us.get() ? cell("")
                            : cell((row.user_us.unknown > 0 ? "\u2265 " : "") +
                                   time_text(row.cpu_us())));
    if (by != UseKey::kCommand) html += cell(std::to_string(row.jobs));
    html += cell(std::to_string(row.processes));
    std::string memory = sum_cell(row.memory_bytes, false);
    memory.replace(0, std::string_view("<td class=\"n\">").size(),
                   "<td class=\"n opt\">");
    html += memory + "</tr>\n";
  }
  html += "</tbody></table></div>";
  if (rows.size() > kMostRows)
    html += "<p>and " + std::to_string(rows.size() - kMostRows) + " more</p>";
  return html;
}

constexpr double kWidth = 1000;
constexpr double kHeight = 260;
constexpr double kLeft = 64;
constexpr double kBottom = 28;
constexpr double kTop = 12;

std::string number(double value) {
  const auto tenths = static_cast<std::int64_t>(value * 10 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

/// 1, 2 or 5 times a power of ten seconds, or hours and days, of which four
/// reach the top.
std::uint64_t step_of(std::uint64_t most_us) {
  constexpr std::uint64_t kSecond = 1000000;
  for (const std::uint64_t seconds :
       {1U, 2U, 5U, 10U, 30U, 60U, 120U, 300U, 600U, 1800U, 3600U, 7200U,
        21600U, 43200U, 86400U, 172800U, 432000U, 864000U, 2592000U})
    if (seconds * kSecond * 4 >= most_us) return seconds * kSecond;
  return most_us / 4 + 1;
}

std::uint64_t total_at(const UseOverTime& use, std::size_t i) {
  std::uint64_t total = 0;
  for (const auto& series : use.series)
    total += series.cpu_us[i];
  return total;
}

std::string axes(const UseOverTime& use, std::uint64_t step,
                 std::uint64_t top) {
  std::string svg;
  for (std::uint64_t value = 0; value <= top; value += step) {
    const double y = kHeight - kBottom -
                     static_cast<double>(value) / static_cast<double>(top) *
                         (kHeight - kBottom - kTop);
    svg += "<line class=\"grid\" x1=\"" + number(kLeft) + "\" x2=\"" +
           number(kWidth) + "\" y1=\"" + number(y) + "\" y2=\"" + number(y) +
           "\"/><text x=\"" + number(kLeft - 8) + "\" y=\"" + number(y + 4) +
           "\" text-anchor=\"end\">" +
           (value == 0 ? "0" : html_text(time_text(value))) + "</text>\n";
  }
  const std::size_t count = use.times.size();
  const std::size_t every = count / 9 + 1;
  const double slot = (kWidth - kLeft) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; i += every) {
    // The year is in the table; an hour is told by its own.
    std::string label = use.times[i].substr(5);
    if (use.unit == "hour") label += ":00";
    svg += "<text x=\"" +
           number(kLeft + slot * (static_cast<double>(i) + 0.5)) + "\" y=\"" +
           number(kHeight - 8) + "\" text-anchor=\"middle\">" +
           html_text(label) + "</text>\n";
  }
  return svg;
}

std::string columns(const UseOverTime& use, std::uint64_t top) {
  std::string svg;
  const double slot = (kWidth - kLeft) / static_cast<double>(use.times.size());
  const double width = std::min(slot * 0.72, 90.0);
  const double scale = (kHeight - kBottom - kTop) / static_cast<double>(top);
  for (std::size_t i = 0; i < use.times.size(); ++i) {
    double y = kHeight - kBottom;
    const double x = kLeft + slot * static_cast<double>(i) + (slot - width) / 2;
    for (std::size_t s = 0; s < use.series.size(); ++s) {
      const std::uint64_t value = use.series[s].cpu_us[i];
      const double height = static_cast<double>(value) * scale;
      if (value == 0) continue;
      y -= height;
      svg += "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" +
             number(width) + "\" height=\"" + number(height) +
             "\" style=\"fill:var(--s" + std::to_string(s) + ")\"><title>" +
             html_text(use.times[i] + ", " + use.series[s].name + ": " +
                       time_text(value)) +
             "</title></rect>\n";
    }
  }
  return svg;
}

std::string numbers_of(const UseOverTime& use) {
  std::string html =
      "<details><summary>The numbers</summary><div class=\"scroll\"><table>"
      "<thead><tr><th>" +
      std::string(use.unit == "hour" ? "Hour" : "Day") + "</th>";
  for (const auto& series : use.series)
    html += "<th class=\"n\">" + html_text(series.name) + "</th>";
  html += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < use.times.size(); ++i) {
    html += "<tr><td>" + html_text(use.times[i]) + "</td>";
    for (const auto& series : use.series)
      html += cell(time_text(series.cpu_us[i]));
    html += "</tr>\n";
  }
  return html + "</tbody></table></div></details>";
}

struct JobUse {
  UseRow row;
  AskedUse use;
};

/// The limits of the jobs that used most, as far as their use is known.
std::vector<JobUse> known_uses(const UseRows& jobs) {
  constexpr std::size_t kMostUses = 24;
  std::vector<JobUse> uses;
  for (const UseRow row : jobs) {
    if (uses.size() == kMostUses) break;
    if (row.asked.empty() || row.open > 0) continue;
    accounting::JobFacts facts;
    facts.wall_us = row.wall_us.get();
    facts.user_us = row.user_us;
    facts.system_us = row.system_us;
    facts.memory_bytes = row.memory_bytes.get();
    facts.is_memory_of_process = row.is_memory_of_process;
    for (const auto& [kind, bound] : row.asked)
      facts.asked.push_back({.kind = kind, .bound = bound});
    for (const AskedUse& use : asked_uses(facts))
      if (use.share && uses.size() < kMostUses)
        uses.push_back({.row = row, .use = use});
  }
  return uses;
}

}  // namespace

std::string over_time(const UseOverTime& use) {
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < use.times.size(); ++i)
    most = std::max(most, total_at(use, i));
  if (most == 0) return {};
  const std::uint64_t step = step_of(most);
  const std::uint64_t top = (most + step - 1) / step * step;
  std::string html = section(
      "Processor time over time",
      "By the " + std::string(use.unit) + " on which jobs ended, and by user.");
  html += "<ul class=\"legend\">";
  for (std::size_t s = 0; s < use.series.size(); ++s)
    html += "<li><i style=\"background:var(--s" + std::to_string(s) +
            ")\"></i>" + html_text(use.series[s].name) + "</li>";
  html += "</ul>\n<div class=\"scroll\"><svg viewBox=\"0 0 " + number(kWidth) +
          " " + number(kHeight) +
          "\" role=\"img\" aria-label=\"Processor time of each user by " +
          std::string(use.unit) + "; the numbers are in the table below\">\n";
  html += axes(use, step, top) + columns(use, top) + "</svg></div>\n";
  return html + numbers_of(use) + "</section>\n";
}

std::string top_users(const UseRows& rows) {
  if (rows.empty()) return {};
  return section("Users", "Who used the most processor time.") +
         table_of(rows, UseKey::kUser, "User") + "</section>\n";
}

std::string top_commands(const UseRows& rows) {
  if (rows.empty()) return {};
  return section("Commands",
                 "Summed up over processes; times may include children that a "
                 "process waited for.") +
         table_of(rows, UseKey::kCommand, "Command") + "</section>\n";
}

std::string efficiency(const UseRows& jobs) {
  const auto uses = known_uses(jobs);
  if (uses.empty()) return {};
  std::string html = section(
      "Asked and used",
      "What the busiest jobs were limited to, and how much of it they used. A "
      "short bar is room that others could have had.");
  html +=
      "<div class=\"scroll\"><table><thead><tr><th>Job</th><th>Limit</th>"
      "<th class=\"wide\">Used of what was asked</th><th "
      "class=\"n\"></th><th class=\"n\">Used</th><th "
      "class=\"n\">Asked</th></tr></thead><tbody>\n";
  for (const auto& [row, use] : uses) {
    const std::string name = row.name.empty() ? row.key : row.name;
    const double share = *use.share;
    const std::string_view kind = share < 0.5    ? "low"
                                  : share > 0.95 ? "full"
                                                 : "";
    html += "<tr><td class=\"name\" title=\"" +
            html_text(row.name + " " + row.key) + "\">" + html_text(name) +
            "</td><td>" + std::string(core::name_of(use.asked.kind)) +
            "</td><td>" + bar(share, kind) + "</td>" + cell(share_text(use)) +
            cell(used_text(use)) + cell(asked_text(use)) + "</tr>\n";
  }
  return html + "</tbody></table></div></section>\n";
}

}  // namespace cli::page
