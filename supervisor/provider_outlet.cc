// SPDX-License-Identifier: Apache-2.0
#include "supervisor/provider_outlet.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <iterator>
#include <span>
#include <utility>

#include "core/job_news.h"
#include "sys/message_socket.h"

namespace supervisor {

namespace {

/// Of a deque's entry and of a string's memory, more or less.
constexpr std::size_t kOverhead = 64;

}  // namespace

core::Result<core::Handle> ProviderOutlet::open(
    EventLoop& loop, std::function<void()> on_ready) {
  sys::SocketPair ends = TRY(sys::make_socket_pair());
  socket_ = std::move(ends.first);
  // What a provider that does not read may cost of the kernel's memory.
  (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF,
                     &bounds_.socket_buffer, sizeof bounds_.socket_buffer);
  watch_ = IoWatch(loop, socket_.get(), Readiness::kRead,
                   [call = std::move(on_ready)](Readiness) { call(); });
  // It may wait for events; its flags are its own.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  if (::fcntl(ends.second.get(), F_SETFL, 0) < 0)
    return core::fail(errno, "fcntl(F_SETFL)");
  return std::move(ends.second).to_handle();
}

void ProviderOutlet::tell(std::string_view line) {
  waiting_.push_back({.line = std::string(line)});
  bytes_ += line.size() + kOverhead;
  ++waiting_events_;
  while (bytes_ > bounds_.kept_bytes)
    drop_oldest();
}

void ProviderOutlet::add_lost(std::uint64_t count) {
  lost_ += count;
  if (waiting_.empty()) {
    lost_here_ += count;
  } else if (waiting_.back().lost > 0) {
    waiting_.back().lost += count;
  } else {
    waiting_.push_back({.line = {}, .lost = count});
    bytes_ += kOverhead;
  }
}

void ProviderOutlet::drop_oldest() {
  const Entry& oldest = waiting_.front();
  bytes_ -= oldest.line.size() + kOverhead;
  if (oldest.lost > 0) {
    lost_here_ += oldest.lost;
  } else {
    ++lost_here_;
    ++lost_;
    --waiting_events_;
  }
  waiting_.pop_front();
}

/// Of what there is; `used` entries are in it.
std::string ProviderOutlet::next_packet(std::size_t& used) const {
  std::string text = first_;
  if (lost_here_ > 0) text += core::lost_line(lost_here_).view();
  used = 0;
  for (const Entry& entry : waiting_) {
    const core::NewsLine gap =
        entry.lost > 0 ? core::lost_line(entry.lost) : core::NewsLine();
    const std::string_view line =
        entry.lost > 0 ? gap.view() : std::string_view(entry.line);
    if (used > 0 && text.size() + line.size() > bounds_.packet) break;
    text += line;
    ++used;
  }
  return text;
}

ProviderOutlet::Sent ProviderOutlet::send() {
  for (int i = 0; i < bounds_.packets_of_turn && has_more(); ++i) {
    std::size_t used = 0;
    const std::string packet = next_packet(used);
    const auto sent =
        sys::send_packet(socket_.get(), std::as_bytes(std::span(packet)));
    if (!sent && sent.error().code != EAGAIN) return Sent::kGone;
    is_blocked_ = !sent;
    watch_.want(sent ? Readiness::kRead : Readiness::kReadWrite);
    if (!sent) return Sent::kBlocked;
    first_.clear();
    lost_here_ = 0;
    for (; used > 0; --used) {
      const Entry& entry = waiting_.front();
      bytes_ -= entry.line.size() + kOverhead;
      if (entry.lost == 0) {
        ++told_;
        --waiting_events_;
      }
      waiting_.pop_front();
    }
  }
  return has_more() ? Sent::kMore : Sent::kAll;
}

bool ProviderOutlet::has_left() const {
  char byte = 0;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
         errno != EAGAIN;
}

}  // namespace supervisor
