// SPDX-License-Identifier: Apache-2.0
#include "bus/limit_keys.h"

#include <optional>
#include <string_view>

#include "bus/dict_codec.h"
#include "bus/utf8.h"
#include "core/limit_terms_text.h"

namespace bus {

namespace {

std::optional<core::LimitKind> kind_of(std::string_view key) {
  for (const core::LimitKind kind : core::kLimitKinds)
    if (!key.empty() && key == key_of(kind)) return kind;
  return std::nullopt;
}

/// The bound of one key of its own, or the list of kLimitsKey.
bool take_changes(LimitRequest& request, const DictEntry& entry) {
  if (entry.key == kLimitsKey) {
    const auto* const list = std::get_if<TextList>(&entry.value);
    if (list == nullptr) return false;
    for (const std::string& text : *list) {
      const auto change = core::parse_terms(text);
      if (!change) return false;
      request.changes.push_back(*change);
    }
    return true;
  }
  const auto kind = kind_of(entry.key);
  const auto* const bound = std::get_if<std::uint64_t>(&entry.value);
  if (!kind || bound == nullptr || *bound > core::largest_bound(*kind))
    return false;
  core::LimitChange change = {.kind = *kind};
  if (*bound != 0) change.bound = *bound;
  request.changes.push_back(change);
  return true;
}

bool is_plain(const core::LimitChange& change) {
  core::LimitChange plain = {.kind = change.kind, .bound = change.bound};
  return plain == change && *key_of(change.kind) != '\0';
}

}  // namespace

TextList limits_list(const core::JobLimits& limits,
                     const core::TermsList& terms) {
  TextList list;
  for (const core::LimitTerms& entry : terms)
    list.push_back(core::terms_text(core::terms_of(limits, terms, entry.kind)));
  return list;
}

bool take_limits_list(core::JobLimits& limits, core::TermsList& terms,
                      const TextList& list) {
  for (const std::string& text : list) {
    const auto taken = core::parse_terms(text);
    if (!taken) return false;
    core::set_terms(limits, terms, *taken);
  }
  return true;
}

core::Answer<LimitRequest> limit_request_of(const Dict& dict) {
  LimitRequest request;
  for (const DictEntry& entry : dict) {
    const auto* const accepts = std::get_if<bool>(&entry.value);
    if (entry.key == kAcceptsLessKey && accepts != nullptr) {
      request.accepts_less = *accepts;
      continue;
    }
    if (!take_changes(request, entry))
      return std::unexpected(core::invalid(
          "key '" + to_utf8(entry.key) + "' (" + signature_of(entry.value) +
          ") is not known or no limit, expected 'WallTimeUSec', "
          "'CpuTimeUSec', 'MemoryMax', 'ProcessesMax' or 'OpenFilesMax' (t; "
          "0: no limit), 'Limits' (as: " +
          core::kLimitTermsExpect + "), or 'AcceptsLess' (b)"));
  }
  if (request.changes.empty())
    return std::unexpected(core::invalid("no limit was named"));
  return request;
}

Dict dict_of(const LimitRequest& request) {
  Dict dict;
  TextList list;
  for (const core::LimitChange& change : request.changes)
    if (is_plain(change))
      dict.push_back(
          {.key = key_of(change.kind), .value = change.bound.value_or(0)});
    else
      list.push_back(core::terms_text(change));
  if (!list.empty()) dict.push_back({.key = kLimitsKey, .value = list});
  if (request.accepts_less)
    dict.push_back({.key = kAcceptsLessKey, .value = true});
  return dict;
}

}  // namespace bus
