// SPDX-License-Identifier: Apache-2.0
// Users as sys/users.h finds them. An NSS module may ask a server and hang: so
// workers look up, with a deadline.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/job_control.h"
#include "supervisor/event_loop.h"
#include "supervisor/worker.h"
#include "sys/users.h"

namespace supervisor {

using sys::User;

class NameService {
 public:
  /// Refused: kNoSuchUser, or kUnavailable when nobody answered in 10 s.
  using Done = std::function<void(core::Answer<User>)>;

  /// `program` runs the worker "names".
  explicit NameService(EventLoop& loop, std::string program = kOwnProgram);

  /// A name, or else a number ("1000").
  void find(std::string_view name, Done done);
  /// The number of a group's name; kNoSuchUser when there is none.
  void find_group(std::string_view name,
                  std::function<void(core::Answer<core::Gid>)> done);
  /// The entry of a uid; kNoSuchUser when it has none.
  void find(core::Uid uid, Done done);

 private:
  void ask(std::string what, Done done);
  EventLoop& loop_;
  WorkerPool pool_;
};

/// The worker "names". Returns its exit code.
int run_names_worker(int socket);

}  // namespace supervisor
