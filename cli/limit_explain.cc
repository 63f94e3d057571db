// SPDX-License-Identifier: Apache-2.0
#include "cli/limit_explain.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "cli/job_text.h"
#include "cli/json_text.h"
#include "cli/limit_json.h"
#include "cli/output.h"
#include "cli/table_view.h"
#include "cli/terminal_text.h"
#include "core/domain.h"
#include "core/job_result.h"
#include "core/limit_rules.h"
#include "core/limit_terms_text.h"
#include "core/refused_user.h"
#include "sys/limit_subject.h"
#include "sys/places.h"
#include "sys/users.h"
#include "sys/whole_file.h"
#include "units/limit_rules.h"
#include "units/site_settings.h"

namespace cli {
namespace {

/// What the file says about somebody.
struct Explanation {
  std::string file;
  std::vector<core::LimitRule> rules;
  core::LimitSubject subject;
};

std::string place_of(const Explanation& explanation,
                     const core::LimitRule& rule) {
  return explanation.file + ":" + std::to_string(rule.line) + " [" +
         units::table_of(rule) + "]";
}

std::string bound_text(core::LimitKind kind, const core::LimitRule* rule) {
  if (rule == nullptr || !rule->limit.bound) return "none";
  return core::shown_bound(kind, *rule->limit.bound);
}

std::string soft_text(core::LimitKind kind, const core::LimitRule* rule) {
  if (rule == nullptr || !rule->limit.soft) return "";
  return core::shown_bound(kind, *rule->limit.soft);
}

void print_table(const Explanation& explanation) {
  TableView table({{.title = "LIMIT"},
                   {.title = "SOFT", .align = Align::kRight},
                   {.title = "BOUND", .align = Align::kRight},
                   {.title = "WHEN OVER"},
                   {.title = "BY"}});
  for (const core::LimitKind kind : core::kLimitKinds) {
    const auto* const rule =
        core::deciding_rule(explanation.rules, kind, explanation.subject);
    table.add({{.text = core::row_of(kind).word},
               {.text = soft_text(kind, rule)},
               {.text = bound_text(kind, rule)},
               {.text = rule ? manner_text(rule->limit) : std::string()},
               {.text = rule ? place_of(explanation, *rule) : "no rule"}});
  }
  print(table.render(screen_of(STDOUT_FILENO), TableView::Header::kShown));
}

void print_json(const Explanation& explanation) {
  Json limits = Json::object();
  for (const core::LimitKind kind : core::kLimitKinds) {
    const auto* const rule =
        core::deciding_rule(explanation.rules, kind, explanation.subject);
    Json row = {{"bound", nullptr},
                {"soft", nullptr},
                {"when_over", Json::object()},
                {"table", nullptr},
                {"line", nullptr}};
    if (rule != nullptr) {
      if (rule->limit.bound) row["bound"] = *rule->limit.bound;
      if (rule->limit.soft) row["soft"] = *rule->limit.soft;
      row["when_over"] = manner_json(rule->limit);
      row["table"] = units::table_of(*rule);
      row["line"] = rule->line;
    }
    limits[core::row_of(kind).word] = std::move(row);
  }
  const core::LimitSubject& subject = explanation.subject;
  const Json all = {{"file", explanation.file},
                    {"user", subject.user},
                    {"groups", subject.groups},
                    {"domain", subject.domain},
                    {"project", text_or_null(subject.project)},
                    {"limits", std::move(limits)}};
  print(json_line(all));
}

bool is_named(const std::vector<std::string>& names, const std::string& name,
              std::uint32_t number) {
  return std::ranges::find(names, name) != names.end() ||
         std::ranges::find(names, std::to_string(number)) != names.end();
}

/// As core::usual_project(), of names as corral.toml has them.
std::string usual_project(const units::SiteSettings& site,
                          const core::LimitSubject& subject, core::Uid uid) {
  for (const units::ProjectSettings& project : site.projects)
    if (is_named(project.usual_users, subject.user, uid.raw()))
      return project.name;
  for (const units::ProjectSettings& project : site.projects)
    for (const std::string& group : subject.groups)
      if (std::ranges::find(project.usual_groups, group) !=
          project.usual_groups.end())
        return project.name;
  return {};
}

/// The project whose rules hold: one that corral.toml lists. The others'
/// words are their users' own, and allow nothing.
std::expected<std::string, int> settle_project(
    const Arguments& arguments, const core::LimitSubject& subject,
    core::Uid uid) {
  const std::string file =
      sys::find_places(sys::InstanceKind::kSystem, core::Uid(::geteuid()),
                       sys::process_environment())
          .settings;
  units::SiteSettings site;
  if (sys::is_there(file)) {
    const auto text = sys::read_whole_file(file, units::kLargestSiteSettings);
    if (!text) return std::unexpected(complain(text.error()));
    auto parsed = units::parse_site_settings(*text, file);
    if (!parsed) return std::unexpected(complain(parsed.error().front()));
    site = *std::move(parsed);
  }
  const auto asked = arguments.value("project");
  if (!asked) return usual_project(site, subject, uid);
  if (std::ranges::find(site.projects, *asked, &units::ProjectSettings::name) !=
      site.projects.end())
    return std::string(*asked);
  complain("'" + file + "' lists no project '" + std::string(*asked) +
           "': no rule of a project holds");
  return std::string();
}

/// Who is meant; the exit code of the complaint if nobody is.
std::expected<core::LimitSubject, int> find_subject(
    const std::string& word, const Arguments& arguments) {
  const auto user = sys::find_user(word);
  if (!user)
    return std::unexpected(
        complain(core::refused_user(user.error().code, word)));
  auto subject = sys::limit_subject(*user);
  if (!subject) return std::unexpected(complain(subject.error()));
  const auto& operands = arguments.operands();
  subject->domain =
      operands.size() > 2 ? operands[2] : std::string(core::kInteractiveDomain);
  const auto project = settle_project(arguments, *subject, user->uid);
  if (!project) return std::unexpected(project.error());
  subject->project = *project;
  return *std::move(subject);
}

}  // namespace

int explain_limits(const Arguments& arguments) {
  const auto& operands = arguments.operands();
  if (operands.size() < 2 || operands.size() > 3)
    return complain(
        "'corral limit explain' takes a user and, if you like, a domain "
        "(interactive, batch, service, or the site's own)",
        kMisused);
  Explanation explanation;
  const auto variable = sys::process_environment()("CORRAL_LIMITS");
  explanation.file =
      arguments.value("site").value_or(variable.value_or(units::kLimitsFile));
  if (arguments.has("site") || sys::is_there(explanation.file)) {
    const auto text =
        sys::read_whole_file(explanation.file, units::kLargestLimitsFile);
    if (!text) return complain(text.error());
    auto rules = units::read_limit_rules(*text, explanation.file);
    if (!rules) return complain(rules.error());
    explanation.rules = *std::move(rules);
  } else {
    complain("there is no '" + explanation.file + "': the site sets no limits");
  }
  auto subject = find_subject(operands[1], arguments);
  if (!subject) return subject.error();
  explanation.subject = *std::move(subject);
  if (arguments.has("json"))
    print_json(explanation);
  else
    print_table(explanation);
  return kSuccess;
}

}  // namespace cli
