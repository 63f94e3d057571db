// SPDX-License-Identifier: Apache-2.0
// The links to scopes: the small reapers that foreground jobs, and jobs of the
// subreaper engine, have of their own (`corral-init --scope`).
//
// Invariant: our end of a link is in the store before the scope can have its
// own, so a job is never without the link that it was promised.
#pragma once

#include <map>
#include <memory>

#include "core/exit_record.h"
#include "core/ids.h"
#include "core/job_event.h"
#include "supervisor/kept_handles.h"
#include "supervisor/packet_link.h"

namespace supervisor {

/// Told what scopes say.
class ScopeEvents {
 public:
  virtual ~ScopeEvents() = default;
  virtual void on_scope_launched(core::JobId jid,
                                 const reaper::ScopeLaunched& launched,
                                 sys::UniqueFd pidfd) = 0;
  virtual void on_scope_failed(core::JobId jid,
                               const reaper::Launched& failed) = 0;
  virtual void on_scope_exit(core::JobId jid,
                             const core::ExitRecord& record) = 0;
  virtual void on_scope_batch_end(core::JobId jid) = 0;
  virtual void on_scope_stopped(core::JobId jid,
                                const reaper::Stopped& stopped) = 0;
  virtual void on_scope_populated(core::JobId jid,
                                  const reaper::Populated& populated) = 0;
  virtual void on_scope_gone(core::JobId jid) = 0;
};

class ScopeLinks {
 public:
  ScopeLinks(EventLoop& loop, KeptHandles& handles);
  ScopeLinks(const ScopeLinks&) = delete;
  ScopeLinks& operator=(const ScopeLinks&) = delete;
  ~ScopeLinks();

  void set_events(ScopeEvents& events) { events_ = &events; }

  /// A new link for the job, replacing one it had; returns the scope's end.
  /// `taker` is to become the scope, and taken for it until that tells its pid:
  /// its command may ask for its job before.
  [[nodiscard]] core::Result<sys::UniqueFd> make(core::JobId jid,
                                                 core::Pid taker = {});
  /// Takes up the link that the store gave back, if there is one, and asks the
  /// scope for what is not acknowledged.
  void resume(core::JobId jid);
  [[nodiscard]] bool is_open(core::JobId jid) const;
  /// The scope's own process, if it has said so.
  [[nodiscard]] core::Pid scope_pid(core::JobId jid) const;

  void signal(core::JobId jid, core::SignalNumber signal,
              core::SignalTarget target);
  void kill(core::JobId jid);
  void inspect(core::JobId jid);
  void acknowledge_records(core::JobId jid, std::uint64_t sequence);
  void tell_ended(core::JobId jid, const reaper::ScopeEnded& ended);
  void close(core::JobId jid);
  /// Whether every acknowledgement is with the kernel.
  [[nodiscard]] bool are_flushed() const;

 private:
  class Link;
  [[nodiscard]] Link* find(core::JobId jid) const;
  void open(core::JobId jid);

  EventLoop& loop_;
  KeptHandles& handles_;
  ScopeEvents* events_ = nullptr;
  std::map<core::JobId, std::unique_ptr<Link>> links_;
};

}  // namespace supervisor
