// SPDX-License-Identifier: Apache-2.0
// corral events: what happens to jobs, a line each, as it happens. It sleeps on
// the descriptor that the instance sends events on. That ends with the
// supervisor: then it subscribes again, and says that events may be missing.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <set>

#include "cli/connection.h"
#include "cli/event_text.h"
#include "cli/handlers.h"
#include "cli/job_selection.h"
#include "cli/output.h"
#include "core/try.h"
#include "sys/unique_fd.h"

namespace cli {
namespace {

/// Larger than any packet (bus/event_stream.h).
constexpr std::size_t kLargestPacket = 65536;

/// What to print, and until when.
class Follower {
 public:
  Follower(bool is_json, std::set<core::JobId> jobs)
      : is_json_(is_json), has_jobs_(!jobs.empty()), jobs_(std::move(jobs)) {}

  /// One line of the instance's, without its newline.
  void take(std::string_view line) {
    const auto event = read_event(line);
    if (!event) return;
    const bool is_followed =
        !has_jobs_ || !event->jid || jobs_.contains(*event->jid);
    if (is_followed) show(line, *event);
    if (event->jid && event->event == "ended") jobs_.erase(*event->jid);
  }
  /// What was missed of those that are followed: whether they have ended.
  core::Answer<void> catch_up(bus::Client& client) {
    for (const core::JobId jid : std::set(jobs_)) {
      const auto job = client.show(jid);
      // One that was forgotten has ended long ago.
      if (!job && job.error().why == core::Refusal::kNoSuchJob) {
        jobs_.erase(jid);
        continue;
      }
      if (!job) return std::unexpected(job.error());
      if (job->state != core::JobState::kEnded) continue;
      const std::string line = ended_line(*job);
      take(std::string_view(line).substr(0, line.size() - 1));
    }
    return {};
  }
  [[nodiscard]] bool is_done() const { return has_jobs_ && jobs_.empty(); }

 private:
  void show(std::string_view line, const EventFacts& event) const {
    if (is_json_)
      print(std::string(line) + "\n");
    else if (!event.text.empty())
      print(event.text + "\n");
  }

  bool is_json_;
  bool has_jobs_;
  std::set<core::JobId> jobs_;
};

enum class Came : char { kPacket, kEnd, kNoReader };

/// Waits for a packet, for the supervisor's end, or for that of who reads us.
core::Result<Came> wait_for_events(int events) {
  while (true) {
    pollfd polls[] = {{.fd = events, .events = POLLIN, .revents = 0},
                      {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
    if (::poll(polls, std::size(polls), -1) < 0) {
      if (errno == EINTR) continue;
      return core::fail(errno, "poll");
    }
    if ((polls[1].revents & (POLLERR | POLLHUP)) != 0) return Came::kNoReader;
    if (polls[0].revents != 0) return Came::kPacket;
  }
}

core::Result<Came> read_packet(int events, Follower& follower) {
  std::array<char, kLargestPacket> buffer = {};
  const ssize_t size =
      ::recv(events, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Came::kPacket;
  if (size <= 0) return Came::kEnd;
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  while (!text.empty() && !follower.is_done()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    follower.take(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  // What came is shown at once; an error stays with the stream.
  (void)std::fflush(stdout);
  return std::ferror(stdout) == 0 ? Came::kPacket : Came::kNoReader;
}

core::Result<Came> follow(const sys::UniqueFd& events, Follower& follower) {
  Came came = Came::kPacket;
  while (came == Came::kPacket && !follower.is_done()) {
    came = TRY(wait_for_events(events.get()));
    if (came == Came::kPacket) came = TRY(read_packet(events.get(), follower));
  }
  return came;
}

core::Answer<std::set<core::JobId>> followed_jobs(
    bus::Client& client, const std::vector<std::string>& words) {
  std::set<core::JobId> jobs;
  for (const std::string& word : words)
    jobs.insert(TRY(select_job(client, word)));
  return jobs;
}

}  // namespace

int follow_events(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  auto jobs = followed_jobs(*client, arguments.operands());
  if (!jobs) return complain(jobs.error());
  Follower follower(arguments.has("json"), *std::move(jobs));
  while (!follower.is_done()) {
    auto subscription = client->subscribe();
    if (!subscription) return complain(subscription.error());
    const sys::UniqueFd events(std::move(*subscription));
    // After subscribing: nothing falls between.
    if (const auto done = follower.catch_up(*client); !done)
      return complain(done.error());
    const auto came = follow(events, follower);
    if (!came) return complain(came.error());
    if (*came == Came::kNoReader) {
      (void)::raise(SIGPIPE);  // what a write would do to us
      return kFailure;
    }
    if (*came == Came::kEnd && !follower.is_done())
      (void)complain(
          "the supervisor was restarted; events may be missing here");
  }
  return kSuccess;
}

}  // namespace cli
