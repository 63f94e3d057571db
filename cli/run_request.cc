// SPDX-License-Identifier: Apache-2.0
#include "cli/run_request.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "cli/value_types.h"

namespace cli {
namespace {

std::unexpected<core::Refused> refuse(core::Refusal why, std::string text) {
  return std::unexpected(core::Refused{.why = why, .text = std::move(text)});
}

core::Answer<std::string> absolute_path(std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  auto here = current_directory();
  if (!here) return here;
  return *here + "/" + std::string(path);
}

/// 128 random bits: a request that is repeated with it makes one job.
std::string make_token() {
  unsigned char bytes[16] = {};
  if (::getentropy(bytes, sizeof bytes) < 0) return {};  // the client makes one
  std::string token;
  for (const unsigned char byte : bytes)
    token.append(
        {"0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]});
  return token;
}

core::Stragglers stragglers_of(const Arguments& arguments) {
  if (arguments.has("linger")) return core::Stragglers::kLinger;
  if (arguments.has("kill-stragglers")) return core::Stragglers::kKill;
  return core::Stragglers::kEnd;
}

core::JobSpec make_spec(const Arguments& arguments) {
  core::JobSpec spec;
  spec.argv = arguments.operands();
  spec.name = arguments.value("name").value_or("");
  spec.user = arguments.value("user").value_or("");
  spec.uid = core::Uid(::geteuid());
  spec.gid = core::Gid(::getegid());
  spec.stragglers = stragglers_of(arguments);
  spec.kind = arguments.has("detach") ? core::JobKind::kDetached
                                      : core::JobKind::kForeground;
  if (const auto engine = arguments.value("engine"))
    spec.engine = core::parse_engine(*engine);
  if (const auto grace = arguments.value("grace"))
    spec.kill_plan.grace = *parse_duration(*grace);
  if (const auto signal = arguments.value("signal"))
    spec.kill_plan.first_signal = *parse_signal(*signal);
  spec.token = make_token();
  for (const std::string& limit : arguments.values("limit"))
    spec.limits.wall_time = parse_wall_limit(limit);
  return spec;
}

std::optional<Identity> identity_of(const passwd& entry) {
  Identity identity{.uid = core::Uid(entry.pw_uid),
                    .gid = core::Gid(entry.pw_gid),
                    .groups = {}};
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) <
         0) {
    if (count > NGROUPS_MAX) return std::nullopt;
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  for (const gid_t group : groups)
    identity.groups.emplace_back(group);
  return identity;
}

}  // namespace

core::Answer<std::string> current_directory() {
  char here[PATH_MAX];
  if (::getcwd(here, sizeof here) != nullptr) return std::string(here);
  return refuse(core::Refusal::kInvalid,
                "the current directory was removed or cannot be named; name "
                "an absolute one with '--cwd'");
}

ReportForm report_form(const Arguments& arguments) {
  const auto form = arguments.value("report");
  if (!form) return ReportForm::kNone;
  return *form == "json" ? ReportForm::kJson : ReportForm::kText;
}

core::Answer<Identity> find_identity(const std::string& user) {
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    unsigned number = 0;
    const char* const end = user.data() + user.size();
    const auto [rest, error] = std::from_chars(user.data(), end, number);
    const bool is_number = error == std::errc() && rest == end;
    if (is_number) entry = ::getpwuid(number);
    if (is_number && entry == nullptr)
      return Identity{
          .uid = core::Uid(number), .gid = core::Gid(number), .groups = {}};
  }
  if (entry != nullptr)
    if (auto identity = identity_of(*entry)) return *identity;
  return refuse(core::Refusal::kNoSuchUser,
                "there is no user '" + user +
                    "'; 'getent passwd' lists those that there are");
}

core::Answer<RunRequest> make_run_request(const Arguments& arguments) {
  RunRequest request;
  request.spec = make_spec(arguments);
  const auto variables = arguments.values("env");
  request.variables.assign(variables.begin(), variables.end());
  request.report = report_form(arguments);
  if (const auto cwd = arguments.value("cwd")) {
    auto path = absolute_path(*cwd);
    if (!path) return std::unexpected(path.error());
    request.cwd = std::move(*path);
  }
  return request;
}

}  // namespace cli
