// SPDX-License-Identifier: Apache-2.0
#include "bus/unit_manager.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include <systemd/sd-daemon.h>

#include "sys/clock.h"

namespace bus {

namespace {

constexpr const char* kAddress = "unix:path=/run/systemd/private";
constexpr const char* kName = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnitExists = "org.freedesktop.systemd1.UnitExists";

struct ErrorText {
  sd_bus_error error = {};
  ErrorText() = default;
  ErrorText(const ErrorText&) = delete;
  ErrorText& operator=(const ErrorText&) = delete;
  ~ErrorText() { ::sd_bus_error_free(&error); }

  [[nodiscard]] std::string said() const {
    return error.message != nullptr ? error.message : "";
  }
};

/// systemd's jobs that have ended, by their paths: ours may be among them
/// before we know how it is called.
struct JobEnds {
  std::vector<std::pair<std::string, std::string>> ends;  ///< job, result

  static int on_removed(sd_bus_message* message, void* userdata,
                        sd_bus_error* /*error*/) noexcept {
    std::uint32_t number = 0;
    const char* job = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (::sd_bus_message_read(message, "uoss", &number, &job, &unit, &result) >
        0)
      static_cast<JobEnds*>(userdata)->ends.emplace_back(job, result);
    return 0;
  }

  [[nodiscard]] const std::string* result_of(const std::string& job) const {
    for (const auto& [path, result] : ends)
      if (path == job) return &result;
    return nullptr;
  }
};

core::Result<void> await_job(sd_bus* bus, const JobEnds& seen,
                             const std::string& job, const std::string& unit) {
  const core::BootTime deadline = sys::boot_now() + UnitManager::kPatience;
  for (;;) {
    if (const std::string* const result = seen.result_of(job)) {
      if (*result == "done") return {};
      return core::fail(ECANCELED, "start", unit);
    }
    const int r = ::sd_bus_process(bus, nullptr);
    if (r < 0) return core::fail(-r, "hear of the start of", unit);
    if (r > 0) continue;
    const core::Microseconds left = deadline - sys::boot_now();
    if (left.raw() == 0) return core::fail(ETIMEDOUT, "start", unit);
    if (const int waited = ::sd_bus_wait(bus, left.raw()); waited < 0)
      return core::fail(-waited, "wait for the start of", unit);
  }
}

int append_scope(sd_bus_message* call, const ScopePlan& plan) {
  constexpr std::uint64_t kNoBound = UINT64_MAX;
  return ::sd_bus_message_append(
      call, "ssa(sv)a(sa(sv))", plan.name.c_str(), "fail", 7U,
      //
      "Description", "s", plan.description.c_str(),
      //
      "Slice", "s", plan.slice.c_str(),
      //
      "PIDs", "au", 1, static_cast<std::uint32_t>(plan.process.raw()),
      //
      "Delegate", "b", 1,
      //
      "TasksMax", "t", kNoBound,
      //
      "CollectMode", "s", "inactive-or-failed",
      //
      "Before", "as", 1, plan.stops_after.c_str(), 0U);
}

}  // namespace

core::Result<UnitManager> UnitManager::connect() {
  sd_bus* made = nullptr;
  int r = ::sd_bus_new(&made);
  if (r < 0) return core::fail(-r, "sd_bus_new");
  BusPtr bus(made);
  r = ::sd_bus_set_address(made, kAddress);
  if (r >= 0) r = ::sd_bus_set_method_call_timeout(made, kPatience.raw());
  if (r >= 0) r = ::sd_bus_start(made);
  if (r < 0) return core::fail(-r, "reach systemd at", kAddress);
  return UnitManager(std::move(bus));
}

core::Result<void> UnitManager::start_scope(const ScopePlan& plan) {
  JobEnds seen;
  sd_bus_slot* slot = nullptr;
  int r = ::sd_bus_match_signal(bus_.get(), &slot, nullptr, kPath, kManager,
                                "JobRemoved", JobEnds::on_removed, &seen);
  const SlotPtr match(slot);
  sd_bus_message* made = nullptr;
  if (r >= 0)
    r = ::sd_bus_message_new_method_call(bus_.get(), &made, kName, kPath,
                                         kManager, "StartTransientUnit");
  const MessageRef call = MessageRef::take(made);
  if (r >= 0) r = append_scope(made, plan);
  if (r < 0) return core::fail(-r, "ask for", plan.name);
  ErrorText why;
  sd_bus_message* reply = nullptr;
  r = ::sd_bus_call(bus_.get(), made, 0, &why.error, &reply);
  const MessageRef answer = MessageRef::take(reply);
  if (::sd_bus_error_has_name(&why.error, kUnitExists) > 0)
    return core::fail(EEXIST, "start", plan.name);
  if (r < 0) return core::fail(-r, "have a scope started", why.said());
  const char* job = nullptr;
  r = ::sd_bus_message_read(reply, "o", &job);
  if (r < 0) return core::fail(-r, "start", plan.name);
  return await_job(bus_.get(), seen, job, plan.name);
}

core::Result<void> UnitManager::attach(const std::string& unit,
                                       const std::string& group,
                                       core::Pid process) {
  ErrorText why;
  const int r = ::sd_bus_call_method(
      bus_.get(), kName, kPath, kManager, "AttachProcessesToUnit", &why.error,
      nullptr, "ssau", unit.c_str(), group.c_str(), 1,
      static_cast<std::uint32_t>(process.raw()));
  if (r < 0) return core::fail(-r, "attach to a scope", why.said());
  return {};
}

core::Result<bool> UnitManager::is_stopping() {
  ErrorText why;
  char* text = nullptr;
  const int r = ::sd_bus_get_property_string(bus_.get(), kName, kPath, kManager,
                                             "SystemState", &why.error, &text);
  const std::string state = r >= 0 && text != nullptr ? text : "";
  std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): sd-bus made it so
  if (r < 0) return core::fail(-r, "ask for the machine's state", why.said());
  return state == "stopping";
}

void tell_unit_manager(const std::string& state) {
  (void)::sd_notify(0, state.c_str());
}

}  // namespace bus
