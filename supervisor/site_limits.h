// SPDX-License-Identifier: Apache-2.0
// The site's limits (limits.toml(5)) for a new job. The file is read and names
// are looked up by workers, with a deadline. While there is no file nothing is
// asked: that is looked for here, where it costs no job a worker's answer, and
// why the file must be on a file system of the host's own.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/job_control.h"
#include "core/limit_terms.h"
#include "supervisor/event_loop.h"
#include "supervisor/worker.h"

namespace supervisor {

class SiteLimits {
 public:
  /// Refused: kNotSupported for a file that cannot be read or is wrong, or when
  /// nobody answered in 1.5 s. (Not kUnavailable: the job would then run
  /// without an instance, and without these limits.)
  using Done = std::function<void(core::Answer<core::LimitSet>)>;

  /// `file` is looked at anew for each job. `program` runs the worker
  /// "site-limits".
  SiteLimits(EventLoop& loop, std::string file,
             std::string program = kOwnProgram);

  /// Whether the site sets limits.
  [[nodiscard]] bool are_there() const;
  /// What a job may use; at once if there is no file. `project`: that it is
  /// charged to, or nothing.
  void find(core::Uid uid, std::string_view domain, std::string_view project,
            const Done& done);

 private:
  const std::string file_;
  WorkerPool pool_;
};

/// The worker "site-limits". Returns its exit code.
int run_site_limits_worker(int socket);

}  // namespace supervisor
