// SPDX-License-Identifier: Apache-2.0
// The doctor's eyes: reads facts of the host and asks the instances.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "accounting/append.h"
#include "bus/client_transport.h"
#include "cli/doctor_checks.h"
#include "cli/job_text.h"
#include "core/shell_word.h"
#include "sys/cgroup2_mount.h"
#include "sys/cgroup_tree.h"
#include "sys/collector_facts.h"
#include "sys/instance_lock.h"
#include "sys/limit_facts.h"
#include "sys/own_base.h"
#include "sys/own_programs.h"
#include "sys/pid_namespace_check.h"
#include "sys/proc_connector.h"
#include "sys/proc_files.h"
#include "sys/process_tree.h"
#include "sys/whole_file.h"
#include "units/limit_rules.h"
#include "units/site_settings.h"

namespace cli {
namespace {

constexpr core::Microseconds kPatience = core::seconds(2);

std::optional<std::string> find_program(sys::OwnProgram program) {
  auto path = sys::find_own_program(program);
  if (!path) return std::nullopt;
  return *std::move(path);
}

/// A child of its own that the reaper runs as `corral-reaper --store`.
bool is_store(core::Pid pid, core::Pid reaper) {
  const auto stat = sys::read_proc_stat(pid);
  if (!stat || stat->ppid != reaper.raw()) return false;
  std::ifstream file("/proc/" + std::to_string(pid.raw()) + "/cmdline");
  std::string word;
  return std::getline(file, word, '\0') && word.ends_with("corral-reaper") &&
         std::getline(file, word, '\0') && word == "--store";
}

/// Of reaper and store, as far as we may know who they are.
std::vector<InstanceState::Stopped> find_stopped(const std::string& socket) {
  std::vector<InstanceState::Stopped> stopped;
  const core::Pid reaper = sys::living_reaper_of(socket);
  if (reaper.raw() <= 0) return stopped;
  if (sys::is_stopped(reaper))
    stopped.push_back({"reaper", reaper, sys::silence_of(reaper)});
  for (const core::Pid pid : sys::descendants_of(reaper))
    if (sys::is_stopped(pid) && is_store(pid, reaper))
      stopped.push_back({"store", pid, sys::silence_of(pid)});
  return stopped;
}

InstanceState look_at(const Instance& instance) {
  InstanceState state{.kind = instance.kind,
                      .socket = instance.socket,
                      .is_running = bus::is_answering(instance.socket),
                      .view = std::nullopt,
                      .problem = {},
                      .stopped = {}};
  if (!state.is_running) return state;
  state.stopped = find_stopped(instance.socket);
  auto client =
      bus::Client::connect(instance.socket, {.reconnect_within = kPatience,
                                             .hello_within = kPatience,
                                             .answer_within = kPatience});
  if (!client) {
    state.problem = client.error().text;
    return state;
  }
  auto view = client->instance();
  if (!view) {
    state.problem = view.error().text;
    return state;
  }
  // It knows best: both kinds may live in a temporary directory.
  state.kind = view->kind == word_of(sys::InstanceKind::kSystem)
                   ? sys::InstanceKind::kSystem
                   : sys::InstanceKind::kPrivate;
  state.view = std::move(*view);
  return state;
}

/// Why records cannot be appended to `path`, which may be written.
std::optional<std::string> content_problem(const std::string& path) {
  // It is not waited for whoever is at a FIFO's other end.
  const auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK);
  if (!file) return std::nullopt;  // it may be written only
  struct stat facts = {};
  if (::fstat(file->get(), &facts) == 0 && S_ISDIR(facts.st_mode))
    return std::strerror(EISDIR);
  const int fault = accounting::fault_of_file(file->get());
  if (fault == 0) return std::nullopt;
  return accounting::words_of(fault);
}

std::string parent_of(const std::filesystem::path& path) {
  const std::string parent = path.parent_path();
  return parent.empty() ? "." : parent;
}

/// Why nothing can be made in the directory.
std::optional<std::string> making_problem(const std::string& directory) {
  if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) < 0)
    return std::strerror(errno);
  if (sys::takes_no_files(directory)) return "nobody can make a file there";
  return std::nullopt;
}

/// Why `path` cannot be written or made; nothing if it can. Opens no file:
/// appending is what records do, looking must not make one.
std::optional<std::string> write_problem(const std::string& path) {
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0)
    return content_problem(path);
  const int error = errno;
  if (error != ENOENT)
    return "'" + path + "' cannot be written: " + std::strerror(error);
  std::error_code error_code;
  if (std::filesystem::is_symlink(path, error_code)) {
    const auto target = std::filesystem::read_symlink(path, error_code);
    const auto problem = making_problem(
        parent_of(std::filesystem::path(parent_of(path)) / target));
    if (!problem) return std::nullopt;
    return "it is a link to '" + target.string() +
           "', which cannot be made: " + *problem;
  }
  // Its first directory that exists decides.
  std::string directory = parent_of(path);
  while (directory != "/" && directory != "." &&
         ::faccessat(AT_FDCWD, directory.c_str(), F_OK, 0) < 0 &&
         errno == ENOENT)
    directory = parent_of(directory);
  const auto problem = making_problem(directory);
  if (!problem) return std::nullopt;
  return "'" + directory + "' cannot be written: " + *problem;
}

/// Why no private instance can be started, by the rules of who starts one.
std::optional<sys::RuntimeFault> runtime_fault(sys::Places& places) {
  if (const auto done = sys::inspect_runtime(places); !done)
    return sys::describe_runtime(done.error(), places);
  return sys::find_odd_entry(places);
}

std::optional<std::string> bus_problem() {
  void* const library = ::dlopen("libsystemd.so.0", RTLD_LAZY | RTLD_LOCAL);
  if (library != nullptr) return std::nullopt;
  const char* const reason = ::dlerror();
  return reason == nullptr ? "it cannot be loaded" : reason;
}

core::LimitMeans limit_means(const sys::CgroupBase& base) {
  if (!base.facts.cgroup2_is_writable) return {};
  const auto directory =
      sys::open_at(AT_FDCWD, base.path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return {};
  return sys::find_limit_facts(directory->get(), base.path.view()).means;
}

std::optional<Findings::SiteLimits> site_limits(std::string file) {
  if (!sys::is_there(file)) return std::nullopt;
  const auto text = sys::read_whole_file(file, units::kLargestLimitsFile);
  Findings::SiteLimits site = {
      .file = std::move(file), .rules = 0, .problem = {}};
  if (!text) {
    site.problem = text.error().message().c_str();
    return site;
  }
  const auto rules = units::read_limit_rules(*text, site.file);
  if (rules)
    site.rules = rules->size();
  else
    site.problem = rules.error();
  return site;
}

/// Of the instances that a user may have: root's two.
std::vector<Findings::SiteSettings> site_settings(
    const sys::Environment& environment) {
  std::vector<Findings::SiteSettings> found;
  for (const auto kind :
       {sys::InstanceKind::kSystem, sys::InstanceKind::kPrivate}) {
    const std::string file =
        sys::find_places(kind, core::Uid(::geteuid()), environment).settings;
    const bool is_known = !found.empty() && found.front().file == file;
    if (file.empty() || is_known || !sys::is_there(file)) continue;
    const auto text = sys::read_whole_file(file, units::kLargestSiteSettings);
    Findings::SiteSettings settings = {.file = file, .faults = {}};
    if (!text)
      settings.faults.emplace_back(text.error().message().c_str());
    else if (auto parsed = units::parse_site_settings(*text, file); !parsed)
      settings.faults = std::move(parsed).error();
    found.push_back(std::move(settings));
  }
  return found;
}

/// The truth of it: the loader tries. Empty: it can.
std::string collector_problem(std::string_view obstacle, const char* question) {
  if (!obstacle.empty()) return std::string(obstacle);
  const auto program = find_program(sys::OwnProgram::kCollect);
  if (!program) return "corral-collect is not installed";
  const auto word = core::shell_word(*program);
  if (!word) return "the path of corral-collect cannot be written in a shell";
  const std::string command = *word + " " + question;
  std::FILE* const output = ::popen(command.c_str(), "re");
  if (output == nullptr) return std::strerror(errno);
  std::string text;
  for (int c = std::fgetc(output); c != EOF && c != '\n';
       c = std::fgetc(output))
    text += static_cast<char>(c);
  return ::pclose(output) == 0 ? std::string() : text;
}

/// Who owns a cgroup is whose its directory is: to him it was delegated
/// (cgroup-v2.rst, "Delegation").
std::vector<Findings::Hierarchy> look_at_hierarchies() {
  std::vector<Findings::Hierarchy> found;
  for (sys::Hierarchy& where : sys::find_hierarchies()) {
    Findings::Hierarchy one = {.where = std::move(where)};
    struct stat facts = {};
    if (!one.where.own.empty() && ::stat(one.where.own.c_str(), &facts) == 0) {
      one.owner = user_name(core::Uid(facts.st_uid));
      one.is_writable =
          ::faccessat(AT_FDCWD, one.where.own.c_str(), W_OK, AT_EACCESS) == 0;
    }
    found.push_back(std::move(one));
  }
  return found;
}

/// As supervisor/connector_source.cc opens it.
std::string connector_problem() {
  if (!sys::is_first_namespace()) return "this is a container";
  constexpr int kNoMatter = 4096;
  const auto connector = sys::ProcConnector::open(kNoMatter);
  return connector ? std::string()
                   : std::string(connector.error().message().c_str());
}

}  // namespace

Findings look() {
  Findings findings;
  utsname host = {};
  (void)::uname(&host);  // fails for a bad address only
  findings.kernel = host.release;
  findings.machine = host.machine;
  const sys::Environment environment = sys::process_environment();
  findings.variable_faults = variable_faults(environment);
  const sys::CgroupBase base = sys::find_cgroup_base<sys::any_cgroup2_mount>(
      environment("CORRAL_CGROUP_BASE").value_or(sys::own_cgroup_base()));
  findings.mount_problem = sys::obstacle_to_cgroup2_mount();
  findings.facts = base.facts;
  findings.choice = core::choose_engine(base.facts);
  const auto forced =
      core::parse_engine(environment("CORRAL_ENGINE").value_or(""));
  if (forced)
    findings.choice = {.engine = *forced, .why = "CORRAL_ENGINE says so"};
  findings.pidns_problem = sys::obstacle_to_pid_namespaces();
  findings.cgroup_base = base.path.view();
  findings.limits = limit_means(base);
  findings.site =
      site_limits(environment("CORRAL_LIMITS").value_or(units::kLimitsFile));
  findings.settings = site_settings(environment);
  findings.ebpf_problem = collector_problem(sys::obstacle_to_ebpf(), "--check");
  findings.taskstats_problem =
      collector_problem(sys::obstacle_to_taskstats(), "--check-taskstats");
  findings.collector_asked = environment("CORRAL_COLLECTOR").value_or("");
  findings.counts_delays = sys::counts_delays();
  findings.connector_problem = connector_problem();
  findings.events_asked = environment("CORRAL_EVENT_SOURCE").value_or("");
  findings.is_root = ::geteuid() == 0;
  findings.hierarchies = look_at_hierarchies();
  findings.programs = {
      .init = find_program(sys::OwnProgram::kInit),
      .reaper = find_program(sys::OwnProgram::kReaper),
      .supervisor = find_program(sys::OwnProgram::kSupervisor)};
  for (const Instance& instance : possible_instances(Which::kAny))
    findings.instances.push_back(look_at(instance));
  sys::Places places = sys::find_places(sys::InstanceKind::kPrivate,
                                        core::Uid(::geteuid()), environment);
  findings.runtime_fault = runtime_fault(places);
  findings.runtime = places.runtime;
  findings.pacct = places.pacct;
  findings.pacct_problem = write_problem(findings.pacct);
  findings.bus_problem = bus_problem();
  return findings;
}

}  // namespace cli
