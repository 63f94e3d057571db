// SPDX-License-Identifier: Apache-2.0
// An instance without processes: jobs are rows that are moved by hand.
#pragma once

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/job_control.h"
#include "core/provider_control.h"
#include "sys/clock.h"
#include "sys/unique_fd.h"

namespace bus_test {

/// Registrations without events.
class FakeProviders : public core::ProviderControl {
 public:
  void register_provider(const core::Caller& /*caller*/,
                         core::ProviderRequest request,
                         RegisterDone done) override {
    if (request.name == "taken")
      return done(refuse(core::Refusal::kNameTaken, "it is taken"));
    last_request = std::move(request);
    int ends[2] = {-1, -1};
    (void)::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
    (void)::close(ends[1]);
    registered.push_back(++last_id);
    done(Registered{.id = last_id,
                    .events = sys::UniqueFd(ends[0]).to_handle()});
  }
  void end_registration(core::ProviderId id) override {
    std::erase(registered, id);
  }
  [[nodiscard]] bool is_registered(core::ProviderId id) const override {
    return std::ranges::find(registered, id) != registered.end();
  }
  core::Answer<void> unregister(const core::Caller& /*caller*/,
                                std::string_view name) override {
    return refuse(core::Refusal::kInvalid, std::string(name));
  }
  core::Answer<void> attach(const core::Caller& /*caller*/,
                            std::string_view name, std::uint64_t aggregate,
                            core::AggregateMember member) override {
    attached.push_back(std::string(name) + " " + std::to_string(aggregate) +
                       " " + std::to_string(member.job.raw()) + " " +
                       std::to_string(member.process.pid.raw()) +
                       (member.process.pidfd.is_open() ? " pidfd" : ""));
    return {};
  }
  core::Answer<void> detach(const core::Caller& caller, std::string_view name,
                            std::uint64_t aggregate,
                            core::AggregateMember member) override {
    return attach(caller, "-" + std::string(name), aggregate,
                  std::move(member));
  }
  std::vector<core::ProviderView> list(
      const core::Caller& /*caller*/) override {
    return {{.name = "one",
             .owner = core::Uid(5),
             .pid = core::Pid(6),
             .events = core::ProviderEvents::all(),
             .source = core::EventSource::kEbpf,
             .told = 7,
             .waiting = 8,
             .lost = 9}};
  }

  core::ProviderRequest last_request;
  std::vector<core::ProviderId> registered;
  core::ProviderId last_id = 0;
  std::vector<std::string> attached;
};

class FakeJobControl : public core::JobControl, public core::AccountingControl {
 public:
  struct Row {
    core::Job job;
    std::vector<std::pair<WaitId, WaitDone>> waits;
  };

  void create(const core::Caller& caller, core::JobSpec spec,
              core::LaunchHandles handles, CreateDone done) override {
    last_handles = std::move(handles);
    if (!spec.user.empty() &&
        !core::may(caller, core::Verb::kCreateForOther, caller.uid, rules))
      return done(refuse(core::Refusal::kAccessDenied,
                         "only root may make jobs for others"));
    for (auto& [jid, row] : rows)
      if (!spec.token.empty() && row.job.spec.token == spec.token)
        return done(created(row.job));
    core::Job job;
    job.jid = core::make_job_id(7, ++sequence);
    job.spec = std::move(spec);
    job.owner = caller.uid;
    job.engine = job.spec.engine.value_or(core::Engine::kCgroup2);
    job.created = sys::now();
    job.started = job.created;
    job.main = core::Pid(4242);
    job.state = core::JobState::kRunning;
    rows[job.jid] = {job, {}};
    if (observer != nullptr) {
      observer->on_job_new(job);
      observer->on_job_changed(job);
    }
    if (is_slow) {
      late.push_back([job, done] { done(created(job)); });
      return;
    }
    done(created(job));
  }

  core::Answer<void> signal(const core::Caller& caller, core::JobId jid,
                            core::SignalNumber signal,
                            core::SignalTarget target) override {
    Row* const row = find_row(jid);
    if (row == nullptr) return no_such_job(jid);
    if (!may(caller, core::Verb::kControl, row->job.owner))
      return refuse(core::Refusal::kAccessDenied, "the job is another user's");
    TRY(core::check_signal(signal));
    signals.emplace_back(signal.raw(), target);
    if (signal == core::kSigkill) finish(jid);
    return {};
  }

  core::Answer<void> signal_group(const core::Caller& caller, core::JobId jid,
                                  core::Pid group,
                                  core::SignalNumber number) override {
    group_signalled = group;
    return signal(caller, jid, number, core::SignalTarget::kGroup);
  }
  core::Answer<void> end_member(const core::Caller& caller, core::JobId jid,
                                std::uint32_t index,
                                const core::KillPlanChange& change) override {
    last_index = index;
    return end(caller, jid, change);
  }
  std::uint32_t last_index = 0;
  core::Answer<void> end(const core::Caller& caller, core::JobId jid,
                         const core::KillPlanChange& change) override {
    Row* const row = find_row(jid);
    if (row == nullptr) return no_such_job(jid);
    if (!may(caller, core::Verb::kControl, row->job.owner))
      return refuse(core::Refusal::kAccessDenied, "the job is another user's");
    last_change = change;
    finish(jid);
    return {};
  }

  core::Answer<void> set_limits(const core::Caller& caller, core::JobId jid,
                                const std::vector<core::LimitChange>& changes,
                                bool accepts_less) override {
    Row* const row = find_row(jid);
    if (row == nullptr) return no_such_job(jid);
    if (!may(caller, core::Verb::kControl, row->job.owner))
      return refuse(core::Refusal::kAccessDenied, "the job is another user's");
    for (const core::LimitChange& change : changes)
      core::set_terms(row->job.spec.limits, row->job.spec.terms, change);
    last_accepts_less = accepts_less;
    return {};
  }

  void freeze(const core::Caller& caller, core::JobId jid, bool freezes,
              FreezeDone done) override {
    Row* const row = find_row(jid);
    if (row == nullptr) return done(no_such_job(jid));
    if (!may(caller, core::Verb::kControl, row->job.owner))
      return done(
          refuse(core::Refusal::kAccessDenied, "the job is another user's"));
    row->job.freezing = freezes ? core::Freezing::kFrozen : core::Freezing::kNo;
    done({});
  }

  WaitId wait(const core::Caller& /*caller*/, core::JobId jid,
              WaitDone done) override {
    ++waits_seen;
    Row* const row = find_row(jid);
    if (row == nullptr) {
      done(no_such_job(jid));
      return 0;
    }
    if (row->job.state == core::JobState::kEnded) {
      done(view(row->job));
      return 0;
    }
    row->waits.emplace_back(++last_wait, std::move(done));
    return last_wait;
  }
  void forget_wait(WaitId id) override {
    for (auto& [jid, row] : rows)
      forgotten += std::erase_if(
          row.waits, [id](const auto& wait) { return wait.first == id; });
  }

  [[nodiscard]] bool may(const core::Caller& caller, core::Verb verb,
                         core::Uid owner) const override {
    return core::may(caller, verb, owner, rules);
  }
  core::Answer<core::UsageView> usage(const core::Caller& /*caller*/,
                                      core::JobId jid) override {
    const Row* const row = find_row(jid);
    if (row == nullptr) return no_such_job(jid);
    core::UsageView usage;
    usage.jid = jid;
    usage.state = row->job.state;
    usage.read = sys::boot_now();
    usage.totals.user_time = core::Microseconds(1500);
    usage.memory = core::Bytes(4096);
    usage.processes = 2;
    return usage;
  }
  core::Answer<core::JobView> show(const core::Caller& /*caller*/,
                                   core::JobId jid) override {
    Row* const row = find_row(jid);
    if (row == nullptr) return no_such_job(jid);
    return view(row->job);
  }
  core::Answer<core::JobId> find(const core::Caller& /*caller*/,
                                 std::string_view name) override {
    for (const auto& [jid, row] : rows)
      if (row.job.spec.name == name) return jid;
    return refuse(core::Refusal::kNoSuchJob,
                  "no job has the name '" + std::string(name) + "'");
  }
  core::Answer<core::JobId> find_by_pid(const core::Caller& /*caller*/,
                                        core::Pid pid) override {
    for (const auto& [jid, row] : rows)
      if (row.job.main == pid) return jid;
    return refuse(core::Refusal::kNoSuchJob, "the process is in no job");
  }
  core::JobPage list(const core::Caller& /*caller*/,
                     const core::JobFilter& filter, core::JobId after,
                     std::uint32_t most) override {
    core::JobPage page;
    for (auto place = rows.upper_bound(after); place != rows.end(); ++place) {
      const core::Job& job = place->second.job;
      if (!filter.with_ended && job.state == core::JobState::kEnded) continue;
      if (filter.owner && job.owner != *filter.owner) continue;
      if (page.jobs.size() == most) {
        page.has_more = true;
        break;
      }
      page.jobs.push_back(view(job));
    }
    return page;
  }
  core::Answer<std::vector<core::ProcessView>> processes(
      const core::Caller& /*caller*/, core::JobId jid) override {
    if (find_row(jid) == nullptr) return no_such_job(jid);
    return std::vector<core::ProcessView>{
        {core::Pid(4242), core::Pid(1),
         "sle\xFF"
         "ep",
         'S', 1500},
        {core::Pid(4243), core::Pid(4242), "cat", 'R', 10}};
  }
  core::Answer<core::Handle> open_log(const core::Caller& /*caller*/,
                                      core::JobId jid) override {
    if (find_row(jid) == nullptr) return no_such_job(jid);
    sys::UniqueFd fd(::memfd_create("log", MFD_CLOEXEC));
    (void)!::write(fd.get(), "hello\n", 6);
    (void)::lseek(fd.get(), 0, SEEK_SET);
    return std::move(fd).to_handle();
  }
  void attach(const core::Caller& /*caller*/, core::JobId jid,
              core::ProcessRef process, core::AttachMode mode,
              AttachDone done) override {
    if (find_row(jid) == nullptr) return done(no_such_job(jid));
    if (mode == core::AttachMode::kLogical)
      return done(refuse(core::Refusal::kNotSupported, "no engine"));
    attached.push_back(process.pidfd.is_open() ? core::Pid(-1) : process.pid);
    done({});
  }
  void detach(const core::Caller& /*caller*/, core::ProcessRef /*process*/,
              DetachDone done) override {
    if (rows.empty())
      return done(refuse(core::Refusal::kNoSuchProcess, "it has ended"));
    done(rows.begin()->first);
  }
  void detach_all(const core::Caller& /*caller*/, core::JobId jid,
                  DetachAllDone done) override {
    if (find_row(jid) == nullptr) return done(no_such_job(jid));
    done(2U);
  }
  void open_session(const core::Caller& /*caller*/,
                    core::SessionRequest request, OpenDone done) override {
    if (rows.empty())
      return done(refuse(core::Refusal::kNoSuchUser, request.user));
    done(core::OpenedSession{.jid = rows.begin()->first,
                             .is_existing = !request.nests});
  }
  void close_session(const core::Caller& /*caller*/, core::JobId jid,
                     AttachDone done) override {
    if (find_row(jid) == nullptr) return done(no_such_job(jid));
    done({});
  }
  core::AccountingControl& accounting() override { return *this; }
  core::ProviderControl& providers() override { return fake_providers; }
  core::AccountingView accounting_status() override {
    core::AccountingView view;
    view.is_on = is_accounting;
    view.pacct = "/nowhere/pacct";
    view.written = 3;
    view.switches = switches;
    return view;
  }
  void switch_accounting(const core::Caller& caller, SwitchDone done) override {
    if (!core::may(caller, core::Verb::kManage, rules.instance, rules))
      return done(refuse(core::Refusal::kAccessDenied, "no"));
    done(std::string("/nowhere/pacct1"));
  }
  void turn_accounting(const core::Caller& caller, bool is_on,
                       Done done) override {
    if (!core::may(caller, core::Verb::kManage, rules.instance, rules))
      return done(refuse(core::Refusal::kAccessDenied, "no"));
    is_accounting = is_on;
    done({});
  }
  void write_record(const core::Caller& /*caller*/,
                    core::DaemonRecord /*record*/, RecordDone done) override {
    done(true);
  }
  void job_file(const core::Caller& /*caller*/, core::JobFileVerb /*verb*/,
                core::Handle /*file*/, Done done) override {
    done({});
  }
  void turn_kinds(const core::Caller& caller, bool is_on,
                  const core::RecordSwitches& named, Done done) override {
    if (!core::may(caller, core::Verb::kManage, rules.instance, rules))
      return done(refuse(core::Refusal::kAccessDenied, "no"));
    switches = is_on ? core::turned_on(switches, named)
                     : core::turned_off(switches, named.kinds);
    done({});
  }
  core::InstanceView instance() override {
    core::InstanceView view;
    view.version = "0.1.0";
    view.kind = "private";
    view.hid = 7;
    view.engine = core::Engine::kCgroup2;
    view.engine_why = "it is fake";
    view.pacct = "/nowhere/pacct";
    view.records_written = 3;
    view.jobs_live = rows.size();
    view.supervisor_starts = 1;
    return view;
  }
  core::Answer<void> reexec(const core::Caller& caller) override {
    if (!may(caller, core::Verb::kManage, caller.uid))
      return refuse(core::Refusal::kAccessDenied,
                    "only the instance's user may");
    ++reexecs;
    return {};
  }
  core::Answer<void> shut_down(const core::Caller& /*caller*/) override {
    is_down = true;
    return {};
  }
  void set_observer(core::JobObserver* to) override { observer = to; }

  // --- by hand ---

  /// The job exits with code 3.
  void finish(core::JobId jid) {
    Row& row = rows.at(jid);
    if (row.job.state == core::JobState::kEnded) return;
    row.job.state = core::JobState::kEnding;
    if (observer != nullptr) observer->on_job_changed(row.job);
    row.job.state = core::JobState::kEnded;
    row.job.ended = sys::now();
    row.job.result = {.reason = core::Reason::kExited,
                      .has_status = true,
                      .wait_status = 3 << 8,
                      .limit = {},
                      .launch = {},
                      .by = {},
                      .detail = {}};
    // The signal first: the bus must put the answers first by itself.
    if (observer != nullptr) observer->on_job_changed(row.job);
    if (observer != nullptr) observer->on_job_removed(row.job);
    const auto waits = std::exchange(row.waits, {});
    for (const auto& [id, done] : waits)
      done(view(row.job));
  }
  [[nodiscard]] std::size_t open_waits() const {
    std::size_t count = 0;
    for (const auto& [jid, row] : rows)
      count += row.waits.size();
    return count;
  }
  static core::JobView view(const core::Job& job) {
    core::JobView view;
    view.jid = job.jid;
    view.name = job.spec.name;
    view.owner = job.owner;
    view.kind = job.spec.kind;
    view.engine = job.engine;
    view.state = job.state;
    view.limits = job.spec.limits;
    view.terms = job.spec.terms;
    view.argv = job.spec.argv;
    view.main = job.main;
    view.created = job.created;
    view.started = job.started;
    view.ended = job.ended;
    view.result = job.result;
    view.processes_seen = 2;
    view.totals.user_time = core::Microseconds(0);
    return view;
  }

  core::AuthorityRules rules{.instance = core::Uid(::geteuid())};
  FakeProviders fake_providers;
  core::JobObserver* observer = nullptr;
  core::LaunchHandles last_handles;
  bool is_accounting = true;
  core::RecordSwitches switches;
  core::KillPlanChange last_change;
  bool last_accepts_less = false;
  std::atomic<int> waits_seen = 0;  ///< for a test in another thread
  std::vector<std::pair<int, core::SignalTarget>> signals;
  core::Pid group_signalled;
  std::map<core::JobId, Row> rows;
  std::vector<std::function<void()>> late;
  std::size_t forgotten = 0;
  WaitId last_wait = 0;
  std::uint32_t sequence = 0;
  int reexecs = 0;
  std::vector<core::Pid> attached;  ///< -1: by a pidfd
  bool is_slow = false;             ///< answers of create() gather in `late`
  bool is_down = false;

 private:
  Row* find_row(core::JobId jid) {
    const auto found = rows.find(jid);
    return found == rows.end() ? nullptr : &found->second;
  }
  static std::unexpected<core::Refused> no_such_job(core::JobId jid) {
    return refuse(core::Refusal::kNoSuchJob,
                  core::job_text(jid) + " does not exist");
  }
  static core::Answer<core::CreatedJob> created(const core::Job& job) {
    core::CreatedJob answer;
    answer.jid = job.jid;
    answer.engine = job.engine;
    if (job.spec.kind == core::JobKind::kForeground) {
      int ends[2] = {-1, -1};
      (void)::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
      answer.link = sys::UniqueFd(ends[0]).to_handle();
      (void)::close(ends[1]);
      auto directory = sys::open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
      if (directory) answer.container = (*std::move(directory)).to_handle();
    }
    return answer;
  }
};

}  // namespace bus_test
