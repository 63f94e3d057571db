// SPDX-License-Identifier: Apache-2.0
#include "bus/job_properties.h"

#include <cerrno>
#include <cstring>

#include "bus/dict_codec.h"
#include "bus/job_fields.h"
#include "bus/names.h"

namespace bus {

namespace {

struct Property {
  const char* name;
  char type;
};
// NOLINTBEGIN(modernize-use-designated-initializers): a table
/// Those of the vtable (tests/integration/bus_contract.py compares).
constexpr Property kProperties[] = {
    {"Jid", 't'},         {"Name", 's'},         {"Uid", 'u'},
    {"Kind", 's'},        {"Engine", 's'},       {"CreatedUSec", 't'},
    {"State", 's'},       {"FreezerState", 's'}, {"Result", 's'},
    {"Sentence", 's'},    {"MainPid", 'u'},      {"ControlGroup", 's'},
    {"StartedUSec", 't'}, {"EndedUSec", 't'},    {"Array", 't'},
    {"ArrayIndex", 'u'},  {"ArrayRange", 's'},
};
// NOLINTEND(modernize-use-designated-initializers)

/// What a property of this type says while there is nothing to say.
int append_nothing(sd_bus_message* message, char type) {
  const std::uint64_t zero = 0;
  return type == SD_BUS_TYPE_STRING
             ? ::sd_bus_message_append_basic(message, type, "")
             : ::sd_bus_message_append_basic(message, type, &zero);
}

int append_entry(sd_bus_message* message, const core::JobView& view,
                 const Property& property) {
  const char type[2] = {property.type, '\0'};
  int r =
      ::sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv");
  if (r >= 0)
    r = ::sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING,
                                      property.name);
  if (r >= 0)
    r = ::sd_bus_message_open_container(message, SD_BUS_TYPE_VARIANT, type);
  if (r >= 0)
    r = append_job_property(message, view, property.name, property.type);
  if (r >= 0) r = ::sd_bus_message_close_container(message);
  return r < 0 ? r : ::sd_bus_message_close_container(message);
}

}  // namespace

core::Caller anybody() {
  return {.uid = core::Uid(UINT32_MAX), .pid = {}, .groups = {}, .granted = {}};
}

std::optional<core::JobView> brief_view(core::JobControl& port,
                                        const core::Caller& caller,
                                        core::JobId jid) {
  if (jid == core::kNoJob) return std::nullopt;
  core::JobPage page = port.list(
      caller, {.owner = {}, .with_ended = true, .detail = core::Detail::kBrief},
      core::JobId(jid.raw() - 1), 1);
  if (page.jobs.empty() || page.jobs[0].jid != jid) return std::nullopt;
  return std::move(page.jobs[0]);
}

int append_job_property(sd_bus_message* message, const core::JobView& view,
                        const char* name, char type) {
  for (const JobField& field : job_fields()) {
    if (std::strcmp(field.key, name) != 0) continue;
    const std::optional<Value> value = field.get(view);
    return value ? append_bare(linked_sd_bus(), message, *value)
                 : append_nothing(message, type);
  }
  return -ENOENT;
}

int append_job_interfaces(sd_bus_message* message, const core::JobView& view) {
  int r =
      ::sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sa{sv}}");
  if (r >= 0)
    r = ::sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY,
                                        "sa{sv}");
  if (r >= 0)
    r = ::sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING,
                                      kJobInterface);
  if (r >= 0)
    r = ::sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sv}");
  for (const Property& property : kProperties)
    if (r >= 0) r = append_entry(message, view, property);
  for (int open = 0; open < 3; ++open)
    if (r >= 0) r = ::sd_bus_message_close_container(message);
  return r;
}

}  // namespace bus
