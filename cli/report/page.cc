// SPDX-License-Identifier: Apache-2.0
#include "cli/report/page.h"

#include <algorithm>
#include <array>

#include "cli/job_text.h"
#include "cli/report/page_style.h"
#include "core/printable.h"
#include "sys/clock.h"

namespace cli {

namespace {

using accounting::UseRow;
using accounting::UseRows;
using accounting::UseSum;

std::string tile(std::string_view value, std::string_view what) {
  return "<div class=\"tile\"><b>" + html_text(value) + "</b><span>" +
         html_text(what) + "</span></div>";
}

UseSum sum_of(const UseRows& rows, UseSum UseRow::* member) {
  UseSum sum;
  for (const UseRow row : rows) {
    sum.join(row.*member);
  }
  return sum;
}

/// Of which a part is not known: at least so much.
std::string with_mark(const UseSum& sum, std::string text) {
  if (!sum.get()) return "\u2013";
  return sum.unknown > 0 ? "\u2265 " + text : text;
}

std::string tiles(const UseRows& users) {
  std::uint64_t jobs = 0;
  std::uint64_t processes = 0;
  for (const UseRow row : users) {
    jobs += row.jobs;
    processes += row.processes;
  }
  UseSum cpu = sum_of(users, &UseRow::user_us);
  const UseSum system = sum_of(users, &UseRow::system_us);
  cpu.value += system.value;
  cpu.unknown = std::max(cpu.unknown, system.unknown);
  UseSum peak;
  for (const UseRow row : users)
    if (row.memory_bytes.known > 0) peak.raise(row.memory_bytes.value);
  const UseSum wall = sum_of(users, &UseRow::wall_us);
  return "<div class=\"tiles\">" + tile(std::to_string(jobs), "jobs") +
         tile(std::to_string(processes), "processes") +
         tile(with_mark(cpu, short_time(core::Microseconds(cpu.value))),
              "processor time") +
         tile(with_mark(wall, short_time(core::Microseconds(wall.value))),
              "elapsed time of jobs") +
         tile(with_mark(peak, short_size(core::Bytes(peak.value))),
              "most memory of a job") +
         tile(std::to_string(users.size()), "users") + "</div>";
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string safe;
  for (const char c : core::printable(text))
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  return safe;
}

std::string html_page(const Page& page) {
  const std::string title = html_text(page.title);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
      "<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
      "'none'; style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<title>" +
      title + "</title>\n<style>" + std::string(page::kStyle) +
      "</style>\n</head>\n<body>\n<header><h1>" + title + "</h1><p>" +
      html_text(page.subtitle) + "</p>";
  if (!page.is_complete)
    html +=
        "<p class=\"warn\">Parts of the accounting files could not be "
        "read: the numbers are too low.</p>";
  if (!page.users.empty()) html += tiles(page.users);
  html += "</header>\n<main>\n";
  html += page::over_time(page.over_time) + page::top_users(page.users) +
          page::efficiency(page.jobs) + page::top_commands(page.commands);
  if (page.job) html += page::job(*page.job, page.is_job_chosen);
  if (page.users.empty() && !page.job)
    html += "<section><p>There are no jobs in these files.</p></section>\n";
  html += "</main>\n<footer>Made by corral " CORRAL_VERSION " at " +
          html_text(date_of(sys::real_now())) +
          ". What was not collected is a dash, never 0.</footer>\n"
          "</body>\n</html>\n";
  return html;
}

namespace page {

std::string percent(double share) {
  const auto tenths =
      static_cast<std::uint64_t>(std::clamp(share, 0.0, 1.0) * 1000.0 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "%";
}

std::string bar(double share, std::string_view kind) {
  return "<span class=\"track\"><span class=\"bar " + std::string(kind) +
         "\" style=\"width:" + percent(share) + "\"></span></span>";
}

}  // namespace page

}  // namespace cli
