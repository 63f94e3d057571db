// SPDX-License-Identifier: Apache-2.0
#include "accounting/job_file.h"

#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "accounting/append.h"
#include "sys/message_socket.h"

namespace accounting {

namespace {

constexpr int kFirstPause = 250;      // ms
constexpr int kLongestPause = 60000;  // ms

/// What a process before us wrote of it, from its place on.
core::Result<std::vector<std::byte>> written_at(int file, std::uint64_t place,
                                                std::size_t most) {
  std::vector<std::byte> bytes(most);
  const ssize_t n =
      ::pread(file, bytes.data(), most, static_cast<off_t>(place));
  if (n < 0) return core::fail(errno, "read");
  bytes.resize(static_cast<std::size_t>(n));
  return bytes;
}

core::Result<std::uint64_t> named_size(int file) {
  struct stat status = {};
  if (::fstat(file, &status) < 0) return core::fail(errno, "fstat");
  if (status.st_nlink == 0) return core::fail(ENOENT, "write");
  return static_cast<std::uint64_t>(status.st_size);
}

/// From now on all is done with the user's rights, for good.
core::Result<void> become(std::uint32_t uid, std::uint32_t gid) {
  if (::geteuid() != 0 || uid == 0) return {};
  if (::setgroups(0, nullptr) < 0 || ::setresgid(gid, gid, gid) < 0 ||
      ::setresuid(uid, uid, uid) < 0)
    return core::fail(errno, "become the user");
  return {};
}

/// A process before us, of a supervisor that is gone, may write still. Its lock
/// goes with it: not one of the descriptor (fcntl(2)), which is the same.
core::Result<void> wait_for_others(int memory) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  int result = 0;
  do {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    result = ::fcntl(memory, F_SETLKW, &lock);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return core::fail(errno, "lock");
  return {};
}

std::optional<JobFileRequest> read_request(std::span<const std::byte> bytes) {
  JobFileRequest request;
  const JobFileRequest expected;
  if (bytes.size() < sizeof request) return std::nullopt;
  std::memcpy(&request, bytes.data(), sizeof request);
  if (request.magic != expected.magic) return std::nullopt;
  return request;
}

/// The process: one file, and its supervisor.
class Follower {
 public:
  explicit Follower(int socket) : socket_(socket) {}

  int run() {
    for (;;) {
      pollfd watched = {.fd = socket_, .events = POLLIN, .revents = 0};
      const int ready = ::poll(&watched, 1, pause_ == 0 ? -1 : pause_);
      if (ready < 0 && errno != EINTR) return 1;
      if (ready == 0) {
        drain();
        pause_ = std::min(pause_ * 2, kLongestPause);
        if (code_ == 0) pause_ = 0;
        continue;
      }
      if (ready > 0 && !take()) return code_ == 0 ? 0 : 1;
    }
  }

 private:
  /// False: the supervisor is gone.
  bool take() {
    std::byte buffer[64];
    auto packet = sys::receive_packet(socket_, buffer);
    if (!packet) return packet.error().code == EAGAIN;
    if (packet->size == 0) return false;
    const auto request = read_request(std::span(buffer).first(packet->size));
    if (!request) return true;
    if (request->order == JobFileOrder::kBegin) begin(*request, *packet);
    drain();
    if (code_ != 0 && pause_ == 0) pause_ = kFirstPause;
    if (code_ == 0) pause_ = 0;
    if (request->order == JobFileOrder::kDrain || code_ != told_)
      answer(request->number);
    return true;
  }

  void begin(const JobFileRequest& request, sys::Packet& packet) {
    if (packet.fd_count < 2) return;
    memory_ = std::move(packet.fds[0]);
    auto spool = JobSpool::open(memory_.get());
    const auto done = become(request.uid, request.gid);
    const auto locked = wait_for_others(memory_.get());
    if (spool && done && locked)
      file_.emplace(*std::move(spool), std::move(packet.fds[1]));
    else
      code_ = !spool  ? spool.error().code
              : !done ? done.error().code
                      : locked.error().code;
  }

  void drain() {
    if (!file_) return;
    const auto done = file_->drain();
    code_ = done ? 0 : done.error().code;
  }

  void answer(std::uint64_t number) {
    JobFileReply reply;
    reply.code = told_ = code_;
    reply.number = number;
    reply.dropped = file_ ? file_->dropped() : 0;
    (void)sys::send_packet(socket_, std::as_bytes(std::span(&reply, 1)));
  }

  int socket_;
  sys::UniqueFd memory_;  ///< open as long as its lock is to be held
  std::optional<JobFile> file_;
  std::int32_t code_ = 0;
  std::int32_t told_ = 0;
  int pause_ = 0;  ///< ms; 0: for ever
};

}  // namespace

/// Whether the record that comes next is in the file already; what is there of
/// it in part is taken away.
core::Result<bool> JobFile::is_written(std::span<const std::byte> record) {
  const auto place = spool_.place();
  if (std::exchange(was_checked_, true) || !place) return false;
  const std::uint64_t size = TRY(named_size(file_.get()));
  const auto there = TRY(written_at(file_.get(), *place, record.size()));
  const bool is_begun = std::equal(there.begin(), there.end(), record.begin());
  if (!is_begun || there.empty()) return false;
  if (there.size() == record.size()) return true;
  if (size == *place + there.size() &&
      ::ftruncate(file_.get(), static_cast<off_t>(*place)) < 0)
    return core::fail(errno, "ftruncate");
  return false;
}

core::Result<void> JobFile::drain() {
  while (const auto record = spool_.peek()) {
    if (!TRY(is_written(*record))) {
      spool_.note_place(TRY(named_size(file_.get())));
      const auto done = append_soon(file_.get(), *record);
      was_checked_ = done.has_value();  // a part of it may be there
      TRY(done);
    }
    spool_.consume();
  }
  was_checked_ = true;
  return {};
}

int run_job_file(int socket) {
  // A file that may not grow is a full disk (EFBIG), not a death.
  (void)::signal(SIGXFSZ, SIG_IGN);
  return Follower(socket).run();
}

}  // namespace accounting
