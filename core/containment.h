// SPDX-License-Identifier: Apache-2.0
// Which engine contains a job: a pure choice on facts. The facts and the deeds
// are in sys/cgroup*. The engines' promises are the table in docs/DESIGN.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace core {

enum class Engine : std::uint8_t {
  kCgroup2 = 1,    ///< a directory in a writable cgroup v2 tree: cannot leave
  kSubreaper = 2,  ///< the job's own reaper adopts orphans: needs nothing
  kPidns = 3,  ///< a pid namespace of its own: cannot leave, dies with its init
  kCgroup2Pidns = 4,  ///< both
  kLast = kCgroup2Pidns,
};

/// Whether the job has a directory in cgroup v2, the truth of its members.
constexpr bool has_cgroup(Engine engine) {
  return engine == Engine::kCgroup2 || engine == Engine::kCgroup2Pidns;
}
/// Whether the job has a pid namespace, and in it an init that is not its own.
constexpr bool has_pid_namespace(Engine engine) {
  return engine == Engine::kPidns || engine == Engine::kCgroup2Pidns;
}
/// Whether processes can join and leave: in a pid namespace are those who were
/// born there.
constexpr bool can_move(Engine engine) {
  return engine == Engine::kCgroup2;
}
/// Whether a reaper of the job's own makes its first process, also in the
/// background.
constexpr bool has_own_reaper(Engine engine) {
  return engine != Engine::kCgroup2;
}

constexpr std::string_view name_of(Engine engine) {
  switch (engine) {
    case Engine::kCgroup2:
      return "cgroup2";
    case Engine::kSubreaper:
      return "subreaper";
    case Engine::kPidns:
      return "pidns";
    case Engine::kCgroup2Pidns:
      return "cgroup2+pidns";
  }
  return "unknown";
}

/// What parse_engine() takes, for people.
inline constexpr std::string_view kEngineExpected =
    "'cgroup2', 'subreaper', 'pidns' or 'cgroup2+pidns'";

constexpr std::optional<Engine> parse_engine(std::string_view name) {
  for (int raw = 1; raw <= static_cast<int>(Engine::kLast); ++raw)
    if (name == name_of(static_cast<Engine>(raw)))
      return static_cast<Engine>(raw);
  return std::nullopt;
}

/// What the host offers, as sys/cgroup_tree.h finds it.
struct ContainmentFacts {
  bool has_cgroup2 = false;          ///< a cgroup v2 hierarchy is mounted
  bool cgroup2_is_writable = false;  ///< we can make directories in our part
  bool has_cgroup_kill = false;      ///< cgroup.kill (Linux 5.14)
  bool base_is_elsewhere = false;    ///< the part that was named is in no v2
};

struct EngineChoice {
  Engine engine = Engine::kSubreaper;
  std::string_view why;  ///< for `corral doctor`
};

/// The best engine for these facts.
constexpr EngineChoice choose_engine(const ContainmentFacts& facts) {
  if (facts.base_is_elsewhere)
    return {.engine = Engine::kSubreaper,
            .why = "the cgroup base that was named is not in cgroup v2"};
  if (!facts.has_cgroup2)
    return {.engine = Engine::kSubreaper,
            .why = "no cgroup v2 hierarchy is mounted"};
  if (!facts.cgroup2_is_writable)
    return {.engine = Engine::kSubreaper,
            .why = "the cgroup v2 hierarchy is not writable here"};
  if (!facts.has_cgroup_kill)
    return {.engine = Engine::kSubreaper,
            .why = "this kernel has no cgroup.kill (Linux 5.14)"};
  return {.engine = Engine::kCgroup2,
          .why = "a writable cgroup v2 hierarchy with cgroup.kill"};
}

}  // namespace core
