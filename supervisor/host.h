// SPDX-License-Identifier: Apache-2.0
// The host as an instance finds it: engine, cgroups, programs.
#pragma once

#include <string>

#include "core/error.h"
#include "supervisor/settings.h"
#include "sys/limit_facts.h"
#include "sys/own_cgroup.h"
#include "sys/unique_fd.h"

namespace supervisor {

/// What is found about the host before anything is built on it.
struct Host {
  sys::CgroupBase base;
  core::EngineChoice engine;
  sys::UniqueFd directory;  ///< of the base; not open without one
  sys::LimitFacts limits;   ///< for the engine cgroup2
  std::string init;
  std::string pidns;  ///< empty: it is not installed
  std::string reaper;
};

/// Errors: an engine that was asked for and is not there, a program that is
/// missing.
[[nodiscard]] core::Result<Host> look_around(const Settings& settings);

}  // namespace supervisor
