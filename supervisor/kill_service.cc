// SPDX-License-Identifier: Apache-2.0
#include "supervisor/kill_service.h"

#include <fcntl.h>

#include <utility>

#include "core/kill_plan.h"
#include "core/quantity.h"

namespace supervisor {

namespace {

using How = reaper::KillRequest::How;

constexpr std::size_t kMostWorkers = 4;
constexpr core::Microseconds kPatience = core::seconds(30);

}  // namespace

KillService::KillService(EventLoop& loop, std::string program)
    : pool_(loop,
            {.name = "kill",
             .words = {"corral-reaper", "--killer",
                       std::to_string(kWorkerSocket)},
             .program = std::move(program),
             .is_urgent = true},
            kMostWorkers) {
  pool_.prepare();
}

void KillService::kill_all(int cgroup, Done done) {
  ask(How::kKill, core::kSigkill, cgroup, std::move(done));
}

void KillService::freeze_and_kill(int cgroup, Done done) {
  ask(How::kFreezeAndKill, core::kSigkill, cgroup, std::move(done));
}

void KillService::freeze(int cgroup, Done done) {
  ask(How::kFreeze, core::SignalNumber(0), cgroup, std::move(done));
}

void KillService::signal_all(int cgroup, core::SignalNumber signal, bool wakes,
                             Done done) {
  ask(wakes ? How::kSignalAndWake : How::kSignal, signal, cgroup,
      std::move(done));
}

void KillService::ask(How how, core::SignalNumber signal, int cgroup,
                      Done done) {
  sys::UniqueFd copy(::fcntl(cgroup, F_DUPFD_CLOEXEC, 3));
  // Without a descriptor to spare the worker says EBADMSG: no second path here
  // for an answer, and the kill plan comes again.
  std::vector<sys::UniqueFd> fds;
  if (copy.is_open()) fds.push_back(std::move(copy));
  pool_.request({std::byte(how), std::byte(signal.raw())}, std::move(fds),
                kPatience, [done = std::move(done)](const auto& answer) {
                  if (answer)
                    done({});
                  else
                    done(std::unexpected(answer.error()));
                });
}

}  // namespace supervisor
