// SPDX-License-Identifier: Apache-2.0
// Who may have which job: checks a request and completes it with what the
// caller does not say (the engine, uid, gid and groups). Each refusal is one
// sentence: what, on what, what was expected.
#pragma once

#include <functional>
#include <string>

#include "core/authority.h"
#include "core/containment.h"
#include "core/job_control.h"
#include "supervisor/job_table.h"
#include "supervisor/names_worker.h"

namespace supervisor {

/// What an instance allows.
struct AdmissionPolicy {
  core::Uid instance;  ///< the user that the supervisor runs as
  core::ContainmentFacts facts;
  core::Engine engine = core::Engine::kSubreaper;  ///< unless one is forced
  std::size_t most_live = 20000;
  std::size_t most_live_of_one = 10000;  ///< of one owner, not of root
};

class Admission {
 public:
  /// The request as it is to be carried out.
  using Done = std::function<void(core::Answer<core::JobSpec>)>;

  Admission(AdmissionPolicy policy, const JobTable& table, NameService& names)
      : policy_(policy), table_(table), names_(names) {}

  /// Answers at once, or when the user's name was looked up.
  void admit(const core::Caller& caller, core::JobSpec spec, Done done);
  /// Whether there is room for the job, and its name is free: to be asked again
  /// when it is accepted, as others came in while a name was looked up.
  [[nodiscard]] core::Answer<void> check_room(const core::Caller& caller,
                                              const core::JobSpec& spec) const;

 private:
  [[nodiscard]] core::Answer<void> check(const core::Caller& caller,
                                         const core::JobSpec& spec) const;
  void find_user(const core::Caller& caller, core::JobSpec spec, Done done);

  AdmissionPolicy policy_;
  const JobTable& table_;
  NameService& names_;
};

}  // namespace supervisor
