// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/login_log.h"

#include <pwd.h>
#include <utmpx.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <map>
#include <set>
#include <vector>

#include "accounting/csa_summary_layout.h"
#include "accounting/cycle/parts.h"
#include "accounting/cycle/run_state.h"
#include "accounting/records/summary_file.h"
#include "accounting/text/account_names.h"
#include "accounting/text/local_clock.h"
#include "accounting/text/report_pages.h"

namespace accounting {

namespace {

constexpr const char kNever[] = "0000-00-00";

/// Users by name, with the day on which each was there last.
class LoginLog {
 public:
  /// Everybody in the password file, never there.
  LoginLog() {
    ::setpwent();
    while (const passwd* const entry = ::getpwent())
      days_.emplace(entry->pw_name, kNever);
    ::endpwent();
  }

  /// What the log says of users that there still are.
  void read(std::string_view text) {
    for (const std::string_view line : lines_of(text)) {
      const auto words = split_words(line);
      if (words.size() < 2 || words[0].starts_with('#')) continue;
      if (const auto day = day_of(words[0])) was_there(words[1], *day);
    }
  }

  void was_there(const std::string& user, const std::string& day) {
    const auto found = days_.find(user);
    if (found != days_.end()) found->second = std::max(found->second, day);
  }

  [[nodiscard]] std::string text() const {
    std::vector<std::string> lines;
    for (const auto& [user, day] : days_)
      lines.push_back(day + "  " + user + "\n");
    std::ranges::sort(lines);
    std::string text;
    for (const std::string& line : lines)
      text += line;
    return text;
  }

 private:
  /// Years had two digits before 2000.
  static std::optional<std::string> day_of(const std::string& word) {
    std::string day = word;
    constexpr std::size_t kShort = 8;
    if (day.size() == kShort)
      day.insert(0, day.starts_with("00") ? "00" : "20");
    const std::string_view form = kNever;
    if (day.size() != form.size()) return std::nullopt;
    for (std::size_t i = 0; i < form.size(); ++i)
      if (form[i] == '-'
              ? day[i] != '-'
              : std::isdigit(static_cast<unsigned char>(day[i])) == 0)
        return std::nullopt;
    return day;
  }

  std::map<std::string, std::string> days_;
};

Outcome<void> add_consolidated(LoginLog& log, const std::string& path,
                               std::time_t when) {
  auto window = ByteWindow::open(path.c_str());
  if (!window)
    return stop("An error occurred during the opening of file '" + path + "'.",
                window.error().code);
  SummaryReader<csa::Consolidated> reader(std::move(*window),
                                          csa::consolidated_head());
  const std::string day = LocalClock::text(when, "%Y-%m-%d");
  AccountNames names;
  csa::Consolidated record = {};
  while (reader.next(record))
    log.was_there(names.user(record.uid), day);
  if (reader.rest() == 0) return {};
  return stop("File '" + path + "': " + std::to_string(reader.rest()) +
              " bytes at offset " + std::to_string(reader.position()) +
              " are no consolidated records.");
}

/// Logins of a wtmp file (utmp(5)).
Outcome<void> add_logins(LoginLog& log, const std::string& path) {
  const auto window = ByteWindow::open(path.c_str());
  if (!window)
    return stop("An error occurred during the opening of file '" + path + "'.",
                window.error().code);
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread
  if (::utmpxname(path.c_str()) < 0)
    return stop("File '" + path + "' cannot be read.", errno);
  ::setutxent();
  while (const utmpx* const entry = ::getutxent())
    if (entry->ut_type == USER_PROCESS)
      log.was_there(std::string(text_of(entry->ut_user)),
                    LocalClock::text(entry->ut_tv.tv_sec, "%Y-%m-%d"));
  ::endutxent();
  // NOLINTEND(concurrency-mt-unsafe)
  return {};
}

std::string log_path(const Places& places) {
  return places.sum() + "/loginlog";
}

Outcome<LoginLog> read_log(const Places& places) {
  LoginLog log;
  const auto text = TRY(get_file(log_path(places)));
  if (text) log.read(*text);
  return log;
}

Outcome<void> run(const CommandLine& line, Console& console) {
  CsaConf conf;
  const Places places = TRY(read_places(conf, console));
  LoginLog log = TRY(read_log(places));
  if (const auto* const path = line.value('c'))
    TRY(add_consolidated(log, *path, std::time(nullptr)));
  if (const auto* const path = line.value('w')) TRY(add_logins(log, *path));
  return put_file(places, log_path(places), log.text());
}

}  // namespace

Outcome<void> update_login_log(const Places& places,
                               const std::string& consolidated,
                               std::time_t when) {
  LoginLog log = TRY(read_log(places));
  TRY(add_consolidated(log, consolidated, when));
  return put_file(places, log_path(places), log.text());
}

int lastlogin_command(const CommandLine& line, Console& console) {
  if (!line.operands.empty() || (!line.has('c') && !line.has('w')))
    return kWrongUse;
  const auto done = run(line, console);
  return done ? 0 : console.give_up(done.error());
}

}  // namespace accounting
