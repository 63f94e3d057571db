// SPDX-License-Identifier: Apache-2.0
#include "bus/limit_keys.h"

#include <optional>
#include <string_view>

#include "bus/dict_codec.h"
#include "bus/utf8.h"

namespace bus {

namespace {

std::optional<core::LimitKind> kind_of(std::string_view key) {
  for (const core::LimitKind kind : core::kLimitKinds)
    if (key == key_of(kind)) return kind;
  return std::nullopt;
}

}  // namespace

core::Answer<LimitRequest> limit_request_of(const Dict& dict) {
  LimitRequest request;
  for (const DictEntry& entry : dict) {
    const auto* const accepts = std::get_if<bool>(&entry.value);
    if (entry.key == kAcceptsLessKey && accepts != nullptr) {
      request.accepts_less = *accepts;
      continue;
    }
    const auto kind = kind_of(entry.key);
    const auto* const bound = std::get_if<std::uint64_t>(&entry.value);
    if (!kind || bound == nullptr || *bound > core::largest_bound(*kind))
      return std::unexpected(core::invalid(
          "key '" + to_utf8(entry.key) + "' (" + signature_of(entry.value) +
          ") is not known or too large, expected 'WallTimeUSec', "
          "'CpuTimeUSec', 'MemoryMax', 'ProcessesMax' or "
          "'OpenFilesMax' (t; 0: no limit), or 'AcceptsLess' (b)"));
    core::LimitChange change = {.kind = *kind, .bound = {}};
    if (*bound != 0) change.bound = *bound;
    request.changes.push_back(change);
  }
  if (request.changes.empty())
    return std::unexpected(core::invalid("no limit was named"));
  return request;
}

Dict dict_of(const LimitRequest& request) {
  Dict dict;
  for (const core::LimitChange& change : request.changes)
    dict.push_back(
        {.key = key_of(change.kind), .value = change.bound.value_or(0)});
  if (request.accepts_less)
    dict.push_back({.key = kAcceptsLessKey, .value = true});
  return dict;
}

}  // namespace bus
