// SPDX-License-Identifier: Apache-2.0
// The port's part for aggregate providers (core/provider_event.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/job_control.h"
#include "core/provider_event.h"

namespace core {

/// A registration, as long as it lasts.
using ProviderId = std::uint64_t;

struct ProviderRequest {
  std::string name;
  ProviderEvents events;
};

/// What is put into an aggregate, or taken out of it: one of the two.
struct AggregateMember {
  JobId job = {};           ///< with all its processes, of now and later
  ProcessRef process = {};  ///< with all that it forks from then on
};

/// A registration as it is listed.
struct ProviderView {
  std::string name;
  Uid owner;
  Pid pid;  ///< that registered it
  ProviderEvents events;
  EventSource source = EventSource::kNone;
  std::uint64_t told = 0;     ///< events that its socket took
  std::uint64_t waiting = 0;  ///< events that it has not read yet
  std::uint64_t lost = 0;     ///< events that it will never read
};

class ProviderControl {
 public:
  struct Registered {
    ProviderId id = 0;
    Handle events;  ///< the end that the provider reads
  };
  using RegisterDone = std::function<void(Answer<Registered>)>;

  virtual ~ProviderControl() = default;

  /// Answered when every event from then on is told. A name is one live
  /// registration's of its user, but for `job`.
  virtual void register_provider(const Caller& caller, ProviderRequest request,
                                 RegisterDone done) = 0;
  /// Its registrant went away. One that is over already is over.
  virtual void end_registration(ProviderId id) = 0;
  [[nodiscard]] virtual bool is_registered(ProviderId id) const = 0;
  virtual Answer<void> unregister(const Caller& caller,
                                  std::string_view name) = 0;
  /// Puts a job or a process into an aggregate. Repeated it is done once.
  virtual Answer<void> attach(const Caller& caller, std::string_view name,
                              std::uint64_t aggregate,
                              AggregateMember member) = 0;
  virtual Answer<void> detach(const Caller& caller, std::string_view name,
                              std::uint64_t aggregate,
                              AggregateMember member) = 0;
  /// Those that the caller may see.
  [[nodiscard]] virtual std::vector<ProviderView> list(
      const Caller& caller) = 0;
};

}  // namespace core
