// SPDX-License-Identifier: Apache-2.0
#include "supervisor/store_link.h"

#include <poll.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/kill_plan.h"
#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/foreign_fds.h"

namespace supervisor {

namespace {

/// What is done about a store that is silent, after which silence. All of it
/// takes less than a reaper waits for a new supervisor's hello.
struct Nudge {
  core::Microseconds after;
  core::SignalNumber signal;
  const char* words = "";
};
// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Nudge kNudges[] = {
    {core::seconds(1), core::kSigcont,
     "the store does not answer; waking it (SIGCONT)"},
    {core::seconds(15), core::kSigkill,
     "the store does not answer; killing it, for another in its place"},
};
// NOLINTEND(modernize-use-designated-initializers)
/// How long a killed one may take to be gone.
constexpr core::Microseconds kLastSteps = core::seconds(2);

reaper::StoreName name_of(std::string_view text) {
  reaper::StoreName name;
  std::memcpy(name.name, text.data(),
              std::min(text.size(), sizeof name.name - 1));
  return name;
}

}  // namespace

StoreLink::StoreLink(EventLoop& loop, sys::UniqueFd socket, sys::PidFd process)
    : loop_(loop),
      socket_(std::move(socket)),
      process_(std::move(process)),
      silence_(loop, [this] { on_silence(); }) {
  watch();
}

void StoreLink::watch() {
  if (socket_.is_open()) link_ = PacketLink(loop_, socket_.get(), *this);
}

bool StoreLink::nudge() {
  if (nudges_ >= std::size(kNudges)) return false;
  const Nudge& due = kNudges[nudges_++];
  if (!process_.is_open()) return true;  // it is only waited for
  spdlog::warn("{}", due.words);
  // One that is gone meanwhile closes its link.
  (void)process_.signal(due.signal);
  return true;
}

/// Something was put: it goes, or its not going is a silence.
void StoreLink::watch_silence() {
  if (link_.is_flushed() || silence_.is_set() || !process_.is_open()) return;
  nudges_ = 0;
  silence_.set(sys::boot_now() + kNudges[0].after);
  link_.when_flushed([this] { silence_.clear(); });
}

void StoreLink::on_silence() {
  if (link_.is_flushed() || !nudge() || nudges_ >= std::size(kNudges)) return;
  silence_.set(sys::boot_now() + kNudges[nudges_].after);
}

core::Result<void> StoreLink::await_packet() {
  for (nudges_ = 0;;) {
    const core::Microseconds patience =
        nudges_ < std::size(kNudges) ? kNudges[nudges_].after : kLastSteps;
    const core::BootTime deadline = sys::boot_now() + patience;
    pollfd ready = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    int count = 0;
    do {
      const auto left = (deadline - sys::boot_now()).raw() / 1000 + 1;
      count = ::poll(&ready, 1, static_cast<int>(left));
    } while (count < 0 && errno == EINTR);
    if (count > 0) return {};
    if (count < 0) return core::fail(errno, "poll", "store link");
    if (nudge()) continue;
    // A killed one that is not gone yet gives nothing any more.
    return core::fail(process_.is_open() ? EPIPE : ETIME, "ask", "store");
  }
}

/// The next packet that decodes, in `buffer`.
core::Result<StoreLink::Answer> StoreLink::await_answer(
    std::span<std::byte> buffer) {
  for (;;) {
    TRY(await_packet());
    auto packet = sys::receive_packet(socket_.get(), buffer);
    if (!packet && packet.error().code == EAGAIN) continue;
    if (!packet || packet->size == 0) return core::fail(EPIPE, "ask", "store");
    const auto message = reaper::decode(buffer.first(packet->size));
    if (!message) continue;
    return Answer{.message = *message,
                  .fd = packet->fd_count == 1 ? std::move(packet->fds[0])
                                              : sys::UniqueFd()};
  }
}

core::Result<std::vector<StoreEntry>> StoreLink::list() {
  std::vector<StoreEntry> entries;
  if (!socket_.is_open()) return entries;
  flush();
  link_.send(reaper::MessageType::kList);
  std::byte buffer[1024];
  for (;;) {
    Answer answer = TRY(await_answer(buffer));
    if (answer.message.type == reaper::MessageType::kListEnd) {
      const auto end = reaper::body_as<reaper::ListEnd>(answer.message.body);
      level_ = end ? end->level : 0;
      return entries;
    }
    auto name = reaper::body_as<reaper::StoreName>(answer.message.body);
    if (answer.message.type != reaper::MessageType::kEntry || !name) continue;
    name->name[sizeof name->name - 1] = '\0';
    if (!answer.fd.is_open()) continue;
    // Ours, all but what a client lent (KeptHandles::adopt).
    sys::foreign_fds().unmark(answer.fd.get());
    entries.push_back({name->name, std::move(answer.fd)});
  }
}

void StoreLink::put(std::string_view name, int fd) {
  flush();
  link_.send_value(reaper::MessageType::kPut, name_of(name), std::span(&fd, 1));
  watch_silence();
}

core::Result<void> StoreLink::put_now(std::string_view name, int fd) {
  flush();
  const reaper::StoreName body = name_of(name);
  const auto sent =
      link_.send_now(reaper::MessageType::kPut,
                     std::as_bytes(std::span(&body, 1)), std::span(&fd, 1));
  if (!sent && (sent.error().code == EPIPE || sent.error().code == ECONNRESET))
    return {};
  return sent;
}

void StoreLink::when_flushed(EventLoop::Callback done) {
  flush();
  if (link_.is_flushed()) return done();
  waiting_.push_back(std::move(done));
  link_.when_flushed([this] { call_waiting(); });
}

void StoreLink::call_waiting() {
  for (const EventLoop::Callback& done : std::exchange(waiting_, {}))
    done();
}

void StoreLink::put_soon(std::string_view name,
                         std::shared_ptr<const sys::UniqueFd> fd) {
  if (level_ < reaper::kChangeLevel) return put(name, fd->get());
  change_soon(name, std::move(fd));
}

void StoreLink::drop_soon(std::string_view name) {
  if (level_ < reaper::kChangeLevel)
    return link_.send_value(reaper::MessageType::kDrop, name_of(name));
  change_soon(name, nullptr);
}

void StoreLink::change_soon(std::string_view name,
                            std::shared_ptr<const sys::UniqueFd> fd) {
  if (!socket_.is_open()) return;  // a new one is given everything
  if (changes_.empty()) loop_.defer([this] { flush(); });
  changes_.push_back(
      {.words = {.puts = fd ? 1U : 0U, .reserved = 0, .name = name_of(name)},
       .fd = std::move(fd)});
  if (changes_.size() == reaper::kMostChanges) flush();
}

void StoreLink::flush() {
  if (changes_.empty()) return;
  const std::vector<Change> changes = std::exchange(changes_, {});
  std::vector<reaper::StoreChange> words;
  std::vector<int> fds;
  for (const Change& change : changes) {
    words.push_back(change.words);
    if (change.fd) fds.push_back(change.fd->get());
  }
  link_.send(reaper::MessageType::kChange, std::as_bytes(std::span(words)),
             fds);
  watch_silence();
}

void StoreLink::replace(sys::UniqueFd socket, sys::PidFd process) {
  link_ = PacketLink();
  silence_.clear();
  changes_.clear();
  level_ = 0;
  socket_ = std::move(socket);
  process_ = std::move(process);
  watch();
  // Whoever waits, waits for what is put again next.
  if (!waiting_.empty())
    loop_.defer([this] { link_.when_flushed([this] { call_waiting(); }); });
}

/// What is put and does not go yet is sent as the store makes room.
core::Result<sys::UniqueFd> StoreLink::fetch(std::string_view name) {
  if (!socket_.is_open()) return core::fail(EPIPE, "ask", "store");
  flush();
  link_.send_value(reaper::MessageType::kFetch, name_of(name));
  for (nudges_ = 0;;) {
    const auto after =
        nudges_ < std::size(kNudges) ? kNudges[nudges_].after : kLastSteps;
    const auto done = link_.flush_now(after);
    if (done) break;
    // Only what it does not take in time is its silence.
    if (done.error().code != ETIME) return std::unexpected(done.error());
    if (!nudge()) return core::fail(EPIPE, "ask", "store");
  }
  std::byte buffer[1024];
  for (;;) {
    Answer answer = TRY(await_answer(buffer));
    if (answer.message.type == reaper::MessageType::kNoEntry)
      return core::fail(ENOENT, "fetch from the store", name);
    if (answer.message.type == reaper::MessageType::kEntry &&
        answer.fd.is_open())
      return std::move(answer.fd);
  }
}

StoreEnds StoreLink::promote() && {
  flush();
  link_.send(reaper::MessageType::kPromote);
  if (const auto done = link_.flush_now(kLastSteps); !done)
    spdlog::error("the store does not take its last orders: {}",
                  text_of(done.error().message()));
  link_ = PacketLink();
  return {.link = std::move(socket_), .process = std::move(process_)};
}

void StoreLink::on_message(const reaper::Message& message,
                           std::span<sys::UniqueFd> /*fds*/) {
  // Its list is read where it is asked for.
  if (message.type != reaper::MessageType::kPutRefused) return;
  auto name = reaper::body_as<reaper::StoreName>(message.body);
  if (!name) return;
  name->name[sizeof name->name - 1] = '\0';
  spdlog::error(
      "the store has no room for '{}': a crash of the supervisor would lose it",
      name->name);
}

void StoreLink::on_end() {
  spdlog::warn("the store has gone; waiting for a new one");
  link_ = PacketLink();
  silence_.clear();
  changes_.clear();
  socket_.reset();
  process_ = sys::PidFd();
  call_waiting();
}

}  // namespace supervisor
