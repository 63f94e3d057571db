// SPDX-License-Identifier: Apache-2.0
// ja: the instance whose job this process is in is asked.
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "accounting/reports/ja_session.h"
#include "bus/client.h"
#include "cli/connection.h"
#include "cli/csa/csaswitch.h"

namespace cli {

namespace {

using accounting::Outcome;
using accounting::stop;

constexpr const char kFailed[] =
    "An error was returned from the call to the 'acctctl()' routine.";

Outcome<void> done_of(const core::Answer<void>& done) {
  if (!done) return stop(std::string(kFailed) + "\n   " + done.error().text);
  return {};
}

/// The instance that has a job which this process is in: the system's, or the
/// user's own.
class OwnJob {
 public:
  /// Null: no instance has one.
  bus::Client* client() {
    if (was_sought_) return client_ ? &*client_ : nullptr;
    was_sought_ = true;
    for (const Which which : {Which::kSystem, Which::kPrivate}) {
      if (!find_running(which)) continue;
      auto client = connect(which);
      if (!client) continue;
      const auto jid = client->find_by_pid(core::Pid(::getpid()));
      if (!jid) continue;
      jid_ = jid->raw();
      client_ = *std::move(client);
      return &*client_;
    }
    return nullptr;
  }
  [[nodiscard]] std::uint64_t jid() const { return jid_; }
  /// Are its processes counted by who reaps them? Then the file has few.
  [[nodiscard]] bool is_reapers() {
    if (client() == nullptr) return false;
    const auto job = client_->show(core::JobId(jid_));
    if (!job || job->engine == core::Engine::kSubreaper) return job.has_value();
    const auto instance = client_->instance();
    return instance && !core::counts_all(instance->collector);
  }

 private:
  std::optional<bus::Client> client_;
  std::uint64_t jid_ = 0;
  bool was_sought_ = false;
};

constexpr const char kReapersOnly[] =
    "ja: who reaps counts the processes of this job: one that its own parent "
    "waits for has no record, and is in its parent's; 'corral doctor' says "
    "why.\n";

}  // namespace

int ja_command(const accounting::CommandLine& line,
               accounting::Console& console) {
  OwnJob job;
  const auto ask = [&job](core::JobFileVerb verb, int file) -> Outcome<void> {
    bus::Client* const client = job.client();
    if (client == nullptr)
      return stop(kFailed, find_running(Which::kAny) ? ENODATA : ENOSYS);
    return done_of(client->job_file(verb, file));
  };
  return accounting::ja_command(
      line, console,
      {.jid = [&job]() -> Outcome<std::uint64_t> {
         if (job.client() == nullptr)
           return stop("The process running does not have a valid Job ID.");
         return job.jid();
       },
       .start = [&](int file) -> Outcome<void> {
         TRY(ask(core::JobFileVerb::kStart, file));
         if (job.is_reapers()) console.complain(kReapersOnly);
         return {};
       },
       .sync =
           [&] {
             if (job.client() != nullptr)
               (void)job.client()->job_file(core::JobFileVerb::kSync);
           },
       .stop = [&] { return ask(core::JobFileVerb::kStop, -1); }});
}

}  // namespace cli
