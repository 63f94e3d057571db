// SPDX-License-Identifier: Apache-2.0
#include "supervisor/scope_places.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/kill_plan.h"
#include "supervisor/candidate.h"
#include "supervisor/log.h"
#include "sys/message_socket.h"
#include "sys/pid_fd.h"

namespace supervisor {

namespace {

using core::Refusal;

/// Words in a gate that is shut: the kernel's least send buffer has room for a
/// handful.
constexpr int kMostWords = 64;

/// Sockets of which the second, the scope's, can send nothing more before the
/// first is read, and waits for that. Not a pipe: who writes into one holds its
/// lock while his memory is read, and could let us wait for that for ever.
core::Result<sys::SocketPair> make_gate() {
  sys::SocketPair gate = TRY(sys::make_socket_pair());
  const int second = gate.second.get();
  const int least = 1;  // rounded up
  (void)::setsockopt(second, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
  char word = 0;
  int words = 0;
  while (words < kMostWords && ::send(second, &word, 1, MSG_NOSIGNAL) == 1)
    ++words;
  if (words == kMostWords) return core::fail(ENOSPC, "fill the gate");
  const int flags = ::fcntl(second, F_GETFL);
  if (flags < 0 || ::fcntl(second, F_SETFL, flags & ~O_NONBLOCK) < 0)
    return core::fail(errno, "fcntl");
  return gate;
}

/// Takes out what make_gate() put in, and no more: he may send without end.
void open_gate(int gate) {
  char word = 0;
  for (int i = 0; i < kMostWords; ++i)
    if (::recv(gate, &word, 1, MSG_DONTWAIT) < 0) return;
}

core::Result<sys::SocketPair> make_place() {
  sys::SocketPair place = TRY(sys::make_socket_pair());
  const int on = 1;
  if (::setsockopt(place.first.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) <
      0)
    return core::fail(errno, "setsockopt(SO_PASSCRED)");
  return place;
}

/// Who wrote the first word, which stays where it is; pid 0: he is not visible
/// here, or everybody has closed. Descriptors that came with it do not fit.
core::Result<core::Pid> peek_sender(int socket) {
  char word = 0;
  iovec part = {.iov_base = &word, .iov_len = 1};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t size =
      ::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return core::fail(errno, "recvmsg");
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (size == 0 || header == nullptr || header->cmsg_level != SOL_SOCKET ||
      header->cmsg_type != SCM_CREDENTIALS)
    return core::Pid();
  ucred sender = {};
  std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
  return core::Pid(sender.pid);
}

}  // namespace

core::Result<std::vector<sys::UniqueFd>> ScopePlaces::offer(core::JobId jid,
                                                            core::Pid caller) {
  close(jid);
  sys::SocketPair place = TRY(make_place());
  sys::SocketPair gate = TRY(make_gate());
  sys::PidFd taker = TRY(sys::PidFd::open(caller));
  parts_.handles.put(jid, HandleKind::kPlace, std::move(place.first));
  parts_.handles.put(jid, HandleKind::kGate, std::move(gate.first));
  parts_.handles.put(jid, HandleKind::kTaker, std::move(taker).release());
  watch(jid);
  std::vector<sys::UniqueFd> ends;
  ends.push_back(std::move(place.second));
  ends.push_back(std::move(gate.second));
  return ends;
}

void ScopePlaces::resume(core::JobId jid) {
  if (parts_.handles.find(jid, HandleKind::kGate) >= 0 && is_needed(jid))
    watch(jid);
}

void ScopePlaces::watch(core::JobId jid) {
  places_[jid].word =
      IoWatch(parts_.loop, parts_.handles.find(jid, HandleKind::kPlace),
              Readiness::kRead, [this, jid](Readiness) { on_word(jid); });
}

bool ScopePlaces::is_needed(core::JobId jid) const {
  return parts_.handles.find(jid, HandleKind::kPlace) >= 0;
}

std::optional<core::Pid> ScopePlaces::placed(core::JobId jid) const {
  const auto at = places_.find(jid);
  if (at != places_.end() && at->second.pid != core::Pid())
    return at->second.pid;
  // Moved by an earlier supervisor.
  const auto pid = pid_of(parts_.handles.find(jid, HandleKind::kMain));
  return pid ? std::optional(*pid) : std::nullopt;
}

void ScopePlaces::close(core::JobId jid) {
  places_.erase(jid);
  for (const HandleKind kind :
       {HandleKind::kPlace, HandleKind::kGate, HandleKind::kTaker})
    parts_.handles.drop(jid, kind);
}

/// The job, while it may begin.
const core::Job* ScopePlaces::waiting_job(core::JobId jid) const {
  const TableEntry* const entry = parts_.table.find(jid);
  if (entry == nullptr || entry->job.state != core::JobState::kLaunching ||
      entry->job.cancelled)
    return nullptr;
  return &entry->job;
}

void ScopePlaces::on_word(core::JobId jid) {
  const auto sender = peek_sender(parts_.handles.find(jid, HandleKind::kPlace));
  if (!sender && sender.error().code == EAGAIN) return;
  places_[jid].word = IoWatch();  // one word is all
  const core::Job* const job = waiting_job(jid);
  if (job == nullptr) return refuse_entry(jid, "it is being ended");
  const core::Uid owner = job->owner;
  std::deque<Coming>& queue = coming_[owner];
  queue.push_back({.jid = jid, .pid = sender.value_or(core::Pid())});
  if (queue.size() == 1) let_in_next(owner);
}

void ScopePlaces::let_in_next(core::Uid owner) {
  const auto at = coming_.find(owner);
  if (at->second.empty()) {
    coming_.erase(at);
    return;
  }
  let_in(at->second.front(), [this, owner] {
    coming_[owner].pop_front();
    let_in_next(owner);
  });
}

void ScopePlaces::let_in(const Coming& who, std::function<void()> done) {
  const core::JobId jid = who.jid;
  auto move = prepare(jid, who.pid);
  const core::Pid pid = who.pid;
  auto pidfd = move ? move->from.duplicate() : sys::UniqueFd();
  if (!move || !pidfd) {
    refuse_entry(jid, move ? pidfd.error().message().c_str()
                           : std::string_view(move.error().text));
    return parts_.loop.defer(std::move(done));
  }
  mover_.move(*std::move(move), [this, jid, pid, done = std::move(done),
                                 kept = std::make_shared<sys::UniqueFd>(
                                     *std::move(pidfd))](const auto& moved) {
    if (moved && waiting_job(jid) != nullptr)
      parts_.handles.put(jid, HandleKind::kMain, std::move(*kept));
    on_moved(jid, pid, moved);
    done();
  });
}

core::Answer<Move> ScopePlaces::prepare(core::JobId jid, core::Pid sender) {
  const core::Job* const job = waiting_job(jid);
  if (job == nullptr) return core::refuse_ended(jid);
  const core::Pid parent =
      TRY(pid_of(parts_.handles.find(jid, HandleKind::kTaker)));
  FoundProcess found = TRY(find_process({.pid = sender, .pidfd = {}}));
  // Who is held by another job stays there.
  found.facts.job_is_ours = parts_.table.find(found.facts.job) != nullptr;
  if (found.facts.job != core::kNoJob && found.facts.job != job->spec.parent &&
      found.facts.job != jid)  // a supervisor that died has moved it
    return core::detail::refuse_taken(found.facts, "it stays there");
  const core::JobId around = job_around_ ? job_around_(sender) : core::kNoJob;
  if (around != core::kNoJob && around != job->spec.parent)
    return refuse(Refusal::kInvalid,
                  "it would leave " + core::job_text(around));
  auto directory = job->spec.delegates ? parts_.containers.open_own(jid)
                                       : parts_.containers.open(jid);
  auto joins = parts_.containers.joins(jid);
  if (!directory || !joins)
    return refuse(Refusal::kUnavailable, "its container cannot be opened");
  Move move{.pid = sender,
            .from = std::move(found.pidfd).release(),
            .to = {},
            .joins = *std::move(joins),
            .only = ChildFacts{.parent = parent, .uid = job->owner}};
  move.to.push_back(*std::move(directory));
  return move;
}

void ScopePlaces::on_moved(core::JobId jid, core::Pid pid,
                           const core::Result<std::uint32_t>& moved) {
  if (!moved) return refuse_entry(jid, moved.error().message().c_str());
  const int gate = parts_.handles.find(jid, HandleKind::kGate);
  if (waiting_job(jid) == nullptr || gate < 0)
    return refuse_entry(jid, "it is being ended");
  places_[jid].pid = pid;
  parts_.handles.flush();
  open_gate(gate);
  // Not before: the next supervisor would wait for it.
  char word = 0;
  (void)::recv(parts_.handles.find(jid, HandleKind::kPlace), &word, 1,
               MSG_DONTWAIT);
}

void ScopePlaces::shut(core::JobId jid) {
  parts_.handles.drop(jid, HandleKind::kGate);
  parts_.handles.flush();
}

void ScopePlaces::refuse_entry(core::JobId jid, std::string_view why) {
  if (!is_needed(jid)) return;
  if (waiting_job(jid) != nullptr)
    spdlog::warn("the first process of job {} is not let into its cgroup: {}",
                 core::display(jid).view(), why);
  shut(jid);
}

}  // namespace supervisor
