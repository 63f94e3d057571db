// SPDX-License-Identifier: Apache-2.0
// Who may have which job: checks a request and completes it with what the
// caller does not say (the engine, uid, gid, groups and the site's limits).
// Each refusal is one sentence: what, on what, what was expected.
#pragma once

#include <functional>
#include <string>

#include "core/authority.h"
#include "core/containment.h"
#include "core/job_control.h"
#include "core/limit_hold.h"
#include "supervisor/descriptor_room.h"
#include "supervisor/job_table.h"
#include "supervisor/limit_division.h"
#include "supervisor/names_worker.h"
#include "supervisor/sandbox.h"
#include "supervisor/site_limits.h"

namespace supervisor {

/// What an instance allows.
struct AdmissionPolicy {
  core::Uid instance;  ///< the user that the supervisor runs as
  core::AuthorityRules rules = {};
  core::ContainmentFacts facts;
  core::Engine engine = core::Engine::kSubreaper;  ///< unless one is forced
  core::LimitMeans means;
  bool can_place = false;  ///< ScopePlaces can work
  std::size_t most_live = 20000;
  std::size_t most_live_of_one = 10000;  ///< of one owner, not of root
  DescriptorRoom descriptors = DescriptorRoom(1024);
};

class Admission {
 public:
  /// The request as it is to be carried out.
  using Done = std::function<void(core::Answer<core::JobSpec>)>;

  Admission(AdmissionPolicy policy, const JobTable& table, NameService& names,
            SiteLimits& site)
      : policy_(std::move(policy)), table_(table), names_(names), site_(site) {}

  void set_rules(const core::AuthorityRules& rules) { policy_.rules = rules; }
  /// By descent: of a process that no container holds.
  void set_job_around(std::function<core::JobId(core::Pid)> job_around) {
    job_around_ = std::move(job_around);
  }

  /// Answers at once, or when the user's name was looked up.
  void admit(const core::Caller& caller, core::JobSpec spec, Done done);
  /// Whether there is room for the job, and its name is free: to be asked again
  /// when it is accepted, as others came in while a name was looked up.
  [[nodiscard]] core::Answer<void> check_room(const core::Caller& caller,
                                              const core::JobSpec& spec) const;
  /// Whether there are descriptors for one more job. Root's requests are not
  /// refused for that, but the members of his arrays wait, as everybody's.
  [[nodiscard]] bool has_descriptors() const;
  /// Whether the limits hold for the whole job, or the request takes less.
  [[nodiscard]] core::Answer<void> check_limits(
      const core::JobSpec& spec) const;
  /// Holds the limits of a nested job to those of the jobs around it.
  void narrow(core::JobId parent, core::JobLimits& limits,
              core::TermsList& terms) const;
  void narrow(const core::JobSpec& around, core::JobLimits& limits,
              core::TermsList& terms) const;
  [[nodiscard]] bool has_site_limits() const { return site_.are_there(); }
  /// Whether jobs whose engine nobody says have cgroups.
  [[nodiscard]] bool has_cgroups() const {
    return core::has_cgroup(policy_.engine);
  }
  /// Whether the caller may change a job's limit to that: where the site sets
  /// limits only root raises one or takes it away.
  [[nodiscard]] core::Answer<void> check_change(
      const core::Caller& caller, const core::JobSpec& spec,
      const core::LimitChange& change) const;
  /// Who holds the limits of a job here.
  [[nodiscard]] LimitDivision division_of(const core::JobSpec& spec) const {
    return {.spec = spec,
            .engine = spec.engine.value_or(policy_.engine),
            .means = policy_.means};
  }

 private:
  [[nodiscard]] core::Answer<void> check_engine(const core::Caller& caller,
                                                const core::JobSpec& spec,
                                                const CallerState& state) const;
  [[nodiscard]] core::Answer<void> check_pidns(const core::JobSpec& spec,
                                               core::Engine engine) const;
  [[nodiscard]] core::Answer<void> check_nested(
      const core::Caller& caller, const core::JobSpec& spec) const;
  [[nodiscard]] bool enters_itself(const core::Caller& caller,
                                   const core::JobSpec& spec) const;
  [[nodiscard]] std::string obstacle_to_cgroup(const core::Caller& caller,
                                               const core::JobSpec& spec,
                                               core::Engine engine,
                                               const CallerState& state) const;
  [[nodiscard]] core::Engine engine_for(const core::Caller& caller,
                                        const core::JobSpec& spec,
                                        const CallerState& state) const;
  [[nodiscard]] core::Answer<void> check(const core::Caller& caller,
                                         const core::JobSpec& spec,
                                         const CallerState& state) const;
  void find_user(const core::Caller& caller, core::JobSpec spec, Done done);
  void limit_by_site(const core::Caller& caller, core::JobSpec spec,
                     const Done& done);
  void drop_what_none_holds(const core::LimitSet& asked,
                            core::JobSpec& spec) const;

  AdmissionPolicy policy_;
  CallerReader callers_;
  mutable std::optional<std::string> pidns_obstacle_;  ///< once it was looked
  const JobTable& table_;
  NameService& names_;
  SiteLimits& site_;
  std::function<core::JobId(core::Pid)> job_around_;
};

}  // namespace supervisor
