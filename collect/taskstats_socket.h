// SPDX-License-Identifier: Apache-2.0
// taskstats over generic netlink (Documentation/accounting/taskstats.rst), by
// libmnl: what the kernel tells of each thread that ends. A socket for each
// processor: its messages are numbered in their order, so that what found no
// room in a socket is known exactly.
#pragma once

#include <linux/taskstats.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

struct mnl_socket;

namespace collect {

struct CloseSocket {
  void operator()(mnl_socket* socket) const;
};
using NetlinkSocket = std::unique_ptr<mnl_socket, CloseSocket>;

class TaskstatsSockets {
 public:
  struct End {
    taskstats stats = {};       ///< of the thread
    bool was_threaded = false;  ///< the last one of several
  };

  /// One for each processor that there can be. Errors: ENOENT: the kernel has
  /// no taskstats; EPERM; EPROTO: they are not as it publishes them.
  [[nodiscard]] static core::Result<TaskstatsSockets> open();
  /// Why they cannot be used; empty: they can.
  [[nodiscard]] static std::string obstacle();

  /// What poll(2) watches.
  [[nodiscard]] std::vector<int> fds() const;
  /// Calls `take` for all that is there.
  void drain(const std::function<void(const End&)>& take);
  /// Threads of whose ends the kernel could not tell, of the whole machine;
  /// since it was asked last.
  [[nodiscard]] std::uint64_t take_lost() { return std::exchange(lost_, 0); }
  /// Whether a socket was full since it was asked last: the next message on it
  /// tells how many it had no room for.
  [[nodiscard]] bool take_overrun() { return std::exchange(was_full_, false); }

 private:
  struct OneProcessor {
    NetlinkSocket socket;
    std::uint32_t next = 0;
    bool has_begun = false;
  };
  void drain(OneProcessor& one, const std::function<void(const End&)>& take);

  std::vector<OneProcessor> processors_;
  std::vector<char> buffer_;
  std::uint64_t lost_ = 0;
  bool was_full_ = false;
};

}  // namespace collect
