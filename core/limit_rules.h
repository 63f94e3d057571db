// SPDX-License-Identifier: Apache-2.0
// The site's limits: which rule says how much of each a job of somebody may
// use. Pure: the rules were read, and names looked up, before.
//
// For each limit the most particular rule that names it decides: the user's
// before the project's, before the groups', before the domain's, before the
// default; of a user and of all groups together those for the job's domain
// before those for every domain; then the first in the file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/limit_terms.h"
#include "core/limits.h"

namespace core {

/// Whom a rule is for, the least particular first.
enum class RuleSubject : std::uint8_t {
  kEverybody,
  kGroup,
  kProject,
  kUser,
};

/// One limit in one table of the file.
struct LimitRule {
  RuleSubject subject = RuleSubject::kEverybody;
  std::string name;    ///< of the subject; empty: everybody
  std::string domain;  ///< empty: every domain
  LimitTerms limit;    ///< empty: no limit
  std::uint32_t line = 0;
};

/// Whose job it is.
struct LimitSubject {
  std::string user;
  std::vector<std::string> groups;
  std::string domain;
  std::string project;  ///< that the job is charged to; empty: none
};

/// The rule that decides about a kind; null if none names it.
[[nodiscard]] inline const LimitRule* deciding_rule(
    std::span<const LimitRule> rules, LimitKind kind,
    const LimitSubject& subject) {
  const auto is_for = [&subject](const LimitRule& rule) {
    switch (rule.subject) {
      case RuleSubject::kEverybody:
        return true;
      case RuleSubject::kGroup:
        for (const std::string& group : subject.groups)
          if (group == rule.name) return true;
        return false;
      case RuleSubject::kProject:
        return rule.name == subject.project;
      case RuleSubject::kUser:
        return rule.name == subject.user;
    }
    return false;
  };
  const auto rank = [](const LimitRule& rule) {
    return static_cast<int>(rule.subject) * 2 + (rule.domain.empty() ? 0 : 1);
  };
  const LimitRule* best = nullptr;
  for (const LimitRule& rule : rules) {
    const bool is_named =
        rule.limit.kind == kind && is_for(rule) &&
        (rule.domain.empty() || rule.domain == subject.domain);
    if (is_named && (best == nullptr || rank(rule) > rank(*best))) best = &rule;
  }
  return best;
}

/// What the rules allow, all kinds together.
[[nodiscard]] inline LimitSet allowed_limits(std::span<const LimitRule> rules,
                                             const LimitSubject& subject) {
  LimitSet allowed;
  for (const LimitKind kind : kLimitKinds)
    if (const LimitRule* const rule = deciding_rule(rules, kind, subject))
      set_terms(allowed.limits, allowed.terms, rule->limit);
  return allowed;
}

namespace detail {

/// At most `most`, and no soft bound above that.
constexpr void lower(LimitTerms& terms, std::uint64_t most) {
  terms.bound = lower_of(terms.kind, terms.bound.value_or(most), most);
  if (terms.soft) terms.soft = std::min(*terms.soft, *terms.bound);
}

}  // namespace detail

/// Puts what is allowed to those that are not asked for. The kinds of which
/// more is asked than is allowed stay as they are; the first of them is told.
inline Maybe<LimitKind> bound_by(JobLimits& asked, TermsList& asked_terms,
                                 const LimitSet& allowed) {
  Maybe<LimitKind> over;
  for (const LimitKind kind : kLimitKinds) {
    const LimitTerms most = terms_of(allowed.limits, allowed.terms, kind);
    LimitTerms terms = terms_of(asked, asked_terms, kind);
    if (most.is_empty()) continue;
    if (terms.bound && most.bound &&
        is_above(kind, *terms.bound, *most.bound)) {
      if (!over) over = kind;
      continue;
    }
    if (terms.is_empty())
      terms = most;
    else if (most.bound)
      detail::lower(terms, terms.bound.value_or(*most.bound));
    set_terms(asked, asked_terms, terms);
  }
  return over;
}

/// Nothing more than `outer` of anything.
inline void narrow(JobLimits& limits, TermsList& list, const LimitSet& outer) {
  for (const LimitKind kind : kLimitKinds) {
    const auto most = bound_of(outer.limits, outer.terms, kind);
    LimitTerms terms = terms_of(limits, list, kind);
    if (!most || (terms.bound && !is_above(kind, *terms.bound, *most)))
      continue;
    detail::lower(terms, *most);
    set_terms(limits, list, terms);
  }
}

}  // namespace core
