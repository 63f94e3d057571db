// SPDX-License-Identifier: Apache-2.0
#include "supervisor/site_limits.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <expected>
#include <span>
#include <utility>
#include <vector>

#include "core/limit_rules.h"
#include "core/limit_terms_text.h"
#include "core/number_text.h"
#include "sys/limit_subject.h"
#include "sys/users.h"
#include "sys/whole_file.h"
#include "units/limit_rules.h"

namespace supervisor {

namespace {

// The request is "UID DOMAIN PROJECT FILE"; a job of no project has "". The
// answer is a byte, and the limits as
// `--limit` takes them or the sentence why there are none.

// Less than a client waits: a job whose limits are not known is refused, not
// run without an instance.
constexpr core::Microseconds kPatience = core::milliseconds(1500);
constexpr std::size_t kMostWorkers = 2;
enum class Verdict : std::uint8_t { kLimits, kFault };

using Outcome = std::expected<std::string, std::string>;

std::string word_before(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string word(text.substr(0, at));
  text.remove_prefix(std::min(at + 1, text.size()));
  return word;
}

core::Result<core::LimitSubject> subject_of(core::Uid uid) {
  const auto user = sys::find_user(uid);
  if (!user && user.error().code != ESRCH) return std::unexpected(user.error());
  sys::User nameless;
  nameless.uid = uid;
  return sys::limit_subject(user.value_or(nameless));
}

Outcome look_up(std::string_view request) {
  const std::string uid = word_before(request, ' ');
  const std::string domain = word_before(request, ' ');
  const std::string project = word_before(request, ' ');
  const std::string file(request);
  const auto text = sys::read_whole_file(file, units::kLargestLimitsFile);
  if (!text && text.error().code == ENOENT && !sys::is_there(file))
    return std::string();
  if (!text)
    return std::unexpected("cannot read '" + file +
                           "': " + std::strerror(text.error().code));
  const auto rules = units::read_limit_rules(*text, file);
  if (!rules) return std::unexpected(rules.error());
  const auto number = core::parse_number(uid, UINT32_MAX);
  if (!number) return std::unexpected("uid '" + uid + "' is no number");
  auto subject = subject_of(core::Uid(static_cast<std::uint32_t>(*number)));
  if (!subject)
    return std::unexpected("cannot look up uid " + uid + ": " +
                           std::strerror(subject.error().code));
  subject->domain = domain;
  subject->project = project;
  const core::LimitSet allowed = core::allowed_limits(*rules, *subject);
  return core::terms_text(allowed.limits, allowed.terms);
}

core::Result<void> obey(const WorkerRequest& request,
                        std::vector<std::byte>& answer) {
  const auto outcome =
      look_up({reinterpret_cast<const char*>(request.body.data()),
               request.body.size()});
  answer.push_back(
      static_cast<std::byte>(outcome ? Verdict::kLimits : Verdict::kFault));
  const std::string& text = outcome ? *outcome : outcome.error();
  const auto raw = std::as_bytes(std::span(text));
  answer.insert(answer.end(), raw.begin(), raw.end());
  return {};
}

core::Answer<core::LimitSet> answer_of(std::span<const std::byte> bytes) {
  const auto refuse = [](std::string text) {
    return std::unexpected(core::Refused{.why = core::Refusal::kNotSupported,
                                         .text = std::move(text)});
  };
  if (bytes.empty()) return refuse("the site's limits were not answered");
  const std::string text(reinterpret_cast<const char*>(bytes.data()) + 1,
                         bytes.size() - 1);
  if (bytes[0] != static_cast<std::byte>(Verdict::kLimits))
    return refuse("the site's limits are not known: " + text);
  core::LimitSet set;
  if (!text.empty() && !core::parse_terms_list(set.limits, set.terms, text))
    return refuse("the site's limits are not known: '" + text + "'");
  return set;
}

}  // namespace

SiteLimits::SiteLimits(EventLoop& loop, std::string file, std::string program)
    : file_(std::move(file)),
      pool_(loop,
            {.name = "site-limits",
             .words = {"corrald", "--worker=site-limits"},
             .program = std::move(program)},
            kMostWorkers) {}

bool SiteLimits::are_there() const {
  return sys::is_there(file_);
}

void SiteLimits::find(core::Uid uid, std::string_view domain,
                      std::string_view project, const Done& done) {
  if (!are_there()) return done(core::LimitSet{});
  const std::string request = std::to_string(uid.raw()) + " " +
                              std::string(domain) + " " + std::string(project) +
                              " " + file_;
  const auto raw = std::as_bytes(std::span(request));
  pool_.request({raw.begin(), raw.end()}, {}, kPatience,
                [done, file = file_](const auto& answer) {
                  if (answer) return done(answer_of(*answer));
                  done(std::unexpected(core::Refused{
                      .why = core::Refusal::kNotSupported,
                      .text = "reading '" + file + "' for the site's limits: " +
                              std::strerror(answer.error().code)}));
                });
}

int run_site_limits_worker(int socket) {
  return serve_requests(socket, obey);
}

}  // namespace supervisor
