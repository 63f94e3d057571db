// SPDX-License-Identifier: Apache-2.0
#include "supervisor/reaper_link.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "supervisor/log.h"
#include "sys/pid_fd.h"

namespace supervisor {

namespace {

/// So many of the orders in flight may be one user's who is not the
/// instance's own, and so many are left to that one.
constexpr std::size_t kOrdersOfOne = 3;

/// A launch block too large for its packet, in a memfd that nobody can change.
core::Result<sys::UniqueFd> sealed_memfd(std::span<const std::byte> bytes) {
  sys::UniqueFd file(
      ::memfd_create("corral-launch", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.is_open()) return core::fail(errno, "memfd_create");
  for (std::size_t done = 0; done < bytes.size();) {
    const auto rest = bytes.subspan(done);
    const ssize_t wrote = ::write(file.get(), rest.data(), rest.size());
    if (wrote < 0) return core::fail(errno, "write", "launch block");
    done += static_cast<std::size_t>(wrote);
  }
  constexpr int kSeals =
      F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  if (::fcntl(file.get(), F_ADD_SEALS, kSeals) < 0)
    return core::fail(errno, "seal", "launch block");
  return file;
}

template <class T, class Call>
void with_body(const reaper::Message& message, const Call& call) {
  if (const auto body = reaper::body_as<T>(message.body)) call(*body);
}

}  // namespace

ReaperLink::ReaperLink(EventLoop& loop, sys::UniqueFd socket,
                       std::uint64_t epoch, ReaperEvents& events)
    : socket_(std::move(socket)),
      epoch_(epoch),
      own_(::geteuid()),
      events_(events),
      link_(loop, socket_.get(), *this) {}

void ReaperLink::hello() {
  link_.send_value(reaper::MessageType::kHello, reaper::Hello{epoch_});
}

void ReaperLink::launch(LaunchOrder order) {
  const bool waits =
      std::ranges::find(queue_, order.jid, &LaunchOrder::jid) != queue_.end();
  if (waits || open_.contains(order.jid)) return;  // asked for again
  queue_.push_back(std::move(order));
  send_orders();
}

void ReaperLink::send_orders() {
  while (true) {
    std::optional<core::Uid> refused;
    const auto next =
        std::ranges::find_if(queue_, [&](const LaunchOrder& order) {
          if (order.user == refused) return false;
          if (may_send(order.user)) return true;
          refused = order.user;
          return false;
        });
    if (next == queue_.end()) return;
    LaunchOrder order = std::move(*next);
    queue_.erase(next);
    open_.emplace(order.jid, order.user);
    send_order(std::move(order));
  }
}

/// A command may hang before it runs, in a file system of its user's or in the
/// job around it, until its time is over: others must not wait for that.
bool ReaperLink::may_send(core::Uid user) const {
  if (open_.size() >= reaper::kOrdersInFlight) return false;
  if (user == own_) return true;
  const auto count_if = [this](auto holds) {
    return static_cast<std::size_t>(std::ranges::count_if(
        open_, [&](const auto& row) { return holds(row.second); }));
  };
  return count_if([user](core::Uid uid) { return uid == user; }) <
             kOrdersOfOne &&
         count_if([this](core::Uid uid) { return uid != own_; }) <
             reaper::kOrdersInFlight - kOrdersOfOne;
}

void ReaperLink::send_order(LaunchOrder order) {
  reaper::Launch launch;
  launch.epoch = epoch_;
  launch.order = core::sequence_of(order.jid);
  launch.jid = order.jid.raw();
  launch.timeout_us = order.timeout.raw();
  launch.block_size = static_cast<std::uint32_t>(order.block.size());
  std::vector<int> fds;
  std::span<const std::byte> tail = order.block;
  sys::UniqueFd memfd;
  if (order.block.size() > reaper::kInlineBlock) {
    auto made = sealed_memfd(order.block);
    if (!made) {
      spdlog::error("cannot order the launch of job {}: {}",
                    core::display(order.jid).view(),
                    text_of(made.error().message()));
      reaper::Launched failed;
      failed.order = launch.order;
      failed.epoch = epoch_;
      failed.code = made.error().code;
      failed.stage = static_cast<std::uint32_t>(core::LaunchStage::kClone);
      return events_.on_launched(failed, sys::UniqueFd());
    }
    memfd = *std::move(made);
    fds.push_back(memfd.get());
    tail = {};
  }
  for (const auto& fd : order.fds)
    fds.push_back(fd->get());
  link_.send_value(reaper::MessageType::kLaunch, launch, fds, tail);
}

void ReaperLink::acknowledge_launch(core::JobId jid) {
  // One that is not open here was a dead supervisor's: it has a place in the
  // reaper's table all the same.
  (void)open_.erase(jid);
  link_.send_value(
      reaper::MessageType::kLaunchAck,
      reaper::OrderNumber{.epoch = epoch_, .order = core::sequence_of(jid)});
  send_orders();
}

void ReaperLink::acknowledge_records(std::uint64_t sequence) {
  link_.send_value(reaper::MessageType::kRecordAck,
                   reaper::SequenceNumber{sequence});
}

void ReaperLink::send_barrier(std::uint64_t number) {
  barrier_ = number;
  ask_barrier();
}

void ReaperLink::ask_barrier() {
  if (barrier_ == 0 || !level_) return;  // its Welcome comes first
  if (*level_ < reaper::kBarrierLevel)
    return events_.on_barrier(std::exchange(barrier_, 0));
  link_.send_value(reaper::MessageType::kBarrier,
                   reaper::SequenceNumber{barrier_});
}

void ReaperLink::take_welcome(const reaper::Welcome& welcome) {
  level_ = welcome.level;
  events_.on_welcome(welcome);
  // The image before this one may have forgotten it, or never have known it.
  ask_barrier();
}

void ReaperLink::reexec(std::string_view program) {
  reaper::PathText text;
  std::memcpy(text.path, program.data(),
              std::min(program.size(), sizeof text.path - 1));
  link_.send_value(reaper::MessageType::kReexec, text);
}

void ReaperLink::shut_down(std::int32_t code) {
  link_.send_value(reaper::MessageType::kShutDown,
                   reaper::ExitCode{.code = code, .reserved = 0});
}

void ReaperLink::hold_lock(int lock) {
  link_.send(reaper::MessageType::kHoldLock, {}, std::span(&lock, 1));
}

void ReaperLink::hold(std::string_view name, int fd) {
  send_hold(name, std::span(&fd, 1));
}

void ReaperLink::let_go(std::string_view name) {
  send_hold(name, {});
}

void ReaperLink::send_hold(std::string_view name, std::span<const int> fds) {
  if (level_.value_or(0) < reaper::kHoldLevel) return;
  reaper::StoreName body;
  std::memcpy(body.name, name.data(),
              std::min(name.size(), sizeof body.name - 1));
  link_.send_value(reaper::MessageType::kHold, body, fds);
}

/// Of an attached process that nobody but the reaper waits for, another kernel
/// does not keep the status.
void ReaperLink::tell_counted(core::Collector who) {
  if (level_.value_or(0) < reaper::kExamineLevel) return;
  const bool skips =
      who == core::Collector::kEbpf && sys::keeps_exit_statuses();
  link_.send_value(
      reaper::MessageType::kExamine,
      reaper::ExamineOrder{.are_counted = core::counts_all(who) ? 1U : 0U,
                           .is_crowd_skipped = skips ? 1U : 0U});
}

void ReaperLink::ready() {
  link_.send(reaper::MessageType::kReady);
}

void ReaperLink::on_message(const reaper::Message& message,
                            std::span<sys::UniqueFd> fds) {
  using enum reaper::MessageType;
  switch (message.type) {
    case kWelcome:
      if (!fds.empty()) ring_ = std::move(fds[0]);
      return with_body<reaper::Welcome>(
          message, [&](const auto& body) { take_welcome(body); });
    case kLaunched:
      return with_body<reaper::Launched>(message, [&](const auto& body) {
        if (body.epoch != epoch_) return;  // of a journal that is lost
        // A dead supervisor ordered it: not again, when the reaper forgets it.
        std::erase_if(queue_, [&](const LaunchOrder& order) {
          return core::sequence_of(order.jid) == body.order;
        });
        events_.on_launched(body,
                            fds.empty() ? sys::UniqueFd() : std::move(fds[0]));
      });
    case kExit:
      return with_body<core::ExitRecord>(
          message, [&](const auto& body) { events_.on_reaper_exit(body); });
    case kStoreLink:
      if (!fds.empty())
        events_.on_new_store(
            {.link = std::move(fds[0]),
             .process = sys::PidFd(fds.size() > 1 ? std::move(fds[1])
                                                  : sys::UniqueFd())});
      return;
    case kSignalled:
      return with_body<reaper::SignalSeen>(message, [&](const auto& body) {
        events_.on_reaper_signalled(body);
      });
    case kBarrierPassed:
      return with_body<reaper::SequenceNumber>(message, [&](const auto& body) {
        if (body.sequence >= barrier_) barrier_ = 0;
        events_.on_barrier(body.sequence);
      });
    case kReexecRefused:
      return with_body<reaper::Refused>(
          message, [&](const auto& body) { events_.on_reexec_refused(body); });
    default:
      return;  // not the reaper's to say
  }
}

}  // namespace supervisor
