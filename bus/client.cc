// SPDX-License-Identifier: Apache-2.0
#include "bus/client.h"

#include <sys/random.h>

#include <cerrno>

#include "bus/client_state.h"
#include "bus/client_transport.h"
#include "bus/dict_codec.h"
#include "bus/instance_fields.h"
#include "bus/job_fields.h"
#include "bus/limit_keys.h"
#include "bus/names.h"
#include "bus/session_keys.h"
#include "bus/silent_peer.h"
#include "bus/spec_keys.h"
#include "bus/usage_fields.h"
#include "bus/words.h"
#include "core/limit_text.h"
#include "sys/clock.h"

namespace bus {

namespace {

constexpr Method manager(const char* member,
                         Repeat repeat = Repeat::kUntilAnswered) {
  return {.interface = kManagerInterface, .member = member, .repeat = repeat};
}

Arguments jid_argument(core::JobId jid) {
  return [jid](const SdBusTable& sd, sd_bus_message* message) {
    return sd.append(message, "t", jid.raw());
  };
}

/// The descriptor under `key`, if the answer has one.
core::Answer<core::Handle> handle_of(const Dict& dict, std::string_view key) {
  const Value* const value = bus::find(dict, key);
  if (value == nullptr) return core::Handle();
  const auto* const number = std::get_if<FdNumber>(value);
  if (number == nullptr) return malformed();
  return duplicate(number->fd);
}

Dict request_of(const core::JobSpec& spec, const BorrowedHandles& handles) {
  Dict dict = dict_of(spec);
  const auto lend = [&dict](const char* key, int fd) {
    if (fd >= 0) dict.push_back({key, FdNumber{fd}});
  };
  lend("StandardInput", handles.standard_input);
  lend("StandardOutput", handles.standard_output);
  lend("StandardError", handles.standard_error);
  lend(kLifetimeKey, handles.lifetime);
  return dict;
}

Dict filter_of(const core::JobFilter& filter) {
  Dict dict;
  if (filter.owner) dict.push_back({"Uid", filter.owner->raw()});
  if (filter.with_ended) dict.push_back({"WithEnded", true});
  if (!filter.tags.empty()) dict.push_back({"Tags", filter.tags});
  if (!filter.project.empty()) dict.push_back({"Project", filter.project});
  if (!filter.account.empty()) dict.push_back({"Account", filter.account});
  if (filter.array != core::kNoJob)
    dict.push_back({"Array", filter.array.raw()});
  return dict;
}

}  // namespace

core::Answer<std::string> random_token() {
  std::uint64_t numbers[2] = {};
  if (::getrandom(numbers, sizeof numbers, 0) != sizeof numbers)
    return refuse(core::Refusal::kUnavailable,
                  std::string("getrandom: ") + std::strerror(errno));
  core::Text<40> text("c-");
  text.append_hex(numbers[0], 16).append_hex(numbers[1], 16);
  return std::string(text.view());
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

core::Answer<Client> Client::connect(std::string socket_path,
                                     ClientOptions options) {
  core::Result<sys::UniqueFd> socket = connect_private(socket_path);
  // Its queue is full: it is not taking anybody out of it.
  if (!socket && socket.error().code == EAGAIN)
    socket = await_private(socket_path, sys::boot_now() + options.hello_within);
  if (!socket && socket.error().code == EAGAIN)
    return refuse(core::Refusal::kUnavailable,
                  describe_full_queue(socket_path));
  if (!socket)
    return refuse(core::Refusal::kUnavailable,
                  "no instance answers at '" + socket_path +
                      "': " + std::strerror(socket.error().code));
  std::expected<SdBusTable, std::string> sd = load_sd_bus();
  if (!sd) return refuse(core::Refusal::kUnavailable, std::move(sd).error());
  auto state = std::make_unique<State>(*sd, std::move(socket_path), options);
  TRY(state->connection.start(*std::move(socket), options.hello_within));
  return Client(std::move(state));
}

bool Client::is_silent() const {
  return state_->connection.is_silent();
}

bool Client::has_lost_socket() const {
  return state_->connection.has_lost_socket();
}

core::Answer<core::CreatedJob> Client::create(const core::JobSpec& spec,
                                              const BorrowedHandles& handles) {
  Dict request = request_of(spec, handles);
  if (spec.token.empty()) request.push_back({"Token", TRY(random_token())});
  const HeldMessage reply = TRY(
      state_->call(manager("CreateJob"),
                   [&request](const SdBusTable& sd, sd_bus_message* message) {
                     return append_dict(sd, message, request);
                   }));
  core::CreatedJob job;
  std::uint64_t jid = 0;
  const char* path = nullptr;
  if (state_->sd().read(reply.get(), "to", &jid, &path) <= 0)
    return malformed();
  job.jid = core::JobId(jid);
  const Dict extra = TRY(read_dict(state_->sd(), reply.get()));
  const Value* const engine = bus::find(extra, "Engine");
  if (engine == nullptr || !std::holds_alternative<std::string>(*engine))
    return malformed();
  job.engine = core::parse_engine(std::get<std::string>(*engine))
                   .value_or(core::Engine::kSubreaper);
  job.link = TRY(handle_of(extra, "Link"));
  job.container = TRY(handle_of(extra, "Container"));
  for (const char* key : kJoinKeys) {
    core::Handle join = TRY(handle_of(extra, key));
    if (join.is_open()) job.joins.push_back(std::move(join));
  }
  if (const Value* const limits = bus::find(extra, kScopeLimitsKey)) {
    const auto* const text = std::get_if<std::string>(limits);
    if (text == nullptr || !core::parse_limits(job.scope_limits, text->c_str()))
      return malformed();
  }
  if (const Value* const limits = bus::find(extra, kProcessLimitsKey)) {
    const auto* const list = std::get_if<RlimitList>(limits);
    if (list == nullptr) return malformed();
    job.process_limits = *list;
  }
  return job;
}

core::Answer<core::JobView> Client::show(core::JobId jid) {
  const HeldMessage reply =
      TRY(state_->call(manager("ShowJob"), jid_argument(jid)));
  return state_->read_view(reply);
}

core::Answer<core::UsageView> Client::usage(core::JobId jid) {
  const HeldMessage reply =
      TRY(state_->call(manager("GetUsage"), jid_argument(jid)));
  const Dict dict = TRY(read_dict(state_->sd(), reply.get()));
  return usage_view_of(dict);
}

core::Answer<core::JobId> Client::find(std::string_view name) {
  const std::string text(name);
  const HeldMessage reply =
      TRY(state_->call(manager("FindJob"),
                       [&text](const SdBusTable& sd, sd_bus_message* message) {
                         return sd.append(message, "s", text.c_str());
                       }));
  return state_->read_jid(reply);
}

core::Answer<core::JobId> Client::find_by_pid(core::Pid pid) {
  const HeldMessage reply =
      TRY(state_->call(manager("GetJobByPid"), [pid](const SdBusTable& sd,
                                                     sd_bus_message* message) {
        return sd.append(message, "u", static_cast<std::uint32_t>(pid.raw()));
      }));
  return state_->read_jid(reply);
}

core::Answer<core::JobPage> Client::list(const core::JobFilter& filter,
                                         core::JobId after,
                                         std::uint32_t most) {
  const Dict wanted = filter_of(filter);
  const HeldMessage reply = TRY(state_->call(
      manager("ListJobs"), [&](const SdBusTable& sd, sd_bus_message* message) {
        const int r = append_dict(sd, message, wanted);
        return r < 0 ? r : sd.append(message, "tu", after.raw(), most);
      }));
  const SdBusTable& sd = state_->sd();
  core::JobPage page;
  if (sd.enter_container(reply.get(), SD_BUS_TYPE_ARRAY, "a{sv}") < 0)
    return malformed();
  while (sd.at_end(reply.get(), 0) == 0)
    page.jobs.push_back(TRY(state_->read_view(reply)));
  int has_more = 0;
  if (sd.exit_container(reply.get()) < 0 ||
      sd.read(reply.get(), "b", &has_more) <= 0)
    return malformed();
  page.has_more = has_more != 0;
  return page;
}

core::Answer<std::vector<core::ProcessView>> Client::processes(
    core::JobId jid) {
  const HeldMessage reply =
      TRY(state_->call(manager("GetProcesses"), jid_argument(jid)));
  const SdBusTable& sd = state_->sd();
  if (sd.enter_container(reply.get(), SD_BUS_TYPE_ARRAY, "(uusst)") < 0)
    return malformed();
  std::vector<core::ProcessView> processes;
  std::uint32_t pid = 0;
  std::uint32_t ppid = 0;
  const char* command = nullptr;
  const char* state = nullptr;
  std::uint64_t cpu_us = 0;
  int r = 0;
  while ((r = sd.read(reply.get(), "(uusst)", &pid, &ppid, &command, &state,
                      &cpu_us)) > 0)
    processes.push_back({.pid = core::Pid(static_cast<std::int32_t>(pid)),
                         .ppid = core::Pid(static_cast<std::int32_t>(ppid)),
                         .command = command,
                         .state = state[0] != '\0' ? state[0] : '?',
                         .cpu_us = cpu_us});
  if (r < 0) return malformed();
  return processes;
}

core::Answer<void> Client::signal(core::JobId jid, core::SignalNumber signal,
                                  core::SignalTarget target) {
  TRY(state_->call(manager("Signal", Repeat::kNever),
                   [&](const SdBusTable& sd, sd_bus_message* message) {
                     return sd.append(message, "tis", jid.raw(), signal.raw(),
                                      std::string(word_of(target)).c_str());
                   }));
  return {};
}

core::Answer<void> Client::signal_group(core::JobId jid, core::Pid group,
                                        core::SignalNumber signal) {
  TRY(state_->call(manager("SignalGroup", Repeat::kNever),
                   [&](const SdBusTable& sd, sd_bus_message* message) {
                     return sd.append(message, "tui", jid.raw(),
                                      static_cast<std::uint32_t>(group.raw()),
                                      signal.raw());
                   }));
  return {};
}

core::Answer<void> Client::end(core::JobId jid,
                               const core::KillPlanChange& change) {
  const Dict dict = dict_of(change);
  TRY(state_->call(manager("EndJob"),
                   [&](const SdBusTable& sd, sd_bus_message* message) {
                     const int r = sd.append(message, "t", jid.raw());
                     return r < 0 ? r : append_dict(sd, message, dict);
                   }));
  return {};
}

core::Answer<void> Client::end_member(core::JobId array, std::uint32_t index,
                                      const core::KillPlanChange& change) {
  const Dict dict = dict_of(change);
  TRY(state_->call(manager("EndMember"),
                   [&](const SdBusTable& sd, sd_bus_message* message) {
                     const int r = sd.append(message, "tu", array.raw(), index);
                     return r < 0 ? r : append_dict(sd, message, dict);
                   }));
  return {};
}

core::Answer<void> Client::set_limits(
    core::JobId jid, const std::vector<core::LimitChange>& changes,
    bool accepts_less) {
  const Dict dict =
      dict_of(LimitRequest{.changes = changes, .accepts_less = accepts_less});
  TRY(state_->call(manager("SetLimits"),
                   [&](const SdBusTable& sd, sd_bus_message* message) {
                     const int r = sd.append(message, "t", jid.raw());
                     return r < 0 ? r : append_dict(sd, message, dict);
                   }));
  return {};
}

core::Answer<void> Client::freeze(core::JobId jid, bool freezes) {
  TRY(state_->call(manager(freezes ? "FreezeJob" : "ThawJob"),
                   jid_argument(jid)));
  return {};
}

core::Answer<void> Client::attach(core::JobId jid, int pidfd,
                                  core::AttachMode mode) {
  TRY(state_->call(manager("AttachPidFd"),
                   [&](const SdBusTable& sd, sd_bus_message* message) {
                     return sd.append(message, "ths", jid.raw(), pidfd,
                                      std::string(name_of(mode)).c_str());
                   }));
  return {};
}

core::Answer<core::JobId> Client::detach(int pidfd) {
  const HeldMessage reply =
      TRY(state_->call(manager("DetachPidFd", Repeat::kNever),
                       [pidfd](const SdBusTable& sd, sd_bus_message* message) {
                         return sd.append(message, "h", pidfd);
                       }));
  return state_->read_jid(reply);
}

core::Answer<std::uint32_t> Client::detach_all(core::JobId jid) {
  const HeldMessage reply = TRY(
      state_->call(manager("DetachJob", Repeat::kNever), jid_argument(jid)));
  std::uint32_t count = 0;
  if (state_->sd().read(reply.get(), "u", &count) <= 0) return malformed();
  return count;
}

core::Answer<core::OpenedSession> Client::open_session(
    const core::SessionRequest& request, int leader, int lifetime) {
  Dict dict = dict_of(request);
  dict.push_back({"Leader", FdNumber{leader}});
  if (lifetime >= 0) dict.push_back({kLifetimeKey, FdNumber{lifetime}});
  const HeldMessage reply =
      TRY(state_->call(manager("CreateSessionJob"),
                       [&dict](const SdBusTable& sd, sd_bus_message* message) {
                         return append_dict(sd, message, dict);
                       }));
  std::uint64_t jid = 0;
  const char* path = nullptr;
  int is_existing = 0;
  if (state_->sd().read(reply.get(), "tob", &jid, &path, &is_existing) <= 0)
    return malformed();
  return core::OpenedSession{.jid = core::JobId(jid),
                             .is_existing = is_existing != 0};
}

core::Answer<void> Client::close_session(core::JobId jid) {
  TRY(state_->call(manager("CloseSession"), jid_argument(jid)));
  return {};
}

core::Answer<core::JobView> Client::wait(core::JobId jid) {
  TRY(state_->connection.begin(manager("Wait"), jid_argument(jid)));
  const std::optional<HeldMessage> reply =
      TRY(state_->connection.finish(std::nullopt));
  return state_->read_view(*reply);
}

core::Answer<std::optional<core::JobView>> Client::wait_for(
    core::JobId jid, core::Microseconds patience) {
  const core::BootTime deadline = sys::boot_now() + patience;
  if (!state_->connection.has_begun() || state_->waited != jid) {
    TRY(state_->connection.begin(manager("Wait"), jid_argument(jid)));
    state_->waited = jid;
  }
  const std::optional<HeldMessage> reply =
      TRY(state_->connection.finish(deadline));
  if (!reply) return std::nullopt;
  return TRY(state_->read_view(*reply));
}

core::Answer<core::Handle> Client::subscribe(
    const std::vector<std::string>& classes) {
  const HeldMessage reply = TRY(
      state_->call(manager("Subscribe"),
                   [&classes](const SdBusTable& sd, sd_bus_message* message) {
                     return append_texts(sd, message, classes);
                   }));
  return state_->read_descriptor(reply);
}

core::Answer<core::Handle> Client::open_log(core::JobId jid) {
  const HeldMessage reply =
      TRY(state_->call(manager("OpenLog"), jid_argument(jid)));
  return state_->read_descriptor(reply);
}

core::Answer<core::InstanceView> Client::instance() {
  const HeldMessage reply =
      TRY(state_->call(Method{kPropertiesInterface, "GetAll"},
                       [](const SdBusTable& sd, sd_bus_message* message) {
                         return sd.append(message, "s", kManagerInterface);
                       }));
  const Dict dict = TRY(read_dict(state_->sd(), reply.get()));
  return instance_view_of(dict);
}

core::Answer<void> Client::reexec() {
  TRY(state_->call(manager("Reexec", Repeat::kNever), no_arguments));
  return {};
}

core::Answer<void> Client::shut_down() {
  TRY(state_->call(manager("ShutDown", Repeat::kNever), no_arguments));
  return {};
}

}  // namespace bus
