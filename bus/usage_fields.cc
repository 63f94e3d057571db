// SPDX-License-Identifier: Apache-2.0
#include "bus/usage_fields.h"

#include <optional>

#include "bus/words.h"

namespace bus {

namespace {

using core::JobTotals;
using core::UsageView;

/// A number of 64 bits under a key; absent: no key.
struct Field {
  const char* key;
  std::optional<std::uint64_t> (*get)(const UsageView& usage);
  void (*set)(UsageView& usage, std::uint64_t number);
};

template <class T>
std::optional<std::uint64_t> number_of(const T& member) {
  if constexpr (requires { member.raw(); })
    return member.raw();
  else
    return member;
}
template <class T>
std::optional<std::uint64_t> number_of(const core::Maybe<T>& member) {
  return member ? number_of(*member) : std::nullopt;
}
template <class T>
void set_number(T& member, std::uint64_t number) {
  member = T(number);
}
template <class T>
void set_number(core::Maybe<T>& member, std::uint64_t number) {
  member = T(number);
}

/// The member at the end of `kPath`.
template <auto... kPath>
constexpr Field field(const char* key) {
  return {
      .key = key,
      .get =
          [](const UsageView& usage) { return number_of((usage.*....*kPath)); },
      .set =
          [](UsageView& usage, std::uint64_t number) {
            set_number((usage.*....*kPath), number);
          }};
}

constexpr Field kFields[] = {
    field<&UsageView::jid>("Jid"),
    field<&UsageView::read>("ReadBootUSec"),
    field<&UsageView::totals, &JobTotals::user_time>("UserUSec"),
    field<&UsageView::totals, &JobTotals::system_time>("SystemUSec"),
    field<&UsageView::memory>("MemoryBytes"),
    field<&UsageView::totals, &JobTotals::memory_peak>("MemoryPeakBytes"),
    field<&UsageView::totals, &JobTotals::read_bytes>("ReadBytes"),
    field<&UsageView::totals, &JobTotals::write_bytes>("WriteBytes"),
    field<&UsageView::totals, &JobTotals::oom_kills>("OomKills"),
    field<&UsageView::processes>("Processes"),
};

}  // namespace

Dict dict_of(const UsageView& usage) {
  Dict dict;
  dict.reserve(std::size(kFields) + 1);
  dict.push_back(
      {.key = "State", .value = std::string(core::name_of(usage.state))});
  for (const Field& field : kFields)
    if (const auto number = field.get(usage))
      dict.push_back({.key = field.key, .value = *number});
  return dict;
}

core::Answer<UsageView> usage_view_of(const Dict& dict) {
  UsageView usage;
  const Value* const word = find(dict, "State");
  const auto* const text = word ? std::get_if<std::string>(word) : nullptr;
  const auto state = text != nullptr ? parse_state(*text) : std::nullopt;
  if (!state) return not_of_this_version("State");
  usage.state = *state;
  for (const Field& field : kFields) {
    const Value* const value = find(dict, field.key);
    if (value == nullptr) continue;
    const auto* const number = std::get_if<std::uint64_t>(value);
    if (number == nullptr) return not_of_this_version(field.key);
    field.set(usage, *number);
  }
  return usage;
}

}  // namespace bus
