// SPDX-License-Identifier: Apache-2.0
#include "bus/instance_fields.h"

namespace bus {

namespace {

using core::InstanceView;

template <auto kMember>
constexpr InstanceField plain(const char* key) {
  return {key, [](const InstanceView& view) { return Value(view.*kMember); },
          [](InstanceView& view, const Value& value) {
            using Type = std::remove_cvref_t<decltype(view.*kMember)>;
            const Type* const given = std::get_if<Type>(&value);
            if (given != nullptr) view.*kMember = *given;
            return given != nullptr;
          }};
}

constexpr InstanceField kFields[] = {
    plain<&InstanceView::version>("Version"),
    {.key = "ApiLevel",
     .get = [](const InstanceView& /*view*/) { return Value(kApiLevel); },
     .set =
         [](InstanceView& /*view*/, const Value& value) {
           return std::holds_alternative<std::uint32_t>(value);
         }},
    plain<&InstanceView::kind>("Kind"),
    plain<&InstanceView::hid>("Hid"),
    {.key = "Engine",
     .get =
         [](const InstanceView& view) {
           return Value(std::string(core::name_of(view.engine)));
         },
     .set =
         [](InstanceView& view, const Value& value) {
           const auto* const word = std::get_if<std::string>(&value);
           if (word == nullptr) return false;
           const auto engine = core::parse_engine(*word);
           if (engine) view.engine = *engine;
           return engine.has_value();
         }},
    plain<&InstanceView::engine_why>("EngineWhy"),
    plain<&InstanceView::cgroup_base>("CgroupBase"),
    {.key = "Collector",
     .get =
         [](const InstanceView& view) {
           return Value(std::string(core::name_of(view.collector)));
         },
     .set =
         [](InstanceView& view, const Value& value) {
           const auto* const word = std::get_if<std::string>(&value);
           if (word == nullptr) return false;
           const auto collector = core::parse_collector(*word);
           if (collector) view.collector = *collector;
           return collector.has_value();
         }},
    plain<&InstanceView::collector_why>("CollectorWhy"),
    plain<&InstanceView::pacct>("Pacct"),
    plain<&InstanceView::records_written>("RecordsWritten"),
    plain<&InstanceView::records_waiting>("RecordsWaiting"),
    plain<&InstanceView::records_lost>("RecordsLost"),
    plain<&InstanceView::jobs_live>("NJobs"),
    plain<&InstanceView::jobs_remembered>("NRemembered"),
    plain<&InstanceView::supervisor_starts>("SupervisorStarts"),
};

}  // namespace

std::span<const InstanceField> instance_fields() {
  return kFields;
}

core::Answer<core::InstanceView> instance_view_of(const Dict& dict) {
  InstanceView view;
  for (const InstanceField& field : kFields) {
    const Value* const value = find(dict, field.key);
    if (value == nullptr || field.set(view, *value)) continue;
    return not_of_this_version(field.key);
  }
  return view;
}

}  // namespace bus
