// SPDX-License-Identifier: Apache-2.0
// Workers: processes of the supervisor's own that do what would block it (name
// look-ups, cgroup.kill, the accounting file). A worker is this program again,
// /proc/self/exe --worker=NAME, or corral-reaper --killer, with one end of a
// SOCK_SEQPACKET pair as its descriptor 3. It ends when that socket does, so it
// never outlives its supervisor for longer than one request.
//
//   WorkerProcess  one process and its packets, in both directions: started on
//                  demand, watched by pidfd, started again when it dies
//   WorkerPool     requests with an answer each and a deadline each, served by
//                  as many processes as are busy, up to a bound
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/quantity.h"
#include "supervisor/event_loop.h"
#include "sys/unique_fd.h"

namespace supervisor {

/// The number of a worker's socket in the worker.
inline constexpr int kWorkerSocket = 3;
/// The largest packet to and from a worker.
inline constexpr std::size_t kLargestWorkerPacket = 64U << 10;

/// The program that runs now, also when its file was replaced.
inline constexpr const char* kOwnProgram = "/proc/self/exe";

/// How to start a worker.
struct WorkerPlan {
  std::string name;                ///< for people
  std::vector<std::string> words;  ///< its command line
  std::string program = kOwnProgram;
  bool is_urgent = false;  ///< born with the supervisor's priority
};

/// Starts the plan's program, with `socket` as its descriptor 3. Errors: those
/// of posix_spawn(3).
[[nodiscard]] core::Result<core::Pid> spawn_worker(const WorkerPlan& plan,
                                                   int socket);

class WorkerProcess {
 public:
  /// Each may be empty, and may destroy the WorkerProcess.
  struct Handlers {
    /// A packet from the worker; valid during the call.
    std::function<void(std::span<const std::byte>)> on_packet;
    /// The descriptors that came with the packet which on_packet is told of
    /// next; those that are not taken are closed.
    std::function<void(std::span<sys::UniqueFd>)> on_descriptors = {};
    /// It died; nothing that it sent is outstanding. Unless it was retired it
    /// is started again by itself: at once, or after a growing pause if it had
    /// not lived for a second.
    std::function<void()> on_death;
    /// It was started, for the first time or again: the moment to send (again)
    /// what has no answer yet.
    std::function<void()> on_start;
  };

  WorkerProcess(EventLoop& loop, WorkerPlan plan, Handlers handlers);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  /// Closes its socket, so that it ends by itself; nobody waits for it: for the
  /// supervisor's own end. Else retire().
  ~WorkerProcess();

  /// Starts it, if it does not run and is not about to be started. on_start
  /// follows in the next round of the loop; a failure to start is logged and
  /// tried again after a pause.
  void start();

  /// Sends a packet (at most kLargestWorkerPacket); what the socket does not
  /// take now waits in memory. While it is not running packets are dropped:
  /// on_start sends them again.
  void send(std::span<const std::byte> packet, std::span<const int> fds = {});

  [[nodiscard]] bool is_running() const;
  /// Bytes that wait for the socket.
  [[nodiscard]] std::size_t bytes_waiting() const;
  /// SIGKILL; on_death follows.
  void kill();
  /// Closes its socket; on_death follows when it has ended. It is not started
  /// again.
  void retire();

 private:
  class State;
  std::shared_ptr<State> state_;
};

class WorkerPool {
 public:
  /// The answer's body, valid during the call. Errors: what the worker
  /// answered, or ETIME: no answer by the deadline, the worker was killed.
  using Done = std::function<void(core::Result<std::span<const std::byte>>)>;

  /// At most `most` processes. The first starts with the first request; `kept`
  /// stay for the next request, others end when they have nothing to do.
  WorkerPool(EventLoop& loop, WorkerPlan plan, std::size_t most,
             std::size_t kept = 1);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// Requests without an answer are dropped, not called.
  ~WorkerPool();

  /// Asks. `patience` counts from when a worker takes the request. A request
  /// whose worker dies of something else is given to the next one: it must be
  /// harmless to repeat. `done` is called exactly once, never before request()
  /// has returned. Body: at most kLargestWorkerPacket - 16 bytes.
  void request(std::vector<std::byte> body, std::vector<sys::UniqueFd> fds,
               core::Microseconds patience, Done done);

  /// Starts the first process before there is a request.
  void prepare();

  /// Requests that have no answer yet.
  [[nodiscard]] std::size_t open_requests() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

// The worker's side.

/// One request as a worker sees it.
struct WorkerRequest {
  std::span<const std::byte> body;
  std::span<const sys::UniqueFd> fds;
};
/// Does the request; the bytes it appends to `answer` go back, or the error's
/// errno.
using WorkerHandler = std::function<core::Result<void>(
    const WorkerRequest& request, std::vector<std::byte>& answer)>;

/// Serves requests of a WorkerPool from `socket` until it ends. Returns the
/// exit code.
int serve_requests(int socket, const WorkerHandler& handler);

}  // namespace supervisor
