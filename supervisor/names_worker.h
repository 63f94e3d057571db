// SPDX-License-Identifier: Apache-2.0
// Users by name or number, through every NSS module that the machine has
// (getpwnam_r(3), getgrouplist(3)). A module may ask a server and hang: so
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

namespace supervisor {

struct User {
  std::string name;
  core::Uid uid;
  core::Gid gid;
  std::vector<core::Gid> groups;  ///< supplementary ones, `gid` among them
  std::string home;
  std::string shell;
};

class NameService {
 public:
  /// Refused: kNoSuchUser, or kUnavailable when nobody answered in 10 s.
  using Done = std::function<void(core::Answer<User>)>;

  /// `program` runs the worker "names".
  explicit NameService(EventLoop& loop, std::string program = kOwnProgram);

  /// A name, or else a number ("1000") of a user that exists.
  void find(std::string_view name, Done done);
  void find(core::Uid uid, Done done);

 private:
  void ask(std::string what, Done done);
  EventLoop& loop_;
  WorkerPool pool_;
};

/// The worker "names". Returns its exit code.
int run_names_worker(int socket);

}  // namespace supervisor
