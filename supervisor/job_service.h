// SPDX-License-Identifier: Apache-2.0
// The job service: events in, the job machine's decision, the journal, belief,
// effects out. It is the port that every face calls (core/job_control.h).
//
// Invariants:
//  - An event is in the journal before anybody believes it or acts on it; a
//    crash between any two lines of take() is repaired by replay.
//  - Events are worked off one after another, never from within another.
//  - Whoever waits for a job is answered before its end is announced.
//  - A request to signal or end a job is answered after its event was worked
//    off: the journal has it, and its effects were run.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/attach_rules.h"
#include "core/event_codec.h"
#include "core/job_control.h"
#include "core/provider_control.h"
#include "supervisor/admission.h"
#include "supervisor/candidate.h"
#include "supervisor/effect_runner.h"
#include "supervisor/event_sink.h"
#include "supervisor/jid_source.h"
#include "supervisor/job_members.h"
#include "supervisor/job_table.h"
#include "supervisor/journal.h"
#include "supervisor/lifetimes.h"
#include "supervisor/mover.h"
#include "supervisor/scope_places.h"
#include "supervisor/takeover.h"
#include "sys/pid_fd.h"

namespace supervisor {

class JobFiles;

/// What an instance is, as far as the service must know.
struct ServiceSite {
  core::Uid user;              ///< that the supervisor runs as
  core::AuthorityRules rules;  ///< for a start (set_rules)
  std::uint32_t hid = 0;
  core::InstanceView view;  ///< the parts that do not change
};

class JobService final : public core::JobControl,
                         public core::AccountingControl,
                         public EventSink {
 public:
  /// What concerns the whole instance goes to whoever runs it.
  struct Handlers {
    std::function<void()> on_reexec;
    std::function<void()> on_shut_down;
    /// The job has ended: nothing more is reported of it.
    std::function<void(core::JobId)> on_ended;
    /// Everything is worked off and in the journal.
    std::function<void()> on_settled;
    /// A job is to be: this process will clone its first one.
    std::function<void(core::JobId, core::Pid)> on_creator = {};
    /// Its first process exists.
    std::function<void(core::JobId, core::Pid)> on_launched = {};
    /// Where files of jobs' own are written.
    JobFiles* job_files = nullptr;
  };

  /// All borrowed. `admission`, `effects` and the rest are set by connect():
  /// they need the service as their sink.
  JobService(EventLoop& loop, ServiceSite site, JobTable& table,
             Journal& journal, JidSource& jids);

  struct Parts {
    Admission& admission;
    EffectSink& effects;
    Containers& containers;
    KeptHandles& handles;
    ScopeLinks& scopes;
    StoreLink& store;
    Launcher& launcher;
    Recorder& recorder;
    Mover& mover;
    ScopePlaces& places;
    core::ProviderControl& providers;
    const FollowedMap& followed;
    Lifetimes& lifetimes;
  };
  void connect(const Parts& parts, Handlers handlers);

  /// Told of each event that changes something, when it is believed, with the
  /// state that the job had before. Empty: nobody.
  using Listener = std::function<void(const core::Job&, const core::JobEvent&,
                                      core::JobState)>;
  void set_listener(Listener listener) { listener_ = std::move(listener); }

  /// Takes up the jobs that the journal told: asks again for what each waits.
  void resume();
  /// A job that was made otherwise than by events, into table and journal.
  void adopt(core::Job job);
  /// Another reaper: the old one's launches and children are its no longer.
  void lose_reaper();
  /// No new jobs; every live one is ended, by `plan` or by its own, but that
  /// those without a command lose their processes: others started them. `who`:
  /// "shutdown".
  void end_all(std::string_view who, const core::KillPlanChange& change = {});
  [[nodiscard]] bool is_caller_awaited(core::JobId jid) const {
    return awaited_callers_.contains(jid);
  }
  /// No live job, nobody waits.
  [[nodiscard]] bool is_idle() const;
  /// Appends an item of the instance's own to the journal.
  [[nodiscard]] core::Result<void> remember(std::span<const std::byte> item);
  [[nodiscard]] std::uint32_t last_sequence() const { return jids_.last(); }
  /// A jid of ours that the journal does not know: the next is above it.
  void note_jid(core::JobId jid);
  /// The creator of a job that lives no longer than he has gone.
  void end_with_creator(core::JobId jid);
  /// Forgets the ended jobs whose time is over.
  void forget_old(core::BootTime now);
  void set_rules(const core::AuthorityRules& rules) { site_.rules = rules; }
  void set_collector(core::Collector collector, std::string_view why) {
    site_.view.collector = collector;
    site_.view.collector_why = why;
  }
  /// The collector is gone: its jobs are counted by who reaps them.
  void lose_collector(core::Collector left);
  void set_supervisor_starts(std::uint32_t count) {
    site_.view.supervisor_starts = count;
  }

  // EventSink
  void post(core::JobId jid, core::EventBody body) override;
  void post_at(core::JobId jid, const core::Moment& when,
               core::EventBody body) override;
  void settle() override;

  // core::JobControl
  void create(const core::Caller& caller, core::JobSpec spec,
              core::LaunchHandles handles, CreateDone done) override;
  core::Answer<void> signal(const core::Caller& caller, core::JobId jid,
                            core::SignalNumber signal,
                            core::SignalTarget target) override;
  core::Answer<void> signal_group(const core::Caller& caller, core::JobId jid,
                                  core::Pid group,
                                  core::SignalNumber signal) override;
  core::Answer<void> end(const core::Caller& caller, core::JobId jid,
                         const core::KillPlanChange& change) override;
  core::Answer<void> end_member(const core::Caller& caller, core::JobId jid,
                                std::uint32_t index,
                                const core::KillPlanChange& change) override;
  core::Answer<void> set_limits(const core::Caller& caller, core::JobId jid,
                                const std::vector<core::LimitChange>& changes,
                                bool accepts_less) override;
  void freeze(const core::Caller& caller, core::JobId jid, bool freezes,
              FreezeDone done) override;
  void attach(const core::Caller& caller, core::JobId jid,
              core::ProcessRef process, core::AttachMode mode,
              AttachDone done) override;
  void detach(const core::Caller& caller, core::ProcessRef process,
              DetachDone done) override;
  void detach_all(const core::Caller& caller, core::JobId jid,
                  DetachAllDone done) override;
  void open_session(const core::Caller& caller, core::SessionRequest request,
                    OpenDone done) override;
  void close_session(const core::Caller& caller, core::JobId jid,
                     AttachDone done) override;
  WaitId wait(const core::Caller& caller, core::JobId jid,
              WaitDone done) override;
  void forget_wait(WaitId id) override;
  [[nodiscard]] bool may(const core::Caller& caller, core::Verb verb,
                         core::Uid owner) const override;
  core::Answer<core::JobView> show(const core::Caller& caller,
                                   core::JobId jid) override;
  core::Answer<core::UsageView> usage(const core::Caller& caller,
                                      core::JobId jid) override;
  core::Answer<core::JobId> find(const core::Caller& caller,
                                 std::string_view name) override;
  core::Answer<core::JobId> find_by_pid(const core::Caller& caller,
                                        core::Pid pid) override;
  core::JobPage list(const core::Caller& caller, const core::JobFilter& filter,
                     core::JobId after, std::uint32_t most) override;
  core::Answer<std::vector<core::ProcessView>> processes(
      const core::Caller& caller, core::JobId jid) override;
  core::Answer<core::Handle> open_log(const core::Caller& caller,
                                      core::JobId jid) override;
  core::InstanceView instance() override;
  core::AccountingControl& accounting() override { return *this; }
  core::ProviderControl& providers() override { return parts_->providers; }
  core::AccountingView accounting_status() override;
  void switch_accounting(const core::Caller& caller, SwitchDone done) override;
  void turn_accounting(const core::Caller& caller, bool is_on,
                       Done done) override;
  void turn_kinds(const core::Caller& caller, bool is_on,
                  const core::RecordSwitches& named, Done done) override;
  void write_record(const core::Caller& caller, core::DaemonRecord record,
                    RecordDone done) override;
  void job_file(const core::Caller& caller, core::JobFileVerb verb,
                core::Handle file, Done done) override;
  core::Answer<void> reexec(const core::Caller& caller) override;
  core::Answer<void> shut_down(const core::Caller& caller) override;
  void set_observer(core::JobObserver* observer) override {
    observer_ = observer;
  }

 private:
  struct Waiter {
    WaitId id = 0;
    core::Caller caller;
    WaitDone done;
  };

  /// Somebody who waits until a job stands still, or may run.
  struct Freezer {
    bool freezes = true;
    FreezeDone done;
  };

  // The flow of events: job_service.cc.
  [[nodiscard]] core::Result<void> work_off();
  [[nodiscard]] core::Result<void> on_event(const core::JobEvent& event);
  [[nodiscard]] core::Result<void> take(const core::JobEvent& event);
  void act(TableEntry& entry, const std::vector<core::Effect>& effects,
           std::uint64_t number);
  void announce(const core::Job& job);
  void announce_within(core::JobId jid) const;
  void announce_limit(const core::Job& job) const;
  void announce_soft_limit(const core::Job& job,
                           const core::LimitHit& hit) const;
  void answer_creators(const core::Job& job);
  void answer_freezers(const core::Job& job);
  void answer_waiters(const core::Job& job);
  void wait_for_journal(const core::Error& error);

  // Creation: job_creation.cc.
  using SharedHandles = std::shared_ptr<core::LaunchHandles>;
  /// `given`: the jid that was asked for.
  void accept(const core::Caller& caller, core::JobSpec spec,
              SharedHandles handles, CreateDone done,
              std::optional<core::JobId> given = std::nullopt);
  [[nodiscard]] core::Answer<void> may_request(const core::Caller& caller,
                                               const core::JobSpec& spec) const;
  void request_jid(const core::Caller& caller, core::JobSpec spec,
                   SharedHandles handles, CreateDone done);
  [[nodiscard]] std::optional<core::JobId> new_jid(core::JobKind kind);
  /// Whether the request's token has made a job: then it takes `done`.
  bool is_repeated(const core::Caller& caller, const core::JobSpec& spec,
                   CreateDone& done);
  struct Creators {
    std::vector<CreateDone> answers;
    core::Pid last;  ///< who asked last
    core::Uid uid;
  };
  void add_creator(core::JobId jid, const core::Caller& caller,
                   CreateDone done);
  void repeat(const core::Caller& caller, const core::Job& job,
              CreateDone done);
  void keep_streams(core::JobId jid, core::LaunchHandles& handles);
  void offer_launch(const core::Job& job);
  void offer_link(const core::Job& job, Creators creators);
  [[nodiscard]] core::Result<void> offer_entry(const core::Job& job,
                                               const Creators& creators,
                                               core::CreatedJob& created);
  void await_caller(core::JobId jid);

  /// The first that is frozen of a job and those around it, or kNoJob.
  [[nodiscard]] core::JobId frozen_from(core::JobId jid) const;
  [[nodiscard]] core::Answer<void> check_around(
      const core::JobSpec& spec) const;
  [[nodiscard]] core::Answer<void> check_tasks(core::JobId jid,
                                               core::JobId counted) const;
  [[nodiscard]] std::uint64_t entering(core::JobId jid) const;

  // Arrays: job_arrays.cc.
  [[nodiscard]] core::Answer<void> check_no_array(core::JobId jid,
                                                  std::string_view what) const;
  void act_on_array(const core::Job& array, const core::Effect& effect);
  void make_members_soon(core::JobId array);
  void make_members();
  void make_member(const core::Job& array);
  /// There may be room now.
  void feed_arrays();
  /// Tells the array of the end of its member, if it is one.
  void count_member(const core::Job& member);
  void end_members(const core::Job& array);
  void catch_up(const core::Job& array);
  [[nodiscard]] core::Answer<void> signal_members(const core::Caller& caller,
                                                  const core::Job& array,
                                                  core::SignalNumber signal,
                                                  core::SignalTarget target);
  [[nodiscard]] core::Answer<std::vector<core::ProcessView>>
  processes_of_members(const core::Caller& caller, const core::Job& array);
  [[nodiscard]] core::Answer<core::JobId> find_member(
      const core::Caller& caller, const core::MemberWord& word) const;

  // Attaching: job_attach.cc.
  struct Attachment {
    core::Candidate facts;
    sys::PidFd pidfd;
    bool is_needed = true;    ///< false: it is a member already
    core::Followed followed;  ///< with a beginning: it is not moved
    core::JobId left;         ///< that it was in; kNoJob: it stays in that
    Move move;
  };
  [[nodiscard]] core::JobFacts facts_of(const core::Job& job) const;
  void place(core::Candidate& process) const;
  [[nodiscard]] core::Answer<Attachment> prepare_attach(
      const core::Caller& caller, core::JobId jid, core::ProcessRef process,
      core::AttachMode mode);
  [[nodiscard]] core::Answer<void> note_attached(const core::Caller& caller,
                                                 core::JobId jid,
                                                 Attachment& attachment);
  void put_back(core::JobId jid, Attachment attachment,
                std::function<void()> done);
  void end_move(core::Pid pid);
  [[nodiscard]] core::Answer<core::JobId> check_leaving(
      const core::Caller& caller, const core::Candidate& process) const;
  [[nodiscard]] core::Answer<Move> prepare_detach(const core::Caller& caller,
                                                  core::JobId jid,
                                                  bool is_followed);
  [[nodiscard]] core::Answer<core::JobId> note_detached(
      const core::Caller& caller, core::JobId jid, core::Pid pid);
  [[nodiscard]] core::Answer<std::uint32_t> note_all_detached(
      const core::Caller& caller, core::JobId jid, std::uint32_t count);
  void let_all_go(const core::Job& job,
                  const core::event::EndRequested& otherwise);
  [[nodiscard]] core::Answer<void> check_members(const core::Caller& caller,
                                                 core::JobId jid) const;

  // Sessions: job_sessions.cc.
  [[nodiscard]] core::Answer<void> may_open(const core::Caller& caller) const;
  [[nodiscard]] core::AttachMode mode_within(core::JobId around,
                                             core::AttachMode wanted) const;
  void lead(const core::Caller& caller, core::JobId jid, FoundProcess leader,
            core::AttachMode mode, const OpenDone& done);
  void let_go(core::JobId jid, core::Pid leader,
              const std::function<void(bool)>& then);

  // Requests: job_requests.cc.
  /// As may(), and what the job is charged to counts too.
  [[nodiscard]] bool may_to(const core::Caller& caller, core::Verb verb,
                            const core::Job& job) const;
  [[nodiscard]] core::Answer<const core::Job*> look_up(
      const core::Caller& caller, core::JobId jid, core::Verb verb) const;
  [[nodiscard]] core::Answer<const core::Job*> may_freeze(
      const core::Caller& caller, core::JobId jid) const;
  [[nodiscard]] core::Answer<void> may_manage(const core::Caller& caller,
                                              std::string_view what) const;
  [[nodiscard]] core::JobView view(
      const core::Caller& caller, const core::Job& job,
      core::Detail detail = core::Detail::kAll) const;
  [[nodiscard]] MemberSources member_sources() const;
  [[nodiscard]] const core::Job* find_ancestor_job(core::Pid pid) const;
  /// That job, or kNoJob.
  [[nodiscard]] core::JobId job_around(core::Pid pid) const;
  /// Whether a caller means rather this job by a name than the best so far.
  [[nodiscard]] static bool is_better(const core::Job& job,
                                      const core::Job* best, core::Uid caller);
  /// Whether the job is nested in the other, however deep.
  [[nodiscard]] bool is_within(core::JobId nested, core::JobId jid) const;
  // Limits: job_limits.cc.
  void hold_as_before(core::JobId jid);
  [[nodiscard]] static core::Answer<void> check_none_within(
      core::JobId jid, const LimitDivision& division);
  struct NewLimits {
    core::JobId jid;
    core::LimitSet set;
  };
  [[nodiscard]] std::vector<NewLimits> narrowed_within(
      const core::Job& job, const core::LimitSet& wanted) const;
  [[nodiscard]] core::Answer<void> try_all(const std::vector<NewLimits>& within,
                                           const core::Job& job,
                                           const core::LimitSet& wanted);
  [[nodiscard]] core::Answer<void> try_limits(const core::Job& job,
                                              const core::LimitSet& limits);
  void end_nested(core::JobId jid, const core::event::EndRequested& request);
  /// The request's event, in the journal and acted on before this returns. What
  /// the journal refuses is refused to the caller, and never happens.
  [[nodiscard]] core::Answer<void> carry_out(core::JobId jid,
                                             core::EventBody body);

  EventLoop& loop_;
  ServiceSite site_;
  JobTable& table_;
  Journal& journal_;
  JidSource& jids_;
  std::optional<Parts> parts_;
  Handlers handlers_;
  core::JobObserver* observer_ = nullptr;
  Listener listener_;

  std::deque<core::JobEvent> queue_;
  std::uint64_t worked_off_ = 0;  ///< events
  bool is_settling_ = false;
  bool is_settling_soon_ = false;
  Timer journal_retry_;
  std::vector<std::byte> buffer_;

  bool is_going_down_ = false;
  std::map<core::JobId, Creators> creators_;
  std::map<core::JobId, Timer> awaited_callers_;
  std::map<core::JobId, std::vector<Freezer>> freezers_;
  std::map<core::JobId, std::vector<Waiter>> waiters_;
  /// Jobs that begin within others, and within which.
  using Entering = std::map<core::JobId, core::JobId>;
  mutable Entering entering_;
  /// Those that a worker moves, and who waits to know where they are then.
  struct Moving {
    core::JobId into;  ///< where it is not counted yet; none: out
    std::vector<std::function<void()>> waiting;
  };
  std::map<core::Pid, Moving> moving_;
  std::set<core::JobId> arrays_;   ///< whose next member is to be made
  std::set<core::JobId> starved_;  ///< whose members find no room
  Timer array_turn_;
  Timer starved_turn_;
  WaitId last_wait_ = 0;
};

}  // namespace supervisor
