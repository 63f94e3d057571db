// SPDX-License-Identifier: Apache-2.0
// Client: the synchronous, typed client of a Corral instance on its private
// socket, for the command. It speaks in the types of core/job_control.h: what
// the port says in the supervisor, this says in another process.
//
// libsystemd is loaded with dlopen(3) when the first client connects, so that a
// program that links this starts without it. A supervisor that restarts is not
// an error: reads, waits and requests with a token are repeated on a new
// connection until a deadline.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/accounting_control.h"
#include "core/job_control.h"
#include "core/provider_control.h"

namespace bus {

/// Descriptors that a request lends to the job: borrowed for the call, -1 for
/// "the job's own" (/dev/null for input, the job's log for output).
struct BorrowedHandles {
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
  int lifetime = -1;  ///< -1: the job lives on when its creator goes
};

/// What is put into an aggregate: a job, or, where that is kNoJob, the process
/// of a pidfd, which is borrowed.
struct AggregatePart {
  core::JobId job = core::kNoJob;
  int pidfd = -1;
};

struct ClientOptions {
  /// How long a lost supervisor is waited for before a request fails.
  core::Microseconds reconnect_within = core::seconds(20);
  /// How long one that listens may take to greet us.
  core::Microseconds hello_within = core::seconds(5);
  /// How long a supervisor that is there may take to answer (a wait for a
  /// job's end may take for ever).
  core::Microseconds answer_within = core::seconds(60);
};

/// 128 random bits: however often a request is made with one token, it makes
/// one job. Errors: kUnavailable, the kernel gave none.
[[nodiscard]] core::Answer<std::string> random_token();

/// All answers: what the instance refused, in its words, or kUnavailable with
/// the reason when it cannot be reached (no socket, no libsystemd, no answer).
class Client {
 public:
  /// Connects to the instance that listens at `socket_path`. Fails at once,
  /// with kUnavailable, if nobody does (see also bus/client_transport.h).
  [[nodiscard]] static core::Answer<Client> connect(std::string socket_path,
                                                    ClientOptions options = {});

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// A request got no answer in time: who has more of them gives up, rather
  /// than wait as long for each.
  [[nodiscard]] bool is_silent() const;
  /// The program closed the connection's descriptor, which is then left alone:
  /// the next call is made on a new connection.
  [[nodiscard]] bool has_lost_socket() const;

  /// Makes a job. A `spec.user` (name or number) needs the right to make jobs
  /// for others; uid, gid and groups are never sent: the instance takes the
  /// caller's from the kernel. A spec without a token gets a random one, so
  /// that the request can be repeated.
  [[nodiscard]] core::Answer<core::CreatedJob> create(
      const core::JobSpec& spec, const BorrowedHandles& handles = {});

  [[nodiscard]] core::Answer<core::JobView> show(core::JobId jid);
  /// What it uses: counters only, cheap.
  [[nodiscard]] core::Answer<core::UsageView> usage(core::JobId jid);
  [[nodiscard]] core::Answer<core::JobId> find(std::string_view name);
  [[nodiscard]] core::Answer<core::JobId> find_by_pid(core::Pid pid);
  /// At most `most` jobs with a jid above `after` (the instance may give
  /// fewer).
  [[nodiscard]] core::Answer<core::JobPage> list(const core::JobFilter& filter,
                                                 core::JobId after = {},
                                                 std::uint32_t most = 100);
  [[nodiscard]] core::Answer<std::vector<core::ProcessView>> processes(
      core::JobId jid);
  [[nodiscard]] core::Answer<void> signal_group(core::JobId jid,
                                                core::Pid group,
                                                core::SignalNumber signal);
  [[nodiscard]] core::Answer<void> signal(
      core::JobId jid, core::SignalNumber signal,
      core::SignalTarget target = core::SignalTarget::kAll);
  /// Ends the job by its own kill plan, changed by this.
  [[nodiscard]] core::Answer<void> end(core::JobId jid,
                                       const core::KillPlanChange& change = {});

  /// Ends one member of an array, also one that is not made yet.
  [[nodiscard]] core::Answer<void> end_member(
      core::JobId array, std::uint32_t index,
      const core::KillPlanChange& change = {});

  /// Bounds the job otherwise from now on; what is not named stays.
  [[nodiscard]] core::Answer<void> set_limits(
      core::JobId jid, const std::vector<core::LimitChange>& changes,
      bool accepts_less);

  /// Lets no process of the job run, or lets them all run again; returns when
  /// they stand still, or may run.
  [[nodiscard]] core::Answer<void> freeze(core::JobId jid, bool freezes);

  /// Makes a process that exists already a member of the job. The pidfd is
  /// borrowed for the call.
  [[nodiscard]] core::Answer<void> attach(
      core::JobId jid, int pidfd,
      core::AttachMode mode = core::AttachMode::kMove);
  /// Takes it out of its job, which is returned.
  [[nodiscard]] core::Answer<core::JobId> detach(int pidfd);
  /// Takes all processes out of the job; how many.
  [[nodiscard]] core::Answer<std::uint32_t> detach_all(core::JobId jid);

  /// Opens a session; the leader's pidfd is borrowed for the call, and so is
  /// the lifeline, if it is none of -1.
  [[nodiscard]] core::Answer<core::OpenedSession> open_session(
      const core::SessionRequest& request, int leader, int lifetime = -1);
  [[nodiscard]] core::Answer<void> close_session(core::JobId jid);

  /// Blocks until the job has ended, across restarts of the supervisor.
  [[nodiscard]] core::Answer<core::JobView> wait(core::JobId jid);
  /// The same for at most `patience`; nothing if it still lives then. The wait
  /// stays open: calling again goes on with it, other calls may come between.
  [[nodiscard]] core::Answer<std::optional<core::JobView>> wait_for(
      core::JobId jid, core::Microseconds patience);

  /// The end of a packet socket on which the instance tells what happens to
  /// jobs, in lines of JSON (core/job_news.h). `classes` by their words; none
  /// is all. It ends with the supervisor: then subscribe again.
  [[nodiscard]] core::Answer<core::Handle> subscribe(
      const std::vector<std::string>& classes = {});

  /// Makes us a provider: the end of a packet socket of lines of JSON
  /// (core/provider_event.h). `events` by their words; none is all. It lasts as
  /// long as this connection and the supervisor.
  [[nodiscard]] core::Answer<core::Handle> register_provider(
      std::string_view name, const std::vector<std::string>& events = {});
  [[nodiscard]] core::Answer<void> unregister_provider(std::string_view name);
  [[nodiscard]] core::Answer<std::vector<core::ProviderView>> list_providers();
  /// Puts a job or a process into an aggregate, or takes it out.
  [[nodiscard]] core::Answer<void> attach_to_aggregate(
      std::string_view provider, std::uint64_t aggregate,
      const AggregatePart& part);
  [[nodiscard]] core::Answer<void> detach_from_aggregate(
      std::string_view provider, std::uint64_t aggregate,
      const AggregatePart& part);

  /// The output of a detached job, open for reading.
  [[nodiscard]] core::Answer<core::Handle> open_log(core::JobId jid);
  [[nodiscard]] core::Answer<core::InstanceView> instance();
  [[nodiscard]] core::Answer<core::AccountingView> accounting_status();
  /// The new name of the file that was switched; empty: there was none.
  [[nodiscard]] core::Answer<std::string> switch_accounting();
  [[nodiscard]] core::Answer<void> turn_accounting(bool is_on);
  /// core::AccountingControl::turn_kinds().
  [[nodiscard]] core::Answer<void> turn_kinds(
      bool is_on, const core::RecordSwitches& named);
  /// core::AccountingControl::write_record().
  [[nodiscard]] core::Answer<bool> write_record(
      const core::DaemonRecord& record);
  /// core::AccountingControl::job_file(); `file`: borrowed, of kStart.
  [[nodiscard]] core::Answer<void> job_file(core::JobFileVerb verb,
                                            int file = -1);
  [[nodiscard]] core::Answer<void> reexec();
  [[nodiscard]] core::Answer<void> shut_down();

 private:
  core::Answer<void> change_aggregate(const char* member,
                                      std::string_view provider,
                                      std::uint64_t aggregate,
                                      const AggregatePart& part);
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bus
