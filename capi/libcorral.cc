// SPDX-License-Identifier: Apache-2.0
// libcorral: bus/client.h for C. Each function checks its arguments, calls the
// client once, and turns its answer into numbers; no exception leaves it.
#include <memory>

#include "bus/client_instances.h"
#include "capi/calls.h"

namespace {

using capi::do_with_client;
using capi::give;
using capi::misused;
using capi::with_client;

template <class T>
std::uint64_t number_of(const std::optional<T>& value) {
  if (!value) return CORRAL_ABSENT;
  if constexpr (requires { value->raw(); })
    return value->raw();
  else
    return *value;
}

corral_usage usage_of(const core::UsageView& view) {
  corral_usage usage = {};
  usage.user_us = number_of(view.totals.user_time);
  usage.system_us = number_of(view.totals.system_time);
  usage.memory_bytes = number_of(view.memory);
  usage.memory_peak_bytes = number_of(view.totals.memory_peak);
  usage.read_bytes = number_of(view.totals.read_bytes);
  usage.write_bytes = number_of(view.totals.write_bytes);
  usage.processes = number_of(view.processes);
  return usage;
}

/// Words that may be absent.
void set(std::string& to, const char* from) {
  if (from != nullptr) to = from;
}

core::Answer<void> take_kind(core::JobSpec& spec, const corral_spec& from) {
  if (from.kind != CORRAL_DETACHED && from.kind != CORRAL_ATTACHED)
    return std::unexpected(core::invalid("kind " + std::to_string(from.kind) +
                                         " is not known, expected 0 or 1"));
  spec.kind = from.kind == CORRAL_ATTACHED ? core::JobKind::kAttached
                                           : core::JobKind::kDetached;
  if (from.array == nullptr) return {};
  auto range = core::parse_array_range(from.array);
  if (!range || range->is_empty() || from.kind != CORRAL_DETACHED)
    return std::unexpected(core::invalid("array '" + std::string(from.array) +
                                         "' is none, " + "expected " +
                                         core::kArrayExpected));
  spec.array = *std::move(range);
  spec.kind = core::JobKind::kArray;
  return {};
}

core::Answer<core::JobSpec> spec_of(const corral_spec& from) {
  core::JobSpec spec;
  TRY(take_kind(spec, from));
  spec.argv = capi::texts_of(from.argv);
  spec.env = capi::texts_of(from.env);
  spec.cwd = from.cwd != nullptr ? from.cwd : "/";
  set(spec.name, from.name);
  set(spec.user, from.user);
  set(spec.project, from.project);
  set(spec.account, from.account);
  set(spec.token, from.token);
  TRY(capi::take_limits(spec.limits, spec.terms, from.limits));
  spec.accepts_less = from.accepts_less != 0;
  spec.tags = capi::texts_of(from.tags);
  spec.parent = core::JobId(from.parent);
  spec.requested = core::JobId(from.jid);
  spec.delegates = from.delegates != 0;
  set(spec.domain, from.domain);
  if (from.began_us != 0) spec.began = core::RealTime(from.began_us);
  spec.stragglers =
      TRY(capi::stragglers_of(from.stragglers, core::Stragglers::kEnd));
  if (from.has_plan != 0)
    spec.kill_plan = TRY(capi::plan_of(from.first_signal, from.grace_us));
  if (from.engine == nullptr) return spec;
  spec.engine = core::parse_engine(from.engine);
  if (spec.engine) return spec;
  return std::unexpected(
      core::invalid("engine '" + std::string(from.engine) + "' is not known"));
}

/// 0, or what one that is not open is.
int check_descriptors(corral& to, const corral_spec& spec) {
  for (int i = 0; spec.has_stdio != 0 && i < 3; ++i) {
    if (spec.stdio[i] < 0) continue;
    const int code = capi::check_open(
        to, spec.stdio[i], "which the job is to have as " + std::to_string(i));
    if (code != 0) return code;
  }
  if (spec.has_lifetime != 0 && spec.lifetime >= 0)
    return capi::check_open(to, spec.lifetime, "its lifetime");
  return 0;
}

/// Empty: a bound of that kind.
std::string fault_of(core::LimitKind kind, std::uint64_t bound) {
  const std::string what = "bound " + std::to_string(bound) + " of limit '" +
                           core::row_of(kind).word + "' is too ";
  if (bound == 0 && !core::may_be_zero(kind))
    return what + "small, expected 1 or more; CORRAL_ABSENT takes it away";
  if (bound > core::largest_bound(kind))
    return what + "large, expected at most " +
           std::to_string(core::largest_bound(kind));
  return {};
}

core::Answer<bus::Client> connect(const char* socket) {
  if (socket != nullptr) return bus::Client::connect(socket);
  const auto instance = bus::find_running(bus::Which::kAny);
  if (instance) return bus::Client::connect(instance->socket);
  return std::unexpected(
      core::Refused{.why = core::Refusal::kUnavailable,
                    .text = "no instance of Corral is running"});
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): C's names
extern "C" {

CORRAL_API const char* corral_version(void) {
  return CORRAL_VERSION;
}

CORRAL_API int corral_open(const char* socket, corral** connection) {
  if (connection == nullptr) return -EINVAL;
  *connection = nullptr;
  try {
    auto client = connect(socket);
    if (!client) return capi::code_of(client.error().why);
    auto made = std::make_unique<corral>();
    made->client.emplace(*std::move(client));
    *connection = made.release();
    return 0;
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

CORRAL_API void corral_close(corral* connection) {
  const std::unique_ptr<corral> gone(connection);
}

CORRAL_API const char* corral_error(const corral* connection) {
  return connection != nullptr ? connection->error.c_str() : "";
}

CORRAL_API int corral_create(corral* connection, const corral_spec* spec,
                             corral_jid* jid) {
  if (connection == nullptr || spec == nullptr || jid == nullptr)
    return -EINVAL;
  // A program of before has a smaller one, without a project.
  const auto whole = capi::take(spec, offsetof(corral_spec, project));
  if (!whole)
    return misused(*connection,
                   "the structure has no size, expected CORRAL_INIT(variable)");
  if (const int code = check_descriptors(*connection, *whole); code != 0)
    return code;
  return do_with_client(connection,
                        [&](bus::Client& client) -> core::Answer<void> {
                          bus::BorrowedHandles handles;
                          if (whole->has_stdio != 0)
                            handles = {.standard_input = whole->stdio[0],
                                       .standard_output = whole->stdio[1],
                                       .standard_error = whole->stdio[2]};
                          if (whole->has_lifetime != 0)
                            handles.lifetime = whole->lifetime;
                          const auto what = TRY(spec_of(*whole));
                          const auto job = TRY(client.create(what, handles));
                          *jid = job.jid.raw();
                          return {};
                        });
}

CORRAL_API int corral_find(corral* connection, const char* name,
                           corral_jid* jid) {
  if (name == nullptr || jid == nullptr) return -EINVAL;
  return do_with_client(connection,
                        [&](bus::Client& client) -> core::Answer<void> {
                          *jid = TRY(client.find(name)).raw();
                          return {};
                        });
}

CORRAL_API int corral_find_by_pid(corral* connection, pid_t pid,
                                  corral_jid* jid) {
  if (jid == nullptr || pid < 0) return -EINVAL;
  return do_with_client(connection,
                        [&](bus::Client& client) -> core::Answer<void> {
                          *jid = TRY(client.find_by_pid(core::Pid(pid))).raw();
                          return {};
                        });
}

CORRAL_API int corral_show(corral* connection, corral_jid jid,
                           corral_job* job) {
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const auto view = TRY(client.show(core::JobId(jid)));
    return give(job, capi::job_of(view));
  });
}

CORRAL_API int corral_get_usage(corral* connection, corral_jid jid,
                                corral_usage* usage) {
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const auto view = TRY(client.usage(core::JobId(jid)));
    return give(usage, usage_of(view));
  });
}

CORRAL_API ssize_t corral_list(corral* connection, corral_jid after,
                               corral_jid* jids, size_t room) {
  if (jids == nullptr) return -EINVAL;
  const auto most = static_cast<std::uint32_t>(std::min<size_t>(room, 1000));
  if (most == 0) return 0;
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const auto page = TRY(client.list({}, core::JobId(after), most));
    const std::size_t count = std::min(page.jobs.size(), room);
    for (std::size_t i = 0; i < count; ++i)
      jids[i] = page.jobs[i].jid.raw();
    return static_cast<int>(count);
  });
}

CORRAL_API ssize_t corral_processes(corral* connection, corral_jid jid,
                                    pid_t* pids, size_t room) {
  if (pids == nullptr && room > 0) return -EINVAL;
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const auto processes = TRY(client.processes(core::JobId(jid)));
    for (std::size_t i = 0; i < std::min(processes.size(), room); ++i)
      pids[i] = processes[i].pid.raw();
    return static_cast<int>(processes.size());
  });
}

CORRAL_API int corral_signal(corral* connection, corral_jid jid, int signal,
                             corral_target target) {
  if (connection == nullptr) return -EINVAL;
  if (target != CORRAL_ALL && target != CORRAL_MAIN)
    return misused(*connection, "target " + std::to_string(target) +
                                    " is not known, expected CORRAL_ALL (0) "
                                    "or CORRAL_MAIN (1)");
  return do_with_client(connection, [&](bus::Client& client) {
    return client.signal(core::JobId(jid), core::SignalNumber(signal),
                         target == CORRAL_MAIN ? core::SignalTarget::kMain
                                               : core::SignalTarget::kAll);
  });
}

CORRAL_API int corral_signal_group(corral* connection, corral_jid jid,
                                   pid_t group, int signal) {
  return do_with_client(connection, [&](bus::Client& client) {
    return client.signal_group(core::JobId(jid), core::Pid(group),
                               core::SignalNumber(signal));
  });
}

CORRAL_API int corral_end(corral* connection, corral_jid jid,
                          uint64_t grace_us) {
  core::KillPlanChange change;
  if (grace_us != CORRAL_ABSENT) change.grace = core::Microseconds(grace_us);
  return do_with_client(connection, [&](bus::Client& client) {
    return client.end(core::JobId(jid), change);
  });
}

CORRAL_API int corral_wait(corral* connection, corral_jid jid,
                           uint64_t patience_us, corral_job* job) {
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const core::JobId of(jid);
    if (patience_us == CORRAL_ABSENT)
      return give(job, capi::job_of(TRY(client.wait(of))));
    const auto view = TRY(client.wait_for(of, core::Microseconds(patience_us)));
    return view ? give(job, capi::job_of(*view)) : core::Answer<int>(1);
  });
}

CORRAL_API int corral_freeze(corral* connection, corral_jid jid) {
  return do_with_client(connection, [&](bus::Client& client) {
    return client.freeze(core::JobId(jid), true);
  });
}

CORRAL_API int corral_thaw(corral* connection, corral_jid jid) {
  return do_with_client(connection, [&](bus::Client& client) {
    return client.freeze(core::JobId(jid), false);
  });
}

CORRAL_API int corral_set_limit(corral* connection, corral_jid jid,
                                corral_limit limit, uint64_t bound) {
  if (connection == nullptr) return -EINVAL;
  if (limit < CORRAL_LIMIT_WALL || limit > CORRAL_LIMIT_IO_OPS)
    return misused(*connection, "limit " + std::to_string(limit) +
                                    " is not known, expected 1 to " +
                                    std::to_string(CORRAL_LIMIT_IO_OPS));
  core::LimitChange change{.kind = static_cast<core::LimitKind>(limit),
                           .bound = {}};
  if (bound != CORRAL_ABSENT) {
    std::string fault = fault_of(change.kind, bound);
    if (!fault.empty()) return misused(*connection, std::move(fault));
    change.bound = bound;
  }
  return do_with_client(connection, [&](bus::Client& client) {
    return client.set_limits(core::JobId(jid), {change}, false);
  });
}

CORRAL_API int corral_subscribe(corral* connection, int* descriptor) {
  if (descriptor == nullptr) return -EINVAL;
  return do_with_client(connection,
                        [&](bus::Client& client) -> core::Answer<void> {
                          auto events = TRY(client.subscribe());
                          *descriptor = events.release();
                          return {};
                        });
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
