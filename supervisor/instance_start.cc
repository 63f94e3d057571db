// SPDX-License-Identifier: Apache-2.0
#include "supervisor/instance_start.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bus/unit_manager.h"
#include "core/unit_place.h"
#include "supervisor/log.h"
#include "sys/cgroup.h"
#include "sys/cgroup2_mount.h"
#include "sys/cgroup_tree.h"
#include "sys/own_programs.h"
#include "sys/proc_files.h"
#include "sys/signals.h"
#include "sys/spawn.h"

namespace supervisor {

namespace {

struct Pipe {
  sys::UniqueFd read_end;
  sys::UniqueFd write_end;
};

core::Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) return core::fail(errno, "pipe2");
  return Pipe{.read_end = sys::UniqueFd(ends[0]),
              .write_end = sys::UniqueFd(ends[1])};
}

/// What the new process becomes; the base of its cgroups is told to it later.
struct Words {
  std::string init;
  std::string supervisor;
  std::vector<std::string> arguments;
};

core::Result<Words> find_words(const Settings& settings) {
  Words words;
  words.init = settings.init;
  if (words.init.empty())
    words.init = TRY(sys::find_own_program(sys::OwnProgram::kInit));
  words.supervisor = TRY(sys::find_own_program(sys::OwnProgram::kSupervisor));
  words.arguments = settings.kept_arguments;
  return words;
}

std::string read_all(int fd) {
  std::string text;
  char buffer[512];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

/// In the new process: waits to be told where the cgroups' base is ("+PATH",
/// "+" for the usual place), and becomes the reaper. Without that nobody wants
/// it.
[[noreturn]] void become_reaper(const Words& words, int told, int ready) {
  const std::string base = read_all(told);
  if (!base.starts_with('+')) ::_exit(1);
  (void)::unsetenv("NOTIFY_SOCKET");
  (void)::fcntl(ready, F_SETFD, 0);
  std::vector<std::string> all = {words.init,   "--supervise",
                                  "--ready-fd", std::to_string(ready),
                                  "--",         words.supervisor};
  all.insert(all.end(), words.arguments.begin(), words.arguments.end());
  if (base.size() > 1) all.push_back("--cgroup-base=" + base.substr(1));
  std::vector<char*> pointers = sys::argument_pointers(all);
  sys::SignalSet none = sys::SignalSet::none();
  (void)::sigprocmask(SIG_SETMASK, none.get(), nullptr);
  (void)::signal(SIGPIPE, SIG_DFL);
  ::execv(pointers.front(), pointers.data());
  spdlog::critical("cannot execute '{}': {}", words.init, std::strerror(errno));
  ::_exit(127);
}

core::Result<std::string> cgroup_of(core::Pid pid) {
  char buffer[4096];
  const auto text = TRY(sys::read_proc_file(pid, "cgroup", buffer));
  return std::string(sys::cgroup2_path_in(text));
}

/// The process is in the scope unit, or in the own group of one that was there:
/// it goes to that group. The base of the cgroups is the scope unit's.
core::Result<std::string> settle(core::Pid process) {
  std::string path = TRY(cgroup_of(process));
  const std::string_view mount = sys::any_cgroup2_mount();
  if (path.empty() || mount.empty()) return std::string();
  if (path.ends_with(core::kOwnGroup))
    path.resize(path.size() - core::kOwnGroup.size());
  const std::string base = std::string(mount) + path;
  const std::string own = base + std::string(core::kOwnGroup);
  if (::mkdir(own.c_str(), 0755) < 0 && errno != EEXIST)
    return core::fail(errno, "make", own);
  const std::string procs = own + "/" + sys::cgroup_file::kProcs;
  const sys::UniqueFd members =
      TRY(sys::open_at(AT_FDCWD, procs.c_str(), O_WRONLY));
  const std::string number = std::to_string(process.raw());
  if (::write(members.get(), number.data(), number.size()) < 0)
    return core::fail(errno, "write", procs);
  return base;
}

/// Moves the process to the scope unit beside the unit.
core::Result<void> enter_scope(core::Pid process) {
  const std::string own = TRY(cgroup_of(process));
  const auto place = core::unit_at(own);
  if (!place) return core::fail(ENOENT, "find a unit in", own);
  const std::string scope = core::scope_beside(place->unit);
  bus::UnitManager manager = TRY(bus::UnitManager::connect());
  const auto started = manager.start_scope(
      {.name = scope,
       .slice = std::string(place->slice),
       .description = "The jobs of " + std::string(place->unit),
       .stops_after = std::string(place->unit),
       .process = process});
  // Jobs of an instance that was killed whole are in there.
  if (!started && started.error().code == EEXIST)
    TRY(manager.attach(scope, std::string(core::kOwnGroup), process));
  else if (!started)
    return std::unexpected(started.error());
  return {};
}

/// Where its jobs are to be: empty for the usual place.
std::string place_jobs(const Settings& settings, core::Pid process) {
  if (const auto entered = enter_scope(process); !entered) {
    spdlog::error(
        "jobs are in the unit's own cgroup, where limits of memory and of "
        "processes cannot be held: {}",
        text_of(entered.error().message()));
    return {};
  }
  auto base = settle(process);
  if (!base) {
    spdlog::error(
        "the instance is in its scope unit, but limits of memory and of "
        "processes cannot be held there: {}",
        text_of(base.error().message()));
    return {};
  }
  return settings.cgroup_base.empty() ? *std::move(base) : std::string();
}

}  // namespace

core::Result<StartedInstance> start_instance(const Settings& settings) {
  const Words words = TRY(find_words(settings));
  Pipe told = TRY(make_pipe());
  Pipe ready = TRY(make_pipe());
  const pid_t child = ::fork();
  if (child < 0) return core::fail(errno, "fork");
  if (child == 0) {
    told.write_end.reset();
    become_reaper(words, told.read_end.get(), ready.write_end.get());
  }
  StartedInstance started;
  started.reaper = core::Pid(child);
  started.process = TRY(sys::PidFd::open(started.reaper));
  started.ready = std::move(ready.read_end);
  const std::string base = "+" + place_jobs(settings, started.reaper);
  if (::write(told.write_end.get(), base.data(), base.size()) < 0)
    return core::fail(errno, "start the reaper");
  return started;
}

}  // namespace supervisor
