// SPDX-License-Identifier: Apache-2.0
#include "bus/accounting_fields.h"

namespace bus {

namespace {

using core::AccountingView;

struct Field {
  const char* key;
  Value (*get)(const AccountingView& view);
  /// False: the value has another type.
  bool (*set)(AccountingView& view, const Value& value);
};

template <auto kMember>
constexpr Field field(const char* key) {
  using Member = std::remove_cvref_t<decltype(AccountingView().*kMember)>;
  return {
      .key = key,
      .get = [](const AccountingView& view) { return Value(view.*kMember); },
      .set =
          [](AccountingView& view, const Value& value) {
            const auto* const held = std::get_if<Member>(&value);
            if (held != nullptr) view.*kMember = *held;
            return held != nullptr;
          }};
}

/// A number within a part of the view.
template <auto kPart, auto kMember>
constexpr Field within(const char* key) {
  return {.key = key,
          .get =
              [](const AccountingView& view) {
                return Value(view.*kPart.*kMember);
              },
          .set =
              [](AccountingView& view, const Value& value) {
                const auto* const held = std::get_if<std::uint64_t>(&value);
                if (held != nullptr) view.*kPart.*kMember = *held;
                return held != nullptr;
              }};
}

constexpr Field kFields[] = {
    field<&AccountingView::is_on>("On"),
    field<&AccountingView::pacct>("Pacct"),
    field<&AccountingView::written>("RecordsWritten"),
    field<&AccountingView::waiting>("RecordsWaiting"),
    field<&AccountingView::lost>("RecordsLost"),
    field<&AccountingView::fault>("Fault"),
    {.key = "Kinds",
     .get = [](const AccountingView& view) -> Value {
       return names_of(view.switches.kinds);
     },
     .set =
         [](AccountingView& view, const Value& value) {
           const auto* const names = std::get_if<TextList>(&value);
           if (names != nullptr) view.switches.kinds = kinds_of(*names).kinds;
           return names != nullptr;
         }},
    within<&AccountingView::switches, &core::RecordSwitches::memory_kib>(
        kMemoryThresholdKey),
    within<&AccountingView::switches, &core::RecordSwitches::time_us>(
        kTimeThresholdKey),
    within<&AccountingView::rules, &core::FileRules::most_bytes>("SwitchSize"),
    {.key = "SwitchEvery",
     .get = [](const AccountingView& view) -> Value {
       return view.rules.longest.raw();
     },
     .set =
         [](AccountingView& view, const Value& value) {
           const auto* const held = std::get_if<std::uint64_t>(&value);
           if (held != nullptr) view.rules.longest = core::Microseconds(*held);
           return held != nullptr;
         }},
    within<&AccountingView::rules, &core::FileRules::least_free>("LeastFree"),
    field<&AccountingView::switched>("Switched"),
    field<&AccountingView::switched_for>("SwitchedFor"),
    field<&AccountingView::switches_by_rule>("SwitchesByRule"),
    field<&AccountingView::lacks_room>("LacksRoom"),
};

}  // namespace

TextList names_of(std::uint32_t kinds) {
  TextList names;
  for (const core::AccountKindRow& row : core::kAccountKinds)
    if ((kinds & core::bit_of(row.kind)) != 0) names.emplace_back(row.name);
  return names;
}

KindList kinds_of(const TextList& names) {
  KindList list;
  for (const std::string& name : names) {
    const auto* const row = core::find_account_kind(name);
    if (row == nullptr)
      list.unknown = name;
    else
      list.kinds |= core::bit_of(row->kind);
  }
  return list;
}

Dict dict_of(const AccountingView& view) {
  Dict dict;
  for (const Field& field : kFields)
    dict.push_back({.key = field.key, .value = field.get(view)});
  return dict;
}

core::Answer<AccountingView> accounting_view_of(const Dict& dict) {
  AccountingView view;
  for (const Field& field : kFields) {
    const Value* const value = find(dict, field.key);
    if (value != nullptr && field.set(view, *value)) continue;
    return not_of_this_version(field.key);
  }
  return view;
}

}  // namespace bus
