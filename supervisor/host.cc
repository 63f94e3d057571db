// SPDX-License-Identifier: Apache-2.0
#include "supervisor/host.h"

#include <fcntl.h>

#include "supervisor/log.h"
#include "supervisor/own_place.h"
#include "sys/cgroup2_mount.h"
#include "sys/cgroup_tree.h"
#include "sys/limit_facts.h"
#include "sys/own_base.h"
#include "sys/own_programs.h"
#include "sys/pid_namespace_check.h"

namespace supervisor {

namespace {

/// Before anything is looked for in it: also /proc/PID/cgroup has no line of it
/// before it was mounted once.
void mount_if_nowhere(const Settings& settings) {
  if (!settings.cgroup_base.empty() || !sys::any_cgroup2_mount().empty() ||
      (settings.engine && !core::has_cgroup(*settings.engine)) ||
      !sys::obstacle_to_cgroup2_mount().empty())
    return;
  const auto mounted = sys::mount_cgroup2();
  if (mounted)
    spdlog::info("cgroup v2 was mounted nowhere, and is on '{}' now",
                 sys::kInstanceCgroup2Mount);
  else
    spdlog::warn("cgroup v2 is mounted nowhere: {}",
                 text_of(mounted.error().message()));
}

}  // namespace

core::Result<Host> look_around(const Settings& settings) {
  Host host;
  mount_if_nowhere(settings);
  host.base = sys::find_cgroup_base<sys::any_cgroup2_mount>(
      settings.cgroup_base.empty() ? sys::own_cgroup_base()
                                   : settings.cgroup_base);
  if (host.base.facts.base_is_elsewhere &&
      (!settings.engine || core::has_cgroup(*settings.engine)))
    return core::fail(0,
                      "'--cgroup-base' expects a directory in cgroup v2, not",
                      settings.cgroup_base);
  host.engine = core::choose_engine(host.base.facts);
  if (settings.engine && core::has_pid_namespace(*settings.engine)) {
    const std::string obstacle = sys::obstacle_to_pid_namespaces();
    if (!obstacle.empty())
      return core::fail(0, "the engine pidns cannot work here", obstacle);
  }
  if (settings.engine && *settings.engine != host.engine.engine) {
    if (core::has_cgroup(*settings.engine) &&
        !core::has_cgroup(host.engine.engine))
      return core::fail(0, "the engine cgroup2 cannot work here",
                        host.engine.why);
    host.engine = {.engine = *settings.engine, .why = "it was asked for"};
  }
  if (host.base.facts.cgroup2_is_writable)
    host.directory = TRY(
        sys::open_at(AT_FDCWD, host.base.path.c_str(), O_RDONLY | O_DIRECTORY));
  if (host.directory.is_open() && core::has_cgroup(host.engine.engine)) {
    if (const std::string why = step_aside(host.base); !why.empty())
      spdlog::warn("jobs have no controllers of cgroup v2: {}", why);
    host.limits =
        sys::find_limit_facts(host.directory.get(), host.base.path.view());
  }
  host.init = settings.init;
  if (host.init.empty())
    host.init = TRY(sys::find_own_program(sys::OwnProgram::kInit));
  host.pidns =
      sys::find_own_program(sys::OwnProgram::kPidns).value_or(std::string());
  host.reaper = TRY(sys::find_own_program(sys::OwnProgram::kReaper));
  return host;
}

}  // namespace supervisor
