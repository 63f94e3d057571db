// SPDX-License-Identifier: Apache-2.0
#include "collect/taskstats_socket.h"

#include <linux/genetlink.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include <libmnl/libmnl.h>

#include "collect/exit_fold.h"

namespace collect {

namespace {

/// Of all sockets together: some 50,000 ends of threads.
constexpr int kAllBuffers = 64 << 20;
constexpr int kLeastBuffer = 4 << 20;
constexpr std::size_t kLargestMessage = 8192;

/// One that is bound. Errors: those of socket(2).
core::Result<NetlinkSocket> open_socket() {
  NetlinkSocket socket(
      mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return core::fail(errno, "open", "a netlink socket");
  return socket;
}

/// A request, with one attribute.
class Request {
 public:
  Request(std::uint16_t family, std::uint8_t command, std::uint8_t version)
      : head_(mnl_nlmsg_put_header(bytes_)) {
    head_->nlmsg_type = family;
    head_->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    head_->nlmsg_seq = 1;
    auto* const generic = static_cast<genlmsghdr*>(
        mnl_nlmsg_put_extra_header(head_, sizeof(genlmsghdr)));
    generic->cmd = command;
    generic->version = version;
  }
  void put(std::uint16_t type, const char* text) {
    mnl_attr_put_strz(head_, type, text);
  }
  void put(std::uint16_t type, std::uint32_t number) {
    mnl_attr_put_u32(head_, type, number);
  }
  [[nodiscard]] const nlmsghdr* head() const { return head_; }

 private:
  alignas(nlmsghdr) char bytes_[512] = {};
  nlmsghdr* head_;
};

using OnMessage = std::function<void(const nlmsghdr*)>;

int hand_to(const nlmsghdr* message, void* data) {
  (*static_cast<OnMessage*>(data))(message);
  return MNL_CB_OK;
}

/// Sends it and waits for its end. Errors: what the kernel answers.
core::Result<void> ask(
    mnl_socket* socket, const Request& request,
    OnMessage on_message = [](const nlmsghdr*) {}) {
  const nlmsghdr* const head = request.head();
  // The answers are there when the call is back: nobody waits.
  if (mnl_socket_sendto(socket, head, head->nlmsg_len) < 0)
    return core::fail(errno, "ask", "generic netlink");
  alignas(nlmsghdr) char buffer[kLargestMessage];
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
    if (size < 0) return core::fail(errno, "ask", "generic netlink");
    const int next =
        mnl_cb_run(buffer, static_cast<std::size_t>(size), head->nlmsg_seq,
                   mnl_socket_get_portid(socket), hand_to, &on_message);
    if (next < 0) return core::fail(errno, "ask", "generic netlink");
    if (next == MNL_CB_STOP) return {};
  }
}

/// Calls `take` for each attribute.
template <class Take>
void for_each_attribute(const nlattr* first, std::size_t size,
                        const Take& take) {
  const char* const end = reinterpret_cast<const char*>(first) + size;
  for (const nlattr* at = first; mnl_attr_ok(
           at, static_cast<int>(end - reinterpret_cast<const char*>(at)));
       at = mnl_attr_next(at))
    take(at);
}

template <class Take>
void for_each_attribute(const nlmsghdr* message, const Take& take) {
  const char* const body = static_cast<const char*>(
      mnl_nlmsg_get_payload_offset(message, sizeof(genlmsghdr)));
  const char* const end =
      static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  if (body < end)
    for_each_attribute(reinterpret_cast<const nlattr*>(body),
                       static_cast<std::size_t>(end - body), take);
}

/// Errors: ENOENT: the kernel has no taskstats.
core::Result<std::uint16_t> find_family(mnl_socket* socket) {
  Request request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
  request.put(CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
  std::uint16_t family = 0;
  TRY(ask(socket, request, [&](const nlmsghdr* message) {
    for_each_attribute(message, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
        family = mnl_attr_get_u16(attribute);
    });
  }));
  if (family == 0) return core::fail(ENOENT, "find", "taskstats");
  return family;
}

/// The statistics in an attribute of the kind `wanted` (AGGR_PID, AGGR_TGID).
std::optional<taskstats> stats_in(const nlmsghdr* message, int wanted) {
  std::optional<taskstats> found;
  for_each_attribute(message, [&](const nlattr* group) {
    if (mnl_attr_get_type(group) != wanted) return;
    for_each_attribute(
        static_cast<const nlattr*>(mnl_attr_get_payload(group)),
        mnl_attr_get_payload_len(group), [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) != TASKSTATS_TYPE_STATS) return;
          taskstats stats = {};
          std::memcpy(&stats, mnl_attr_get_payload(attribute),
                      std::min<std::size_t>(mnl_attr_get_payload_len(attribute),
                                            sizeof stats));
          found = stats;
        });
  });
  return found;
}

/// What the kernel says of ourselves must be us: one kernel's fields stood in
/// other places (version 15).
core::Result<void> try_out(mnl_socket* socket, std::uint16_t family) {
  Request request(family, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION);
  request.put(TASKSTATS_CMD_ATTR_PID, static_cast<std::uint32_t>(::getpid()));
  std::optional<taskstats> own;
  TRY(ask(socket, request, [&](const nlmsghdr* message) {
    if (const auto stats = stats_in(message, TASKSTATS_TYPE_AGGR_PID))
      own = stats;
  }));
  if (!own || own->version < kOldestTaskstats)
    return core::fail(EPROTO, "read", "taskstats, of version 12 or later");
  const auto pid = static_cast<std::uint32_t>(::getpid());
  if (own->ac_pid != pid || own->ac_tgid != pid ||
      own->ac_ppid != static_cast<std::uint32_t>(::getppid()))
    return core::fail(EPROTO, "read",
                      "taskstats, as the kernel publishes them");
  return {};
}

core::Result<NetlinkSocket> listen_to(int processor, std::uint16_t family,
                                      int buffer) {
  NetlinkSocket socket = TRY(open_socket());
  (void)::setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET,
                     SO_RCVBUFFORCE, &buffer, sizeof buffer);
  Request request(family, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION);
  request.put(TASKSTATS_CMD_ATTR_REGISTER_CPUMASK,
              std::to_string(processor).c_str());
  TRY(ask(socket.get(), request));
  return socket;
}

}  // namespace

void CloseSocket::operator()(mnl_socket* socket) const {
  (void)mnl_socket_close(socket);
}

core::Result<TaskstatsSockets> TaskstatsSockets::open() {
  TaskstatsSockets sockets;
  const NetlinkSocket first = TRY(open_socket());
  const std::uint16_t family = TRY(find_family(first.get()));
  TRY(try_out(first.get(), family));
  const int processors = std::max(::get_nprocs_conf(), 1);
  for (int i = 0; i < processors; ++i)
    sockets.processors_.push_back(
        {.socket = TRY(listen_to(
             i, family, std::max(kAllBuffers / processors, kLeastBuffer)))});
  sockets.buffer_.resize(kLargestMessage);
  return sockets;
}

std::string TaskstatsSockets::obstacle() {
  const auto opened = open();
  if (opened) return {};
  if (opened.error().code == ENOENT)
    return "the kernel has no taskstats (CONFIG_TASKSTATS)";
  return std::string(opened.error().message().view());
}

std::vector<int> TaskstatsSockets::fds() const {
  std::vector<int> fds;
  for (const OneProcessor& one : processors_)
    fds.push_back(mnl_socket_get_fd(one.socket.get()));
  return fds;
}

void TaskstatsSockets::drain(const std::function<void(const End&)>& take) {
  for (OneProcessor& one : processors_)
    drain(one, take);
}

void TaskstatsSockets::drain(OneProcessor& one,
                             const std::function<void(const End&)>& take) {
  for (;;) {
    const ssize_t size =
        mnl_socket_recvfrom(one.socket.get(), buffer_.data(), buffer_.size());
    if (size < 0 && errno == ENOBUFS) was_full_ = true;
    if (size < 0 && (errno == ENOBUFS || errno == EINTR)) continue;
    if (size < 0) return;
    int left = static_cast<int>(size);
    for (const auto* message =
             reinterpret_cast<const nlmsghdr*>(buffer_.data());
         mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      const auto stats = stats_in(message, TASKSTATS_TYPE_AGGR_PID);
      if (!stats) continue;
      if (std::exchange(one.has_begun, true))
        lost_ += static_cast<std::uint32_t>(message->nlmsg_seq - one.next);
      one.next = message->nlmsg_seq + 1;
      take({.stats = *stats,
            .was_threaded =
                stats_in(message, TASKSTATS_TYPE_AGGR_TGID).has_value()});
    }
  }
}

}  // namespace collect
