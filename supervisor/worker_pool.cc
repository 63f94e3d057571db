// SPDX-License-Identifier: Apache-2.0
// Requests and who does them. A request waits in the queue, then belongs to one
// seat, a process, until it is answered or its deadline kills the process.
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <list>
#include <optional>
#include <utility>

#include "reaper/protocol.h"
#include "supervisor/log.h"
#include "supervisor/worker.h"
#include "sys/clock.h"
#include "sys/message_socket.h"

namespace supervisor {

namespace {

using reaper::WorkerHead;

std::vector<std::byte> packet_of(const WorkerHead& head,
                                 std::span<const std::byte> body) {
  std::vector<std::byte> packet(sizeof head + body.size());
  std::memcpy(packet.data(), &head, sizeof head);
  std::copy(body.begin(), body.end(), packet.begin() + sizeof head);
  return packet;
}

}  // namespace

class WorkerPool::State
    : public std::enable_shared_from_this<WorkerPool::State> {
 public:
  State(EventLoop& loop, WorkerPlan plan, std::size_t most, std::size_t kept)
      : loop_(loop), plan_(std::move(plan)), most_(most), kept_(kept) {}

  void add(std::vector<std::byte> body, std::vector<sys::UniqueFd> fds,
           core::Microseconds patience, Done done) {
    Request request;
    request.id = ++last_id_;
    request.packet =
        packet_of({.id = request.id, .code = 0, .reserved = 0}, body);
    request.fds = std::move(fds);
    request.patience = patience;
    request.done = std::move(done);
    queue_.push_back(std::move(request));
    seat_all();
  }

  void prepare() {
    if (seats_.empty()) add_seat()->process->start();
  }

  /// The owner is gone: processes and requests with it. One that is at work
  /// may hang in it.
  void close() {
    for (Seat& seat : seats_)
      if (seat.request) seat.process->kill();
    seats_.clear();
    queue_.clear();
  }

  [[nodiscard]] std::size_t open_requests() const {
    return queue_.size() +
           static_cast<std::size_t>(std::count_if(
               seats_.begin(), seats_.end(),
               [](const Seat& seat) { return seat.request.has_value(); }));
  }

 private:
  struct Request {
    std::uint64_t id = 0;
    std::vector<std::byte> packet;
    std::vector<sys::UniqueFd> fds;
    core::Microseconds patience;
    Done done;
  };

  struct Seat {
    std::unique_ptr<WorkerProcess> process;
    Timer deadline;
    std::optional<Request> request;
    bool is_retired = false;
  };
  using SeatRef = std::list<Seat>::iterator;

  /// Gives what waits to who is free, or to a new process.
  void seat_all() {
    while (!queue_.empty()) {
      SeatRef seat =
          std::find_if(seats_.begin(), seats_.end(), [](const Seat& each) {
            return !each.is_retired && !each.request.has_value();
          });
      if (seat == seats_.end()) {
        if (seats_.size() >= most_) return;
        seat = add_seat();
      }
      seat->request = std::move(queue_.front());
      queue_.pop_front();
      seat->deadline.set(sys::boot_now() + seat->request->patience);
      if (seat->process->is_running())
        send_request(*seat);
      else
        seat->process->start();
    }
  }

  SeatRef add_seat() {
    const SeatRef seat = seats_.emplace(seats_.end());
    // The seat outlives its process, and the process its callbacks.
    seat->process = std::make_unique<WorkerProcess>(
        loop_, plan_,
        WorkerProcess::Handlers{
            .on_packet = [this, seat](auto packet) { answer(seat, packet); },
            .on_death = [this, seat] { on_death(seat); },
            .on_start = [seat] { send_request(*seat); }});
    seat->deadline = Timer(loop_, [this, seat] { give_up(seat); });
    return seat;
  }

  static void send_request(Seat& seat) {
    if (!seat.request) return;
    std::vector<int> fds;
    for (const sys::UniqueFd& fd : seat.request->fds)
      fds.push_back(fd.get());
    seat.process->send(seat.request->packet, fds);
  }

  void answer(SeatRef seat, std::span<const std::byte> packet) {
    WorkerHead head;
    if (packet.size() < sizeof head) return;
    std::memcpy(&head, packet.data(), sizeof head);
    // After a restart the same request may be answered twice.
    if (!seat->request || seat->request->id != head.id) return;
    if (head.code == 0)
      finish(seat, packet.subspan(sizeof head));
    else
      finish(seat, core::fail(head.code, "ask worker", plan_.name));
  }

  void give_up(SeatRef seat) {
    if (!seat->request) return;
    spdlog::warn("worker '{}' gave no answer in {} ms, killing it", plan_.name,
                 seat->request->patience.raw() / 1000);
    seat->process->kill();
    finish(seat, core::fail(ETIME, "ask worker", plan_.name));
  }

  void finish(SeatRef seat, core::Result<std::span<const std::byte>> result) {
    const Done done = std::move(seat->request->done);
    seat->request.reset();
    seat->deadline.clear();
    seat_all();
    if (!seat->request && live_seats() > kept_) {
      seat->is_retired = true;
      seat->process->retire();
    }
    done(std::move(result));  // last: it may destroy the pool
  }

  void on_death(SeatRef seat) {
    if (!seat->is_retired) return;
    // Not from within its own callback.
    loop_.defer([weak = weak_from_this(), seat] {
      const auto self = weak.lock();
      if (!self || self->seats_.empty()) return;
      self->seats_.erase(seat);
      self->seat_all();
    });
  }

  [[nodiscard]] std::size_t live_seats() const {
    return static_cast<std::size_t>(
        std::count_if(seats_.begin(), seats_.end(),
                      [](const Seat& seat) { return !seat.is_retired; }));
  }

  EventLoop& loop_;
  WorkerPlan plan_;
  std::size_t most_;
  std::size_t kept_;
  std::uint64_t last_id_ = 0;
  std::deque<Request> queue_;
  std::list<Seat> seats_;
};

WorkerPool::WorkerPool(EventLoop& loop, WorkerPlan plan, std::size_t most,
                       std::size_t kept)
    : state_(std::make_shared<State>(loop, std::move(plan), most, kept)) {}
WorkerPool::~WorkerPool() {
  state_->close();
}

void WorkerPool::request(std::vector<std::byte> body,
                         std::vector<sys::UniqueFd> fds,
                         core::Microseconds patience, Done done) {
  state_->add(std::move(body), std::move(fds), patience, std::move(done));
}

void WorkerPool::prepare() {
  state_->prepare();
}

std::size_t WorkerPool::open_requests() const {
  return state_->open_requests();
}

int serve_requests(int socket, const WorkerHandler& handler) {
  // The end of the socket tells of the supervisor's death, but not a worker
  // that hangs in a request. Should the supervisor have died before this call,
  // the socket has ended before the first request.
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto buffer =
      std::make_unique_for_overwrite<std::byte[]>(kLargestWorkerPacket);
  for (;;) {
    const auto packet =
        sys::receive_packet(socket, {buffer.get(), kLargestWorkerPacket});
    if (!packet) return 1;
    if (packet->size == 0) return 0;
    WorkerHead head;
    if (packet->was_cut || packet->size < sizeof head) continue;
    std::memcpy(&head, buffer.get(), sizeof head);
    const std::span<const std::byte> body(buffer.get() + sizeof head,
                                          packet->size - sizeof head);
    std::vector<std::byte> answer;
    const auto done =
        handler({.body = body, .fds = {packet->fds, packet->fd_count}}, answer);
    if (!done) answer.clear();
    if (!done) head.code = done.error().code != 0 ? done.error().code : EIO;
    if (!sys::send_packet(socket, packet_of(head, answer))) return 0;
  }
}

}  // namespace supervisor
