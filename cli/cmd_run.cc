// SPDX-License-Identifier: Apache-2.0
// corral run. In the foreground this process becomes (exec) the job's scope,
// so that the program is a descendant of the caller's own shell; nothing of
// what it inherits was touched. Detached, it asks an instance and prints the
// jid.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bus/refusal_names.h"
#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_selection.h"
#include "cli/limit_notes.h"
#include "cli/living_instance.h"
#include "cli/output.h"
#include "cli/private_instance.h"
#include "cli/run_request.h"
#include "cli/scope_command.h"
#include "cli/silent_reaper.h"
#include "cli/standard_fds.h"
#include "sys/clock.h"
#include "sys/own_programs.h"
#include "sys/pid_fd.h"
#include "sys/spawn.h"
#include "sys/unique_fd.h"

namespace cli {
namespace {

/// How long a running instance may take to accept a foreground job, before the
/// job runs without it.
constexpr core::Microseconds kPatience = core::seconds(2);

/// Keeps `fd` across the exec; its number is free in the caller's view.
int keep(int fd) {
  if (fd >= 0) (void)::fcntl(fd, F_SETFD, 0);  // our own, open descriptor
  return fd;
}

std::optional<core::Engine> engine_of(const ScopeSetting& setting) {
  return std::visit(
      [](const auto& mode) { return std::optional<core::Engine>(mode.engine); },
      setting.mode);
}

/// Replaces this process by the scope. Returns an exit code if that failed.
int become_scope(const RunRequest& request, const ScopeSetting& setting) {
  const auto program =
      sys::find_own_program(core::has_pid_namespace(engine_of(setting).value_or(
                                core::Engine::kCgroup2))
                                ? sys::OwnProgram::kPidns
                                : sys::OwnProgram::kInit);
  if (!program) return complain(program.error(), kRunFailure);
  std::vector<std::string> words = scope_words(*program, request, setting);
  for (const std::string& variable : request.variables) {
    const std::size_t equals = variable.find('=');
    if (::setenv(variable.substr(0, equals).c_str(),
                 variable.c_str() + equals + 1, 1) < 0)
      return complain("cannot set a variable: out of memory", kRunFailure);
  }
  ::execv(program->c_str(), sys::argument_pointers(words).data());
  const int code = errno;
  if (code == E2BIG)  // the program's and ours before them: as a shell would
    return complain("cannot execute '" + request.spec.argv.front() +
                        "': " + std::strerror(code) + ", with those of '" +
                        *program + "' before it",
                    kNotExecutable);
  return complain(
      core::Error{
          .code = code, .op = "execute", .subject = std::string_view(*program)},
      kRunFailure);
}

/// A job's own reaper knows bounds, and five kinds of them; it charges nobody.
core::Answer<void> check_without_instance(const RunRequest& request) {
  const core::JobSpec& spec = request.spec;
  if (!spec.project.empty() || !spec.account.empty())
    return refuse(core::Refusal::kNotSupported,
                  "an instance charges jobs to projects, and none runs: "
                  "without one what a job uses is its user's own affair");
  if (spec.delegates)
    return refuse(core::Refusal::kNotSupported,
                  "'--delegate' needs an instance, and none runs");
  if (spec.began || !spec.domain.empty())
    return refuse(core::Refusal::kNotSupported,
                  std::string(spec.began ? "'--began'" : "'--domain'") +
                      " needs an instance, and none runs");
  if (spec.terms.empty()) return {};
  std::string text = "limit '";
  text.append(core::row_of(spec.terms.front().kind).word);
  text += "' as it was asked for is held by an instance only, and none runs";
  if (!spec.accepts_less)
    return std::unexpected(core::Refused{
        .why = core::Refusal::kNotSupported,
        .text = text + "; --accept-less runs the job without it"});
  complain(text + ": the job runs without it");
  return {};
}

int run_recorded(const RunRequest& request, ScopeSetting setting) {
  if (const auto held = check_without_instance(request); !held)
    return complain(held.error());
  const sys::Environment environment = sys::process_environment();
  sys::Places places = sys::find_places(sys::InstanceKind::kPrivate,
                                        core::Uid(::geteuid()), environment);
  // Where that fails the scope says that it cannot write there.
  if (sys::keeps_pacct_in_runtime(places)) (void)sys::prepare_runtime(places);
  Recorded recorded;
  recorded.pacct = places.pacct;
  recorded.cgroup_base = environment("CORRAL_CGROUP_BASE").value_or("");
  recorded.engine = request.spec.engine;
  if (!recorded.engine)
    recorded.engine =
        core::parse_engine(environment("CORRAL_ENGINE").value_or(""));
  setting.mode = std::move(recorded);
  return become_scope(request, setting);
}

/// The scope and what it starts have them from now on. More than our own nobody
/// gets.
void begin_with(const std::vector<core::ResourceLimit>& limits) {
  for (const core::ResourceLimit& limit : limits) {
    const auto resource = static_cast<__rlimit_resource_t>(limit.resource);
    rlimit now = {};
    if (::getrlimit(resource, &now) < 0) continue;
    now.rlim_max = std::min<rlim_t>(now.rlim_max, limit.hard);
    now.rlim_cur = std::min<rlim_t>(now.rlim_max, limit.soft);
    (void)::setrlimit(resource, &now);
  }
}

int run_supervised(const RunRequest& request, ScopeSetting setting,
                   core::CreatedJob job) {
  begin_with(job.process_limits);
  Supervised mode = {.jid = job.jid,
                     .engine = job.engine,
                     .link = keep(job.link.number()),
                     .container = keep(job.container.number()),
                     .joins = {},
                     .limits = job.scope_limits};
  for (const core::Handle& join : job.joins)
    mode.joins.push_back(keep(join.number()));
  setting.mode = std::move(mode);
  return become_scope(request, setting);
}

core::Answer<core::CreatedJob> ask_instance(const Instance& instance,
                                            const RunRequest& request,
                                            core::Microseconds patience) {
  auto client = bus::Client::connect(
      instance.socket, {.reconnect_within = patience,
                        .hello_within = patience,
                        .answer_within = std::max(patience, kPatience)});
  if (!client) return std::unexpected(client.error());
  core::JobSpec spec = request.spec;
  if (!request.parent.empty())
    spec.parent = TRY(select_job(*client, request.parent));
  auto job = client->create(spec);
  if (job && spec.accepts_less) tell_not_held(*client, job->jid);
  return job;
}

int run_foreground(const RunRequest& request, Which which) {
  ScopeSetting setting;
  if (!request.spec.user.empty()) {
    auto identity = find_identity(request.spec.user);
    if (!identity) return complain(identity.error());
    setting.identity = std::move(*identity);
  }
  if (was_open(STDERR_FILENO)) setting.report_fd = STDERR_FILENO;
  const auto patience = first_answer_within(kPatience);
  const auto living = await_living(which, patience);
  if (which != Which::kAny && !living) return complain(living.error());
  if (which != Which::kAny && !*living) return complain(no_instance(which));
  if (!request.parent.empty() && !(living && *living))
    return complain(living ? no_instance(which) : living.error());
  if (!living) complain("running without the instance: " + living.error().text);
  if (!living || !*living) return run_recorded(request, std::move(setting));
  const Instance& instance = **living;
  auto job = ask_instance(instance, request, patience);
  if (job) return run_supervised(request, std::move(setting), std::move(*job));
  if (job.error().why != core::Refusal::kUnavailable || !request.parent.empty())
    return complain(job.error());
  complain("running without the instance at '" + instance.socket +
           "': " + job.error().text);
  return run_recorded(request, std::move(setting));
}

std::vector<std::string> environment_with(
    const std::vector<std::string>& variables) {
  std::vector<std::string> result;
  const auto is_replaced = [&variables](std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    for (const std::string& variable : variables)
      if (variable.starts_with(name)) return true;
    return false;
  };
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!is_replaced(*entry)) result.emplace_back(*entry);
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::string name = variables[i].substr(0, variables[i].find('=') + 1);
    bool is_last = true;
    for (std::size_t j = i + 1; j < variables.size(); ++j)
      is_last = is_last && !variables[j].starts_with(name);
    if (is_last) result.push_back(variables[i]);
  }
  return result;
}

std::vector<core::ResourceLimit> current_limits() {
  std::vector<core::ResourceLimit> limits;
  for (int resource = 0; resource < RLIMIT_NLIMITS; ++resource) {
    rlimit limit = {};
    if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) < 0)
      continue;
    limits.push_back(
        {.resource = resource, .soft = limit.rlim_cur, .hard = limit.rlim_max});
  }
  return limits;
}

/// The rest of the spec: what a foreground job inherits, a detached one is
/// told.
core::Answer<core::JobSpec> detached_spec(const RunRequest& request) {
  core::JobSpec spec = request.spec;
  spec.token = TRY(bus::random_token());
  spec.env = environment_with(request.variables);
  spec.rlimits = current_limits();
  spec.umask = ::umask(022);
  (void)::umask(spec.umask);
  if (request.cwd) {
    spec.cwd = *request.cwd;
    return spec;
  }
  auto here = current_directory();
  if (!here) return std::unexpected(here.error());
  spec.cwd = std::move(*here);
  return spec;
}

core::Answer<Instance> detached_instance(Which which) {
  if (which != Which::kPrivate) {
    const auto patience = first_answer_within();
    if (auto living = TRY(await_living(Which::kSystem, patience)))
      return *std::move(living);
    if (which == Which::kSystem) return std::unexpected(no_instance(which));
  }
  return ensure_private_instance();
}

struct DetachedJob {
  core::JobId jid;
  Instance instance;
};

/// The job's lifeline (--with-caller).
core::Answer<sys::PidFd> calling_process() {
  auto caller = sys::PidFd::open(core::Pid(::getppid()));
  if (caller) return *std::move(caller);
  return refuse(core::Refusal::kNotSupported,
                "the process that called corral is not seen from here: " +
                    std::string(caller.error().message().view()));
}

/// Nothing is asked of an instance whose reaper is stopped. One that is stopped
/// later leaves it open whether the job starts.
core::Answer<core::CreatedJob> create_detached(const Instance& instance,
                                               core::JobSpec spec,
                                               const RunRequest& request,
                                               core::Microseconds patience) {
  auto client =
      TRY(bus::Client::connect(instance.socket, {.hello_within = patience}));
  TRY(await_reaper(instance.socket, patience));
  if (!request.parent.empty())
    spec.parent = TRY(select_job(client, request.parent));
  sys::PidFd caller;
  if (request.with_caller) caller = TRY(calling_process());
  auto job = client.create(spec, {.lifetime = caller.get()});
  if (job && spec.accepts_less) tell_not_held(client, job->jid);
  if (job || job.error().why != core::Refusal::kUnavailable) return job;
  if (const auto words = silent_reaper(instance.socket))
    job.error().text = *words + "; it is not known whether the job starts then";
  return job;
}

/// A private instance that was about to end when it was found is replaced once.
/// The system's does not end by itself: what it refuses is refused.
core::Answer<DetachedJob> start_detached(const core::JobSpec& spec,
                                         const RunRequest& request,
                                         Which which) {
  core::Answer<core::CreatedJob> job;
  const auto patience = first_answer_within();
  const core::BootTime deadline = sys::boot_now() + patience;
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto instance = detached_instance(which);
    if (!instance) return std::unexpected(instance.error());
    job = create_detached(*instance, spec, request, patience);
    if (job) return DetachedJob{.jid = job->jid, .instance = *instance};
    if (job.error().why != core::Refusal::kUnavailable ||
        instance->kind != sys::InstanceKind::kPrivate ||
        sys::boot_now() >= deadline)
      break;
  }
  return std::unexpected(job.error());
}

int run_detached(const RunRequest& request, const Arguments& arguments) {
  const auto spec = detached_spec(request);
  if (!spec) return complain(spec.error());
  const auto job = start_detached(*spec, request, which_instance(arguments));
  if (!job) return complain(job.error());
  if (arguments.has("json")) {
    print(created_json(job->jid, spec->name, word_of(job->instance.kind)));
  } else {
    print(core::display(job->jid).view());
    print("\n");
  }
  return kSuccess;
}

}  // namespace

int run_program(const Arguments& arguments) {
  const auto request = make_run_request(arguments);
  if (!request) return complain(request.error());
  if (core::is_launched_apart(request->spec.kind))
    return run_detached(*request, arguments);
  return run_foreground(*request, which_instance(arguments));
}

}  // namespace cli
