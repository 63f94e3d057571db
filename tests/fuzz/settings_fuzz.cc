// SPDX-License-Identifier: Apache-2.0
// Any bytes as the site's files of an instance: corral.toml (c), limits.toml
// (l). They are refused with a sentence for people, or what they say is within
// its bounds and can be asked.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/limit_rules.h"
#include "tests/fuzz/first_byte.h"
#include "units/limit_rules.h"
#include "units/site_settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

/// "f:LINE: ..." or "f: ...", on one line.
void is_sentence(std::string_view text) {
  if (!text.starts_with("f:") || text.ends_with(' ') ||
      text.find('\n') != std::string_view::npos)
    std::abort();
}

void site_settings(std::string_view bytes) {
  const auto settings = units::parse_site_settings(bytes, "f");
  if (!settings) {
    if (settings.error().empty()) std::abort();  // nobody said why
    std::ranges::for_each(settings.error(), is_sentence);
    return;
  }
  for (const units::ProjectSettings& project : settings->projects)
    if (project.name.empty()) std::abort();
}

/// Each rule decides for whom it is written, or one that is not less
/// particular does.
void limit_rules(std::string_view bytes) {
  const auto rules = units::read_limit_rules(bytes, "f");
  if (!rules) return is_sentence(rules.error());
  for (const core::LimitRule& rule : *rules) {
    if (units::table_of(rule).empty() || rule.line == 0) std::abort();
    core::LimitSubject subject;
    subject.domain = rule.domain;
    if (rule.subject == core::RuleSubject::kUser) subject.user = rule.name;
    if (rule.subject == core::RuleSubject::kGroup) subject.groups = {rule.name};
    if (rule.subject == core::RuleSubject::kProject)
      subject.project = rule.name;
    const core::LimitRule* const decides =
        core::deciding_rule(*rules, rule.limit.kind, subject);
    if (decides == nullptr || decides->subject < rule.subject) std::abort();
    core::LimitSet asked = core::allowed_limits(*rules, subject);
    const core::LimitSet allowed = asked;
    // What is allowed is not too much, and nothing is left to narrow.
    if (core::bound_by(asked.limits, asked.terms, allowed)) std::abort();
    core::narrow(asked.limits, asked.terms, allowed);
    if (core::bound_of(asked.limits, asked.terms, rule.limit.kind) !=
        core::bound_of(allowed.limits, allowed.terms, rule.limit.kind))
      std::abort();
  }
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr fuzz::Reader kReaders[] = {{'c', site_settings}, {'l', limit_rules}};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  return fuzz::read_by_first_byte(kReaders, data, size);
}
