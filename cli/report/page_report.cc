// SPDX-License-Identifier: Apache-2.0
#include "cli/report/page_report.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/job_text.h"
#include "core/ids.h"
#include "core/number_text.h"

namespace cli {

namespace {

using accounting::Group;
using accounting::UseFilter;
using accounting::UseFold;
using accounting::UseKey;
using accounting::UseRow;
using accounting::UseRows;

/// Several folds over one reading.
class Folds {
 public:
  void add_fold(UseKey by, const UseFilter& filter) {
    folds_.emplace_back(by, filter);
  }
  [[nodiscard]] ReportSink sink() {
    return {
        .begin_file = [this] { for_all([](auto& to) { to.begin_file(); }); },
        .group =
            [this](const Group& group) {
              for_all([&group](auto& to) { to.add(group); });
            },
        .go_on =
            [this](const std::string& node, std::uint64_t lost) {
              for (UseFold& fold : folds_)
                fold.go_on(node);
              if (finder_) finder_->go_on(node, lost);
            },
        .job =
            [this](const accounting::JobPart& part) {
              for (UseFold& fold : folds_)
                if (!fold.is_of_commands()) fold.add(part);
            },
        .command =
            [this](const accounting::CommandPart& part) {
              for (UseFold& fold : folds_)
                fold.add(part);
            },
        .jid = {}};
  }
  /// A job's processes are in the files alone.
  [[nodiscard]] bool may_use_index() const {
    return !finder_ && std::ranges::all_of(folds_, [](const UseFold& fold) {
      return cli::may_use_index(fold);
    });
  }
  void find_job(const accounting::JobWanted& wanted) {
    finder_.emplace(wanted);
  }
  [[nodiscard]] UseRows finish(std::size_t i) {
    return std::move(folds_[i]).finish();
  }
  [[nodiscard]] std::optional<accounting::JobFacts> finish_job() {
    if (!finder_) return std::nullopt;
    auto jobs = std::move(*finder_).finish();
    if (jobs.empty()) return std::nullopt;
    return std::move(jobs.back());
  }

 private:
  template <class Do>
  void for_all(const Do& work) {
    for (UseFold& fold : folds_)
      work(fold);
    if (finder_) work(*finder_);
  }

  std::vector<UseFold> folds_;
  std::optional<accounting::JobFinder> finder_;
};

ReportSink sink_of(Folds& folds) {
  return folds.sink();
}
bool may_use_index(const Folds& folds) {
  return folds.may_use_index();
}
bool is_found(const Folds& /*folds*/) {
  return true;
}

std::map<std::string, std::uint64_t> by_time(const UseRows& rows) {
  std::map<std::string, std::uint64_t> use;
  for (const UseRow row : rows)
    if (!row.key.empty()) use[row.key] = row.cpu_us();
  return use;
}

/// "2026-11-30" or "2026-11-30 23" as a moment at which that is so.
std::time_t moment_of(std::string_view key) {
  const auto number = [key](std::size_t at, std::size_t size) {
    if (key.size() < at + size) return 12;  // noon is in every day
    return static_cast<int>(
        core::parse_number(key.substr(at, size), 9999).value_or(0));
  };
  std::tm local = {};
  local.tm_year = number(0, 4) - 1900;
  local.tm_mon = number(5, 2) - 1;
  local.tm_mday = number(8, 2);
  local.tm_hour = number(11, 2);
  local.tm_isdst = -1;
  return std::mktime(&local);
}

/// From the first to the last, with those between in which nothing ended; only
/// those that are there if that were too many to be seen.
std::vector<std::string> times_of(
    const std::map<std::string, std::uint64_t>& use, bool is_hourly) {
  constexpr std::size_t kMost = 400;
  std::vector<std::string> all;
  if (use.empty()) return all;
  const std::time_t step = is_hourly ? 3600 : 86400;
  const std::string last = use.rbegin()->first;
  for (std::time_t at = moment_of(use.begin()->first);
       all.size() <= kMost && (all.empty() || all.back() < last); at += step) {
    std::tm local = {};
    std::array<char, 16> text = {};
    if (::localtime_r(&at, &local) == nullptr) break;
    std::string key(text.data(), std::strftime(text.data(), text.size(),
                                               "%Y-%m-%d %H", &local));
    if (!is_hourly) key.resize(std::string_view("2026-11-30").size());
    // An hour that comes twice as summer ends is one.
    if (all.empty() || all.back() != key) all.push_back(std::move(key));
  }
  if (!all.empty() && all.back() == last && all.size() <= kMost) return all;
  all.clear();
  for (const auto& [key, value] : use)
    all.push_back(key);
  if (all.size() > kMost) all.erase(all.begin(), all.end() - kMost);
  return all;
}

UseOverTime::Series series_of(std::string name,
                              const std::vector<std::string>& times,
                              const std::map<std::string, std::uint64_t>& use) {
  UseOverTime::Series series = {.name = std::move(name), .cpu_us = {}};
  for (const std::string& time : times) {
    const auto found = use.find(time);
    series.cpu_us.push_back(found == use.end() ? 0 : found->second);
  }
  return series;
}

constexpr std::size_t kMostSeries = 5;

/// The users that get a colour of their own.
std::vector<std::pair<std::string, UseFilter>> coloured_users(
    const UseRows& users, const UseFilter& filter) {
  std::vector<std::pair<std::string, UseFilter>> chosen;
  for (const UseRow row : users) {
    const auto uid = core::parse_number(row.key, UINT32_MAX);
    if (!uid || chosen.size() == kMostSeries) continue;
    UseFilter own = filter;
    own.uid = static_cast<std::uint32_t>(*uid);
    chosen.emplace_back(user_name(core::Uid(*own.uid)), own);
  }
  return chosen;
}

std::string period_of(const UseRows& days) {
  const auto use = by_time(days);
  if (use.empty()) return "What jobs used";
  const std::string& first = use.begin()->first;
  const std::string& last = use.rbegin()->first;
  return "What jobs used " +
         (first == last ? "on " + first : "from " + first + " to " + last);
}

std::string nodes_of(const UseRows& rows) {
  std::string names;
  for (const UseRow row : rows)
    if (!row.key.empty()) names += (names.empty() ? " on " : ", ") + row.key;
  return names;
}

}  // namespace

Page make_page(const ReportFiles& files, const UseFilter& filter) {
  Page page;
  Folds sums;
  for (const UseKey by : {UseKey::kUser, UseKey::kCommand, UseKey::kJob,
                          UseKey::kDay, UseKey::kHour, UseKey::kNode})
    sums.add_fold(by, filter);
  page.is_complete = read_into(sums, files);
  page.users = sums.finish(0);
  page.commands = sums.finish(1);
  page.jobs = sums.finish(2);
  const auto days = sums.finish(3);
  const auto hours = sums.finish(4);
  page.title = "Jobs" + nodes_of(sums.finish(5));
  page.subtitle = period_of(days);
  const bool is_hourly = days.size() <= 2;
  const UseKey by = is_hourly ? UseKey::kHour : UseKey::kDay;
  page.over_time.unit = is_hourly ? "hour" : "day";
  auto others = by_time(is_hourly ? hours : days);
  page.over_time.times = times_of(others, is_hourly);

  Folds details;
  const auto users = coloured_users(page.users, filter);
  for (const auto& [name, own] : users)
    details.add_fold(by, own);
  if (!page.jobs.empty())
    if (const auto jid = core::parse_job_id(page.jobs[0].key))
      details.find_job({.jid = jid->raw(), .name = {}});
  // What is damaged was said the first time.
  (void)read_files(files, details.sink(), IndexUse::kNever);
  for (std::size_t i = 0; i < users.size(); ++i) {
    const auto use = by_time(details.finish(i));
    for (const auto& [time, value] : use)
      others[time] -= std::min(others[time], value);
    page.over_time.series.push_back(
        series_of(users[i].first, page.over_time.times, use));
  }
  const auto rest = series_of("others", page.over_time.times, others);
  if (std::ranges::any_of(rest.cpu_us, [](auto value) { return value > 0; }))
    page.over_time.series.push_back(rest);
  page.job = details.finish_job();
  page.is_job_chosen = true;
  return page;
}

}  // namespace cli
