// SPDX-License-Identifier: Apache-2.0
#include "supervisor/revival.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "supervisor/log.h"
#include "supervisor/worker.h"
#include "sys/message_socket.h"
#include "sys/own_programs.h"

namespace supervisor {

namespace {

core::Result<StoreEnds> start_store(const std::string& program) {
  sys::SocketPair pair = TRY(sys::make_socket_pair());
  const WorkerPlan plan{
      .name = "store",
      .words = {"corral-reaper", "--store", std::to_string(kWorkerSocket)},
      .program = program};
  const core::Pid pid = TRY(spawn_worker(plan, pair.second.get()));
  // Our child, whom nobody has waited for: the number is still its own.
  auto process = sys::PidFd::open(pid);
  return StoreEnds{.link = std::move(pair.first),
                   .process = process ? *std::move(process) : sys::PidFd()};
}

}  // namespace

core::Result<std::vector<std::string>> revival_command(
    const RevivalWords& words) {
  std::vector<std::string> command = {words.init, "--supervise"};
  for (const auto& [option, fd] : words.kept) {
    if (fd < 0) continue;
    // Without close-on-exec: it is for the program that we become.
    const int number = ::fcntl(fd, F_DUPFD, 3);
    if (number < 0) return core::fail(errno, "keep the descriptor of", option);
    command.insert(command.end(), {option, std::to_string(number)});
  }
  command.emplace_back("--");
  command.push_back(TRY(sys::find_own_program(sys::OwnProgram::kSupervisor)));
  command.insert(command.end(), words.arguments.begin(), words.arguments.end());
  return command;
}

core::Result<StoreEnds> pass_on_store(StoreLink& store,
                                      const Bequest& bequest) {
  // Its answer says that it has what was put before.
  auto ring = store.fetch(reaper::kRingName);
  if (!ring && ring.error().code != ENOENT) {
    spdlog::warn("there is no store for the new reaper; starting one");
    StoreEnds fresh = TRY(start_store(bequest.reaper));
    store.replace(std::move(fresh.link), std::move(fresh.process));
    bequest.put_again();
  }
  if (!ring && bequest.ring >= 0) {
    store.put(reaper::kRingName, bequest.ring);
    ring = store.fetch(reaper::kRingName);
  }
  if (!ring)
    spdlog::error("what the reaper had not told yet is lost: {}",
                  text_of(ring.error().message()));
  return std::move(store).promote();
}

}  // namespace supervisor
