// SPDX-License-Identifier: Apache-2.0
#include "bus/vtables.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "bus/accounting_methods.h"
#include "bus/attach_methods.h"
#include "bus/call.h"
#include "bus/dict_codec.h"
#include "bus/instance_fields.h"
#include "bus/job_fields.h"
#include "bus/job_methods.h"
#include "bus/job_properties.h"
#include "bus/manager_methods.h"
#include "bus/names.h"
#include "bus/object_manager.h"
#include "bus/provider_methods.h"
#include "bus/refusal_names.h"
#include "bus/session_methods.h"

namespace bus {

namespace {

// NOLINTBEGIN(readability-function-size): the signatures are those of sd-bus

core::Caller caller_of(Connection& connection) {
  sd_bus_message* const message =
      ::sd_bus_get_current_message(connection.bus());
  const Identity* const sender =
      message != nullptr ? connection.senders().find(message) : nullptr;
  return sender != nullptr ? sender->caller : anybody();
}

int get_manager_property(sd_bus* /*bus*/, const char* /*path*/,
                         const char* /*interface*/, const char* property,
                         sd_bus_message* reply, void* userdata,
                         sd_bus_error* /*error*/) noexcept {
  try {
    auto& connection = *static_cast<Connection*>(userdata);
    auto& view = connection.views().instance;
    if (!view) view = connection.port().instance();
    for (const InstanceField& field : instance_fields())
      if (std::strcmp(field.key, property) == 0)
        return append_bare(linked_sd_bus(), reply, field.get(*view));
    return -ENOENT;
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

template <char kType>
int get_job_property(sd_bus* /*bus*/, const char* path,
                     const char* /*interface*/, const char* property,
                     sd_bus_message* reply, void* userdata,
                     sd_bus_error* error) noexcept {
  try {
    auto& connection = *static_cast<Connection*>(userdata);
    const auto jid = job_of_path(path);
    if (!jid) return -ENOENT;
    auto& view = connection.views().job;
    if (!view || view->jid != *jid) {
      view = brief_view(connection.port(), caller_of(connection), *jid);
      if (!view)
        return ::sd_bus_error_setf(
            error, name_of(core::Refusal::kNoSuchJob).error,
            "there is no job %s", core::display(*jid).c_str());
    }
    return append_job_property(reply, *view, property, kType);
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

/// Every path of the right form is a job; whether it exists is the port's to
/// say, with our error.
int find_job_object(sd_bus* /*bus*/, const char* path,
                    const char* /*interface*/, void* userdata, void** found,
                    sd_bus_error* /*error*/) noexcept {
  if (!job_of_path(path)) return 0;
  *found = userdata;
  return 1;
}

/// sd-bus frees the list and its strings with free(3).
char** new_list(std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc)
  return static_cast<char**>(std::calloc(size, sizeof(char*)));
}

/// For introspection by people: the first jobs only.
int enumerate_jobs(sd_bus* /*bus*/, const char* /*prefix*/, void* userdata,
                   char*** nodes, sd_bus_error* /*error*/) noexcept {
  constexpr std::uint32_t kMostNodes = 256;
  try {
    auto& connection = *static_cast<Connection*>(userdata);
    const core::JobPage page = connection.port().list(
        caller_of(connection),
        {.owner = {}, .with_ended = true, .detail = core::Detail::kRow}, {},
        kMostNodes);
    char** const list = new_list(page.jobs.size() + 1);
    if (list == nullptr) return -ENOMEM;
    std::size_t used = 0;
    for (const core::JobView& view : page.jobs) {
      char* const node = ::strdup(job_path(view.jid).c_str());
      if (node != nullptr) list[used++] = node;
    }
    *nodes = list;
    return 0;
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

/// Comes before sd-bus's own ObjectManager, which is there for introspection.
int on_root(sd_bus_message* message, void* connection,
            sd_bus_error* error) noexcept {
  if (::sd_bus_message_is_method_call(message, kObjectsInterface,
                                      "GetManagedObjects") <= 0)
    return 0;
  return method_entry<get_managed_objects>(message, connection, error);
}

// NOLINTEND(readability-function-size)

constexpr std::uint64_t kOpen = SD_BUS_VTABLE_UNPRIVILEGED;
constexpr std::uint64_t kConst = SD_BUS_VTABLE_PROPERTY_CONST;
constexpr std::uint64_t kChanges = SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;

// NOLINTBEGIN(cppcoreguidelines-pro-bounds-array-to-pointer-decay)
const sd_bus_vtable kManagerVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Version", "s", get_manager_property, 0, kConst),
    SD_BUS_PROPERTY("ApiLevel", "u", get_manager_property, 0, kConst),
    SD_BUS_PROPERTY("Kind", "s", get_manager_property, 0, kConst),
    SD_BUS_PROPERTY("Hid", "u", get_manager_property, 0, kConst),
    SD_BUS_PROPERTY("Engine", "s", get_manager_property, 0, kConst),
    SD_BUS_PROPERTY("EngineWhy", "s", get_manager_property, 0, kConst),
    SD_BUS_PROPERTY("CgroupBase", "s", get_manager_property, 0, kConst),
    SD_BUS_PROPERTY("Collector", "s", get_manager_property, 0, 0),
    SD_BUS_PROPERTY("CollectorWhy", "s", get_manager_property, 0, 0),
    SD_BUS_PROPERTY("Pacct", "s", get_manager_property, 0, 0),
    SD_BUS_PROPERTY("RecordsWritten", "t", get_manager_property, 0, 0),
    SD_BUS_PROPERTY("RecordsWaiting", "t", get_manager_property, 0, 0),
    SD_BUS_PROPERTY("RecordsLost", "t", get_manager_property, 0, 0),
    SD_BUS_PROPERTY("NJobs", "t", get_manager_property, 0, 0),
    SD_BUS_PROPERTY("NRemembered", "t", get_manager_property, 0, 0),
    SD_BUS_PROPERTY("SupervisorStarts", "u", get_manager_property, 0, 0),
    SD_BUS_METHOD_WITH_NAMES(
        "CreateJob", "a{sv}", SD_BUS_PARAM(spec), "toa{sv}",
        SD_BUS_PARAM(jid) SD_BUS_PARAM(job) SD_BUS_PARAM(extra),
        method_entry<create_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("GetJob", "t", SD_BUS_PARAM(jid), "o",
                             SD_BUS_PARAM(job), method_entry<get_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("GetJobByPid", "u", SD_BUS_PARAM(pid), "to",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(job),
                             method_entry<get_job_by_pid>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("FindJob", "s", SD_BUS_PARAM(name), "to",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(job),
                             method_entry<find_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES(
        "ListJobs", "a{sv}tu",
        SD_BUS_PARAM(filter) SD_BUS_PARAM(after) SD_BUS_PARAM(most), "aa{sv}b",
        SD_BUS_PARAM(jobs) SD_BUS_PARAM(has_more), method_entry<list_jobs>,
        kOpen),
    SD_BUS_METHOD_WITH_NAMES(
        "ListJobRows", "a{sv}tu",
        SD_BUS_PARAM(filter) SD_BUS_PARAM(after) SD_BUS_PARAM(most),
        "a(tsussttt)b", SD_BUS_PARAM(rows) SD_BUS_PARAM(has_more),
        method_entry<list_job_rows>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Signal", "tis",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(signal)
                                 SD_BUS_PARAM(whom),
                             "", , method_entry<signal_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("SignalGroup", "tui",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(group)
                                 SD_BUS_PARAM(signal),
                             "", , method_entry<signal_group>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("EndJob", "ta{sv}",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(plan), "", ,
                             method_entry<end_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("EndMember", "tua{sv}",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(index)
                                 SD_BUS_PARAM(plan),
                             "", , method_entry<end_member>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("SetLimits", "ta{sv}",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(limits), "", ,
                             method_entry<set_limits>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("FreezeJob", "t", SD_BUS_PARAM(jid), "", ,
                             method_entry<freeze_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("ThawJob", "t", SD_BUS_PARAM(jid), "", ,
                             method_entry<thaw_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("AttachPid", "tus",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(pid)
                                 SD_BUS_PARAM(mode),
                             "", , method_entry<attach_pid>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("AttachPidFd", "ths",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(pidfd)
                                 SD_BUS_PARAM(mode),
                             "", , method_entry<attach_pidfd>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("DetachPid", "u", SD_BUS_PARAM(pid), "t",
                             SD_BUS_PARAM(jid), method_entry<detach_pid>,
                             kOpen),
    SD_BUS_METHOD_WITH_NAMES("DetachPidFd", "h", SD_BUS_PARAM(pidfd), "t",
                             SD_BUS_PARAM(jid), method_entry<detach_pidfd>,
                             kOpen),
    SD_BUS_METHOD_WITH_NAMES("DetachJob", "t", SD_BUS_PARAM(jid), "u",
                             SD_BUS_PARAM(count), method_entry<detach_job>,
                             kOpen),
    SD_BUS_METHOD_WITH_NAMES(
        "CreateSessionJob", "a{sv}", SD_BUS_PARAM(session), "tob",
        SD_BUS_PARAM(jid) SD_BUS_PARAM(job) SD_BUS_PARAM(existing),
        method_entry<create_session_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("CloseSession", "t", SD_BUS_PARAM(jid), "", ,
                             method_entry<close_session>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Wait", "t", SD_BUS_PARAM(jid), "a{sv}",
                             SD_BUS_PARAM(view), method_entry<wait_for_job>,
                             kOpen),
    SD_BUS_METHOD_WITH_NAMES("ShowJob", "t", SD_BUS_PARAM(jid), "a{sv}",
                             SD_BUS_PARAM(view), method_entry<show_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("GetUsage", "t", SD_BUS_PARAM(jid), "a{sv}",
                             SD_BUS_PARAM(usage), method_entry<get_usage>,
                             kOpen),
    SD_BUS_METHOD_WITH_NAMES("GetProcesses", "t", SD_BUS_PARAM(jid), "a(uusst)",
                             SD_BUS_PARAM(processes),
                             method_entry<get_processes>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("OpenLog", "t", SD_BUS_PARAM(jid), "h",
                             SD_BUS_PARAM(log), method_entry<open_log>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Subscribe", "as", SD_BUS_PARAM(classes), "h",
                             SD_BUS_PARAM(events), method_entry<subscribe>,
                             kOpen),
    SD_BUS_METHOD_WITH_NAMES(
        "RegisterProvider", "sas", SD_BUS_PARAM(name) SD_BUS_PARAM(events), "h",
        SD_BUS_PARAM(stream), method_entry<register_provider>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("UnregisterProvider", "s", SD_BUS_PARAM(name), "",
                             , method_entry<unregister_provider>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("ListProviders", "", , "aa{sv}",
                             SD_BUS_PARAM(providers),
                             method_entry<list_providers>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("AttachToAggregate", "sta{sv}",
                             SD_BUS_PARAM(provider) SD_BUS_PARAM(aggregate)
                                 SD_BUS_PARAM(what),
                             "", , method_entry<attach_to_aggregate>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("DetachFromAggregate", "sta{sv}",
                             SD_BUS_PARAM(provider) SD_BUS_PARAM(aggregate)
                                 SD_BUS_PARAM(what),
                             "", , method_entry<detach_from_aggregate>, kOpen),
    SD_BUS_METHOD("Reexec", "", "", method_entry<reexec>, kOpen),
    SD_BUS_METHOD("ShutDown", "", "", method_entry<shut_down>, kOpen),
    SD_BUS_SIGNAL_WITH_NAMES("JobNew", "tosu",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(job)
                                 SD_BUS_PARAM(name) SD_BUS_PARAM(uid),
                             0),
    SD_BUS_SIGNAL_WITH_NAMES("JobRemoved", "tosi",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(job)
                                 SD_BUS_PARAM(result) SD_BUS_PARAM(status),
                             0),
    SD_BUS_SIGNAL_WITH_NAMES("LimitHit", "tostt",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(job) SD_BUS_PARAM(
                                 limit) SD_BUS_PARAM(value) SD_BUS_PARAM(bound),
                             0),
    SD_BUS_SIGNAL_WITH_NAMES("SoftLimitHit", "tostti",
                             SD_BUS_PARAM(jid) SD_BUS_PARAM(job)
                                 SD_BUS_PARAM(limit) SD_BUS_PARAM(value)
                                     SD_BUS_PARAM(bound) SD_BUS_PARAM(signal),
                             0),
    SD_BUS_VTABLE_END,
};

const sd_bus_vtable kAccountingVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_NAMES("Status", "", , "a{sv}", SD_BUS_PARAM(status),
                             method_entry<get_accounting_status>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Switch", "", , "s", SD_BUS_PARAM(name),
                             method_entry<switch_accounting>, kOpen),
    SD_BUS_METHOD("On", "", "", method_entry<turn_accounting_on>, kOpen),
    SD_BUS_METHOD("Off", "", "", method_entry<turn_accounting_off>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Enable", "asa{sv}",
                             SD_BUS_PARAM(kinds) SD_BUS_PARAM(thresholds), "", ,
                             method_entry<enable_accounting>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Disable", "as", SD_BUS_PARAM(kinds), "", ,
                             method_entry<disable_accounting>, kOpen),
    SD_BUS_METHOD_WITH_NAMES(
        "WriteRecord", "stay",
        SD_BUS_PARAM(kind) SD_BUS_PARAM(jid) SD_BUS_PARAM(record), "b",
        SD_BUS_PARAM(recorded), method_entry<write_daemon_record>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("StartJobFile", "h", SD_BUS_PARAM(file), "", ,
                             method_entry<start_job_file>, kOpen),
    SD_BUS_METHOD("SyncJobFile", "", "", method_entry<sync_job_file>, kOpen),
    SD_BUS_METHOD("StopJobFile", "", "", method_entry<stop_job_file>, kOpen),
    SD_BUS_VTABLE_END,
};

const sd_bus_vtable kJobVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Jid", "t", get_job_property<'t'>, 0, kConst),
    SD_BUS_PROPERTY("Name", "s", get_job_property<'s'>, 0, kConst),
    SD_BUS_PROPERTY("Uid", "u", get_job_property<'u'>, 0, kConst),
    SD_BUS_PROPERTY("Kind", "s", get_job_property<'s'>, 0, kConst),
    SD_BUS_PROPERTY("Engine", "s", get_job_property<'s'>, 0, kConst),
    SD_BUS_PROPERTY("CreatedUSec", "t", get_job_property<'t'>, 0, kConst),
    SD_BUS_PROPERTY("Array", "t", get_job_property<'t'>, 0, kConst),
    SD_BUS_PROPERTY("ArrayIndex", "u", get_job_property<'u'>, 0, kConst),
    SD_BUS_PROPERTY("ArrayRange", "s", get_job_property<'s'>, 0, kConst),
    SD_BUS_PROPERTY("State", "s", get_job_property<'s'>, 0, kChanges),
    SD_BUS_PROPERTY("FreezerState", "s", get_job_property<'s'>, 0, kChanges),
    SD_BUS_PROPERTY("Result", "s", get_job_property<'s'>, 0, kChanges),
    SD_BUS_PROPERTY("Sentence", "s", get_job_property<'s'>, 0, kChanges),
    SD_BUS_PROPERTY("MainPid", "u", get_job_property<'u'>, 0, kChanges),
    SD_BUS_PROPERTY("ControlGroup", "s", get_job_property<'s'>, 0, kChanges),
    SD_BUS_PROPERTY("StartedUSec", "t", get_job_property<'t'>, 0, kChanges),
    SD_BUS_PROPERTY("EndedUSec", "t", get_job_property<'t'>, 0, kChanges),
    SD_BUS_METHOD_WITH_NAMES("Signal", "is",
                             SD_BUS_PARAM(signal) SD_BUS_PARAM(whom), "", ,
                             method_entry<signal_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("SignalGroup", "ui",
                             SD_BUS_PARAM(group) SD_BUS_PARAM(signal), "", ,
                             method_entry<signal_group>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("End", "a{sv}", SD_BUS_PARAM(plan), "", ,
                             method_entry<end_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("SetLimits", "a{sv}", SD_BUS_PARAM(limits), "", ,
                             method_entry<set_limits>, kOpen),
    SD_BUS_METHOD("Freeze", "", "", method_entry<freeze_job>, kOpen),
    SD_BUS_METHOD("Thaw", "", "", method_entry<thaw_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("AttachPid", "us",
                             SD_BUS_PARAM(pid) SD_BUS_PARAM(mode), "", ,
                             method_entry<attach_pid>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("AttachPidFd", "hs",
                             SD_BUS_PARAM(pidfd) SD_BUS_PARAM(mode), "", ,
                             method_entry<attach_pidfd>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Detach", "", , "u", SD_BUS_PARAM(count),
                             method_entry<detach_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Wait", "", , "a{sv}", SD_BUS_PARAM(view),
                             method_entry<wait_for_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("Show", "", , "a{sv}", SD_BUS_PARAM(view),
                             method_entry<show_job>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("GetUsage", "", , "a{sv}", SD_BUS_PARAM(usage),
                             method_entry<get_usage>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("GetProcesses", "", , "a(uusst)",
                             SD_BUS_PARAM(processes),
                             method_entry<get_processes>, kOpen),
    SD_BUS_METHOD_WITH_NAMES("OpenLog", "", , "h", SD_BUS_PARAM(log),
                             method_entry<open_log>, kOpen),
    SD_BUS_VTABLE_END,
};
// NOLINTEND(cppcoreguidelines-pro-bounds-array-to-pointer-decay)

}  // namespace

core::Result<void> offer_objects(Connection& connection) {
  // The slots float: they live as long as the connection.
  int r = ::sd_bus_add_object_vtable(connection.bus(), nullptr, kManagerPath,
                                     kManagerInterface, kManagerVtable,
                                     &connection);
  if (r >= 0)
    r = ::sd_bus_add_object_vtable(connection.bus(), nullptr, kManagerPath,
                                   kAccountingInterface, kAccountingVtable,
                                   &connection);
  if (r >= 0)
    r = ::sd_bus_add_fallback_vtable(connection.bus(), nullptr, kJobsPath,
                                     kJobInterface, kJobVtable, find_job_object,
                                     &connection);
  if (r >= 0)
    r = ::sd_bus_add_object_manager(connection.bus(), nullptr, kRootPath);
  if (r >= 0)
    r = ::sd_bus_add_object(connection.bus(), nullptr, kRootPath, on_root,
                            &connection);
  if (r >= 0)
    r = ::sd_bus_add_node_enumerator(connection.bus(), nullptr, kJobsPath,
                                     enumerate_jobs, &connection);
  if (r < 0) return core::fail(-r, "offer bus objects", kManagerPath);
  return {};
}

}  // namespace bus
