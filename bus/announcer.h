// SPDX-License-Identifier: Apache-2.0
// Announcer: tells those who asked for signals what happens to jobs.
//
// Invariants:
//  - With no audience it does nothing at all.
//  - Signals go out after the answers that the same event gave: they are
//    gathered and sent before the loop waits again.
//  - Many changes of a job in one round are one PropertiesChanged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/connection.h"
#include "bus/loop_hooks.h"
#include "core/job_control.h"

namespace bus {

/// Who listens now.
class Audience {
 public:
  Audience() = default;
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;
  virtual ~Audience() = default;
  [[nodiscard]] virtual std::vector<std::shared_ptr<Connection>>
  listeners() = 0;
  [[nodiscard]] virtual bool is_empty() const = 0;
};

class Announcer {
 public:
  Announcer(LoopHooks& hooks, Audience& audience);

  void on_job_new(const core::Job& job);
  void on_job_changed(const core::Job& job);
  void on_limit_passed(const core::Job& job);
  void on_soft_limit_passed(const core::Job& job, const core::LimitHit& hit);
  void on_job_removed(const core::Job& job);
  void on_job_forgotten(core::JobId jid);

 private:
  enum class Kind : char {
    kNew,
    kChanged,
    kLimit,
    kSoftLimit,
    kRemoved,
    kForgotten
  };
  struct News {
    Kind kind = Kind::kChanged;
    core::JobId jid;
    std::string name;
    core::Uid owner;
    core::JobResult result;
    core::LimitHit limit;
    core::SignalNumber signal = {};  ///< over a soft bound
  };

  void gather(News news);
  void send_all();
  static int send(Connection& to, const News& news);
  static int tell_added(Connection& to, core::JobId jid);

  LoopHooks& hooks_;
  Audience& audience_;
  std::vector<News> news_;
  std::set<core::JobId> changed_;  ///< has news of kChanged that were not sent
  std::shared_ptr<Announcer*> self_;
};

}  // namespace bus
