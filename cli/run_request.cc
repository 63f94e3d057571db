// SPDX-License-Identifier: Apache-2.0
#include "cli/run_request.h"

#include <limits.h>
#include <unistd.h>

#include <utility>

#include "cli/value_types.h"
#include "core/limit_terms_text.h"
#include "core/refused_user.h"
#include "sys/users.h"

namespace cli {
namespace {

core::Answer<std::string> absolute_path(std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  auto here = current_directory();
  if (!here) return here;
  return *here + "/" + std::string(path);
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
  const auto tags = arguments.values("tag");
  spec.tags.assign(tags.begin(), tags.end());
  spec.project = arguments.value("project").value_or("");
  spec.account = arguments.value("account").value_or("");
  if (const auto jid = arguments.value("jid"))
    spec.requested = *core::parse_job_id(*jid);
  if (const auto indices = arguments.value("array")) {
    spec.array = *core::parse_array_range(*indices);
    spec.kind = core::JobKind::kArray;
  }
  if (const auto engine = arguments.value("engine"))
    spec.engine = core::parse_engine(*engine);
  if (const auto grace = arguments.value("grace"))
    spec.kill_plan.grace = *parse_duration(*grace);
  if (const auto signal = arguments.value("signal"))
    spec.kill_plan.first_signal = *parse_signal(*signal);
  for (const std::string& limit : arguments.values("limit"))
    (void)core::parse_terms_list(spec.limits, spec.terms, limit);
  spec.accepts_less = arguments.has("accept-less");
  spec.domain = arguments.value("domain").value_or("");
  spec.delegates = arguments.has("delegate");
  if (const auto began = arguments.value("began"))
    spec.began = core::RealTime(*parse_time(*began));
  return spec;
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
  auto found = sys::find_user(user);
  if (!found)
    return std::unexpected(core::refused_user(found.error().code, user));
  return Identity{
      .uid = found->uid, .gid = found->gid, .groups = std::move(found->groups)};
}

core::Answer<RunRequest> make_run_request(const Arguments& arguments) {
  RunRequest request;
  request.spec = make_spec(arguments);
  const auto variables = arguments.values("env");
  request.variables.assign(variables.begin(), variables.end());
  request.report = report_form(arguments);
  request.parent = arguments.value("parent").value_or("");
  request.with_caller = arguments.has("with-caller");
  if (const auto cwd = arguments.value("cwd")) {
    auto path = absolute_path(*cwd);
    if (!path) return std::unexpected(path.error());
    request.cwd = std::move(*path);
  }
  return request;
}

}  // namespace cli
