// SPDX-License-Identifier: Apache-2.0
#include "bus/limit_keys.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bus/dict_codec.h"
#include "bus/utf8.h"
#include "core/limit_terms_text.h"
#include "core/try.h"

namespace bus {

namespace {

std::optional<core::LimitKind> kind_of(std::string_view key) {
  for (const core::LimitKind kind : core::kLimitKinds)
    if (!key.empty() && key == key_of(kind)) return kind;
  return std::nullopt;
}

std::unexpected<core::Refused> refuse(std::string text) {
  return std::unexpected(core::invalid(std::move(text)));
}

/// The list of kLimitsKey.
core::Answer<void> take_list(LimitRequest& request, const TextList& list) {
  for (const std::string& text : list) {
    auto change = core::read_terms(text);
    if (!change)
      return refuse("key '" + std::string(kLimitsKey) + "' has '" +
                    to_utf8(text) + "': " + to_utf8(change.error()));
    request.changes.push_back(*change);
  }
  return {};
}

/// That, or the bound of one key of its own.
core::Answer<void> take_changes(LimitRequest& request, const DictEntry& entry) {
  const auto* const list = std::get_if<TextList>(&entry.value);
  if (entry.key == kLimitsKey && list != nullptr)
    return take_list(request, *list);
  const auto kind = kind_of(entry.key);
  const auto* const bound = std::get_if<std::uint64_t>(&entry.value);
  if (!kind || bound == nullptr)
    return refuse(
        "key '" + to_utf8(entry.key) + "' (" + signature_of(entry.value) +
        ") is not known or no limit, expected 'WallTimeUSec', "
        "'CpuTimeUSec', 'MemoryMax', 'ProcessesMax' or 'OpenFilesMax' (t; "
        "0: no limit), 'Limits' (as: " +
        core::kLimitTermsExpect + "), or 'AcceptsLess' (b)");
  if (*bound > core::largest_bound(*kind))
    return refuse("key '" + entry.key + "' is " + std::to_string(*bound) +
                  ", expected at most " +
                  std::to_string(core::largest_bound(*kind)));
  core::LimitChange change = {.kind = *kind};
  if (*bound != 0) change.bound = *bound;
  request.changes.push_back(change);
  return {};
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

std::string fault_of_limits(const TextList& list) {
  LimitRequest unused;
  const auto taken = take_list(unused, list);
  return taken ? std::string() : taken.error().text;
}

core::Answer<LimitRequest> limit_request_of(const Dict& dict) {
  LimitRequest request;
  for (const DictEntry& entry : dict) {
    const auto* const accepts = std::get_if<bool>(&entry.value);
    if (entry.key == kAcceptsLessKey && accepts != nullptr) {
      request.accepts_less = *accepts;
      continue;
    }
    TRY(take_changes(request, entry));
  }
  if (request.changes.empty()) return refuse("no limit was named");
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
