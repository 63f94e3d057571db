// SPDX-License-Identifier: Apache-2.0
// What `corral doctor` finds: facts, and checks with the fix of each problem.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connection.h"
#include "cli/variables.h"
#include "core/containment.h"
#include "core/job_control.h"
#include "core/limit_hold.h"
#include "sys/cgroup1.h"
#include "sys/silence.h"

namespace cli {

struct OwnPrograms {
  std::optional<std::string> init;
  std::optional<std::string> reaper;
  std::optional<std::string> supervisor;
};

/// An instance that could be there.
struct InstanceState {
  sys::InstanceKind kind = sys::InstanceKind::kPrivate;
  std::string socket;
  bool is_running = false;
  std::optional<core::InstanceView> view;  ///< if it answered
  std::string problem;                     ///< why it did not
  /// Its processes that are stopped.
  struct Stopped {
    std::string_view name;  ///< "reaper", "store"
    core::Pid pid;
    sys::Silence silence;
  };
  std::vector<Stopped> stopped;
};

/// All that was looked at.
struct Findings {
  std::string kernel;   ///< "6.1.0-18-amd64"
  std::string machine;  ///< "x86_64"
  core::ContainmentFacts facts;
  core::EngineChoice choice;
  /// Why no job can have a pid namespace here; empty: it can.
  std::string pidns_problem;
  core::LimitMeans limits;
  /// The site's file of limits, and its rules or what is wrong with it; absent:
  /// there is no such file.
  struct SiteLimits {
    std::string file;
    std::size_t rules = 0;
    std::string problem;  ///< empty: none
  };
  std::optional<SiteLimits> site;
  /// The settings that are there, and a sentence for each fault.
  struct SiteSettings {
    std::string file;
    std::vector<std::string> faults;
  };
  std::vector<SiteSettings> settings;
  /// Why the eBPF collector cannot work here; empty: it can.
  std::string ebpf_problem;
  std::string taskstats_problem;  ///< likewise
  std::string collector_asked;    ///< CORRAL_COLLECTOR; empty: nobody asked
  bool counts_delays = false;     ///< the kernel (sys/collector_facts.h)
  /// Why the proc connector cannot tell providers of forks; empty: it can.
  std::string connector_problem;
  std::string events_asked;  ///< CORRAL_EVENT_SOURCE; empty: nobody asked
  bool is_root = false;
  /// A hierarchy of cgroups, and whose our own cgroup in it is.
  struct Hierarchy {
    sys::Hierarchy where = {};
    /// A name or number; absent: it is not seen.
    std::optional<std::string> owner = std::nullopt;
    bool is_writable = false;  ///< for us
  };
  std::vector<Hierarchy> hierarchies;
  std::string cgroup_base;  ///< empty: none
  /// Why an instance could not mount cgroup v2 where it is mounted nowhere.
  std::string mount_problem;
  std::vector<VariableFault> variable_faults;
  OwnPrograms programs;
  std::vector<InstanceState> instances;
  std::string runtime;  ///< of a private instance
  std::optional<sys::RuntimeFault> runtime_fault;
  std::string pacct;
  std::optional<std::string> pacct_problem;
  std::optional<std::string> bus_problem;  ///< libsystemd cannot be loaded
};

enum class CheckStatus : std::uint8_t { kOk, kNote, kProblem };

struct Check {
  std::string_view name;
  CheckStatus status = CheckStatus::kOk;
  std::string finding;
  std::string fix;  ///< empty: nothing to do
};

/// Looks. Makes nothing but our own, empty cgroup directory.
[[nodiscard]] Findings look();
/// What the findings mean: pure.
[[nodiscard]] std::vector<Check> judge(const Findings& findings);

[[nodiscard]] std::string_view word_of(CheckStatus status);

}  // namespace cli
