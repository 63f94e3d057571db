// SPDX-License-Identifier: Apache-2.0
#include "cli/job_text.h"

#include <pwd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/job_name.h"
#include "core/job_result.h"

namespace cli {
namespace {

/// The two largest units of a time, from the largest.
struct Step {
  std::uint64_t seconds;
  char unit;
  std::uint64_t next_seconds;
  char next_unit;
};
// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Step kSteps[] = {
    {86400, 'd', 3600, 'h'}, {3600, 'h', 60, 'm'}, {60, 'm', 1, 's'}};
// NOLINTEND(modernize-use-designated-initializers)

std::string two_digits(std::uint64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

/// "3.1": one decimal of value / unit, below 10; a whole number above.
std::string one_decimal(std::uint64_t value, std::uint64_t unit) {
  const std::uint64_t whole = value / unit;
  std::string text = std::to_string(whole);
  if (whole < 10) text += "." + std::to_string(value % unit * 10 / unit);
  return text;
}

std::uint64_t rounded(std::uint64_t value, std::uint64_t unit) {
  return (value + unit / 2) / unit;
}

/// Below a minute: rounded to what tells it; whole seconds from 10 on.
std::string small_time(std::uint64_t us) {
  if (us == 0) return "0s";
  if (us < 950)
    return "0." + std::to_string(std::max<std::uint64_t>(rounded(us, 100), 1)) +
           "ms";
  if (const std::uint64_t ms = rounded(us, 1000); ms < 1000)
    return std::to_string(ms) + "ms";
  const std::uint64_t hundredths = rounded(us, 10'000);
  if (hundredths >= 1000)
    return std::to_string(std::max<std::uint64_t>(us / 1'000'000, 10)) + "s";
  return std::to_string(hundredths / 100) + "." + two_digits(hundredths % 100) +
         "s";
}

}  // namespace

std::optional<std::string> known_user_name(core::Uid uid) {
  const passwd* const entry = ::getpwuid(uid.raw());
  if (entry == nullptr) return std::nullopt;
  return entry->pw_name;
}

std::string user_name(core::Uid uid) {
  return known_user_name(uid).value_or(std::to_string(uid.raw()));
}

std::string command_line(const core::JobView& job) {
  std::string line;
  for (const std::string& word : job.argv)
    line.append(line.empty() ? "" : " ").append(word);
  return line;
}

std::string program_name(const core::JobView& job) {
  if (job.argv.empty()) return {};
  return std::string(core::name_of_program(job.argv[0]));
}

std::string_view state_word(const core::JobView& job) {
  const bool is_frozen = job.freezing != core::Freezing::kNo;
  return is_frozen ? core::name_of(job.freezing) : core::name_of(job.state);
}

bool has_ended(const core::JobView& job) {
  return job.result.reason != core::Reason::kNone;
}

std::optional<core::Microseconds> age_of(const core::JobView& job,
                                         core::BootTime now) {
  if (job.started.boot.raw() == 0) return std::nullopt;
  const bool is_over = job.ended.boot.raw() != 0;
  return (is_over ? job.ended.boot : now) - job.started.boot;
}

std::optional<core::Microseconds> cpu_time_of(const core::JobView& job) {
  if (!job.totals.user_time || !job.totals.system_time) return std::nullopt;
  return *job.totals.user_time + *job.totals.system_time;
}

std::string short_time(core::Microseconds time) {
  const std::uint64_t seconds = time.raw() / 1'000'000;
  for (const Step& step : kSteps)
    if (seconds >= step.seconds)
      return std::to_string(seconds / step.seconds) + step.unit +
             two_digits(seconds % step.seconds / step.next_seconds) +
             step.next_unit;
  return small_time(time.raw());
}

std::string short_size(core::Bytes size) {
  constexpr std::string_view kUnits = "BKMGTPE";
  std::size_t unit = 0;
  std::uint64_t scale = 1;
  while (size.raw() / scale >= 1024 && unit + 1 < kUnits.size()) {
    scale *= 1024;
    ++unit;
  }
  if (unit == 0) return std::to_string(size.raw()) + "B";
  return one_decimal(size.raw(), scale) + kUnits[unit];
}

std::string date_of(core::RealTime time) {
  if (time.raw() == 0) return {};
  const auto seconds = static_cast<time_t>(time.raw() / 1'000'000);
  tm parts = {};
  if (::localtime_r(&seconds, &parts) == nullptr) return {};
  std::array<char, 32> text = {};
  const std::size_t size =
      ::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return {text.data(), size};
}

std::string manner_text(const core::LimitTerms& terms) {
  std::string text;
  const auto add = [&text](std::string_view what, std::string_view value) {
    if (!text.empty()) text += ", ";
    text.append(what).append(" ").append(value);
  };
  if (terms.signal.raw() != 0)
    add("soft", core::signal_name(terms.signal.raw()).view());
  if (terms.action.raw() != 0)
    add("hard", core::signal_name(terms.action.raw()).view());
  if (terms.grace) add("grace", short_time(*terms.grace));
  return text;
}

core::JobReport report_of(const core::JobView& job) {
  core::JobReport report;
  report.jid = job.jid;
  const std::string name = job.name.empty() ? program_name(job) : job.name;
  report.name = std::string_view(name);
  report.result = job.result;
  report.wall_time = age_of(job, job.ended.boot);
  report.totals = job.totals;
  report.main = job.main_exit;
  report.processes_seen = job.processes_seen;
  report.stragglers = job.stragglers;
  report.straggler_names = std::string_view(job.straggler_names);
  return report;
}

}  // namespace cli
