// SPDX-License-Identifier: Apache-2.0
// One worker process and its packets. Its life, as the supervisor sees it:
// stopped -> running (spawn worked) -> stopped (its pidfd became readable) and,
// unless it was retired, a timer to start it again.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include "core/kill_plan.h"
#include "supervisor/log.h"
#include "supervisor/worker.h"
#include "sys/clock.h"
#include "sys/message_socket.h"
#include "sys/pid_fd.h"
#include "sys/spawn.h"
#include "sys/urgency.h"

namespace supervisor {

namespace {

constexpr core::Microseconds kLongEnough = core::seconds(1);
constexpr core::Microseconds kFirstPause = core::milliseconds(100);
constexpr core::Microseconds kLongestPause = core::seconds(10);

/// The worker's side of the socket waits; ours never does.
core::Result<void> let_it_block(int socket) {
  const int flags = ::fcntl(socket, F_GETFL);
  if (flags < 0 || ::fcntl(socket, F_SETFL, flags & ~O_NONBLOCK) < 0)
    return core::fail(errno, "fcntl(F_SETFL)");
  return {};
}

struct QueuedPacket {
  std::vector<std::byte> bytes;
  std::vector<sys::UniqueFd> fds;
};

std::vector<int> numbers_of(const std::vector<sys::UniqueFd>& fds) {
  std::vector<int> numbers;
  numbers.reserve(fds.size());
  for (const sys::UniqueFd& fd : fds)
    numbers.push_back(fd.get());
  return numbers;
}

}  // namespace

core::Result<core::Pid> spawn_worker(const WorkerPlan& plan, int socket) {
  std::vector<std::string> texts = plan.words;
  sys::SpawnPlan spawn;
  int code = sys::set_clean_signals(spawn);
  // dup2 of a number to itself clears close-on-exec here (posix_spawn(3)).
  if (code == 0)
    code = ::posix_spawn_file_actions_adddup2(&spawn.actions, socket,
                                              kWorkerSocket);
  pid_t pid = -1;
  const sys::UrgentBirths births(plan.is_urgent);
  if (code == 0)
    code = ::posix_spawn(&pid, plan.program.c_str(), &spawn.actions,
                         &spawn.attributes,
                         sys::argument_pointers(texts).data(), environ);
  if (code != 0) return core::fail(code, "start worker", plan.name);
  return core::Pid(pid);
}

class WorkerProcess::State
    : public std::enable_shared_from_this<WorkerProcess::State> {
 public:
  State(EventLoop& loop, WorkerPlan plan, Handlers handlers)
      : loop_(loop),
        plan_(std::move(plan)),
        handlers_(std::move(handlers)),
        buffer_(
            std::make_unique_for_overwrite<std::byte[]>(kLargestWorkerPacket)) {
  }

  void start() {
    if (is_running() || is_over_ || (restart_ && restart_->is_set())) return;
    if (const auto started = try_start(); !started) {
      spdlog::error("{}; trying again", started.error().message().view());
      start_later();
    }
  }

  void send(std::span<const std::byte> packet, std::span<const int> fds) {
    if (!is_running()) return;
    if (queue_.empty() && send_now(packet, fds)) return;
    QueuedPacket queued;
    queued.bytes.assign(packet.begin(), packet.end());
    for (const int fd : fds) {
      sys::UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
      if (!copy.is_open())
        spdlog::error("cannot keep a descriptor for worker '{}': {}",
                      plan_.name, std::strerror(errno));
      queued.fds.push_back(std::move(copy));
    }
    bytes_waiting_ += queued.bytes.size();
    queue_.push_back(std::move(queued));
    socket_watch_.want(Readiness::kReadWrite);
  }

  void kill() {
    was_killed_by_us_ = true;
    if (process_.is_open()) (void)process_.signal(core::kSigkill);
  }

  void retire() {
    is_over_ = true;
    if (restart_) restart_->clear();
    close_socket();
  }

  /// The owner is gone: nothing is called any more.
  void abandon() {
    retire();
    exit_watch_ = IoWatch();
  }

  [[nodiscard]] bool is_running() const { return socket_.is_open(); }
  [[nodiscard]] std::size_t bytes_waiting() const { return bytes_waiting_; }

 private:
  /// A callback that lives as long as this does at most.
  template <class Call>
  auto if_alive(Call call) {
    return [weak = weak_from_this(), call](auto&&...) {
      if (const auto self = weak.lock()) call(*self);
    };
  }

  core::Result<void> try_start() {
    sys::SocketPair pair = TRY(sys::make_socket_pair());
    TRY(let_it_block(pair.second.get()));
    const core::Pid pid = TRY(spawn_worker(plan_, pair.second.get()));
    // Ours and not reaped: the number is still its own.
    auto process = sys::PidFd::open(pid);
    if (!process) {
      // It would wait for us as long as we have its socket.
      (void)::kill(pid.raw(), SIGKILL);
      (void)::waitid(P_PID, static_cast<id_t>(pid.raw()), nullptr, WEXITED);
      return std::unexpected(process.error());
    }
    process_ = *std::move(process);
    socket_ = std::move(pair.first);
    started_ = sys::boot_now();
    was_killed_by_us_ = false;
    socket_watch_ = IoWatch(loop_, socket_.get(), Readiness::kRead,
                            [weak = weak_from_this()](Readiness ready) {
                              if (const auto self = weak.lock())
                                self->on_socket(ready);
                            });
    exit_watch_ = IoWatch(loop_, process_.get(), Readiness::kRead,
                          if_alive([](State& self) { self.on_exit(); }));
    loop_.defer(if_alive([](State& self) {
      if (self.is_running() && self.handlers_.on_start)
        self.handlers_.on_start();
    }));
    return {};
  }

  void start_later() {
    if (!restart_)
      restart_.emplace(loop_, if_alive([](State& self) { self.start(); }));
    pause_ = std::clamp(pause_ + pause_, kFirstPause, kLongestPause);
    restart_->set(sys::boot_now() + pause_);
  }

  /// False: the socket is full.
  bool send_now(std::span<const std::byte> packet, std::span<const int> fds) {
    const auto sent = sys::send_packet(socket_.get(), packet, {}, fds);
    if (sent) return true;
    if (sent.error().code == EAGAIN) return false;
    // A peer that is gone is the pidfd's to tell; the packet is sent again.
    if (sent.error().code != EPIPE && sent.error().code != ECONNRESET)
      spdlog::error("worker '{}': {}", plan_.name,
                    sent.error().message().view());
    return true;
  }

  void on_socket(Readiness ready) {
    if (has(ready, Readiness::kWrite)) flush();
    if (has(ready, Readiness::kRead)) receive_all();
  }

  void flush() {
    while (!queue_.empty()) {
      const QueuedPacket& packet = queue_.front();
      if (!send_now(packet.bytes, numbers_of(packet.fds))) return;
      bytes_waiting_ -= packet.bytes.size();
      queue_.pop_front();
    }
    if (socket_watch_.is_open()) socket_watch_.want(Readiness::kRead);
  }

  void receive_all() {
    while (is_running()) {
      auto packet = sys::receive_packet(socket_.get(),
                                        {buffer_.get(), kLargestWorkerPacket});
      if (!packet && packet.error().code == EAGAIN) return;
      if (!packet || packet->size == 0) return stop_listening();
      if (packet->was_cut) {
        spdlog::error("worker '{}' sent more than a packet can hold, ignoring",
                      plan_.name);
        continue;
      }
      if (packet->fd_count != 0 && handlers_.on_descriptors)
        handlers_.on_descriptors(
            std::span(packet->fds).first(packet->fd_count));
      if (handlers_.on_packet)
        handlers_.on_packet({buffer_.get(), packet->size});
    }
  }

  /// Its end of the socket is closed: it is ending, or it had better be.
  void stop_listening() {
    socket_watch_ = IoWatch();
    if (process_.is_open()) (void)process_.signal(core::kSigkill);
  }

  void close_socket() {
    socket_watch_ = IoWatch();
    socket_.reset();
    queue_.clear();
    bytes_waiting_ = 0;
  }

  void on_exit() {
    receive_all();  // what it said before it died counts
    const bool lived_long = sys::boot_now() - started_ >= kLongEnough;
    say_how_it_ended();
    exit_watch_ = IoWatch();
    process_ = sys::PidFd();
    close_socket();
    if (handlers_.on_death) handlers_.on_death();
    if (is_over_) return;
    if (lived_long) pause_ = core::Microseconds();
    if (lived_long || was_killed_by_us_)
      loop_.defer(if_alive([](State& self) { self.start(); }));
    else
      start_later();
  }

  /// Reaps it.
  void say_how_it_ended() {
    siginfo_t how = {};
    (void)::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &how, WEXITED);
    if (is_over_ || was_killed_by_us_) return;
    spdlog::warn("worker '{}' ended by itself ({} {}), starting it again",
                 plan_.name, how.si_code == CLD_EXITED ? "exit code" : "signal",
                 how.si_status);
  }

  EventLoop& loop_;
  WorkerPlan plan_;
  Handlers handlers_;
  std::unique_ptr<std::byte[]> buffer_;
  sys::UniqueFd socket_;
  sys::PidFd process_;
  IoWatch socket_watch_;
  IoWatch exit_watch_;
  std::optional<Timer> restart_;
  std::deque<QueuedPacket> queue_;
  std::size_t bytes_waiting_ = 0;
  core::BootTime started_;
  core::Microseconds pause_;
  bool was_killed_by_us_ = false;
  bool is_over_ = false;
};

WorkerProcess::WorkerProcess(EventLoop& loop, WorkerPlan plan,
                             Handlers handlers)
    : state_(std::make_shared<State>(loop, std::move(plan),
                                     std::move(handlers))) {}
WorkerProcess::~WorkerProcess() {
  state_->abandon();
}

void WorkerProcess::start() {
  state_->start();
}
void WorkerProcess::send(std::span<const std::byte> packet,
                         std::span<const int> fds) {
  state_->send(packet, fds);
}
bool WorkerProcess::is_running() const {
  return state_->is_running();
}
std::size_t WorkerProcess::bytes_waiting() const {
  return state_->bytes_waiting();
}
void WorkerProcess::kill() {
  state_->kill();
}
void WorkerProcess::retire() {
  state_->retire();
}

}  // namespace supervisor
