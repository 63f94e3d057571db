// SPDX-License-Identifier: Apache-2.0
// Where a scope's report of its job goes: files or descriptors that were opened
// or taken over before the command began, so that a wrong one is told then.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "core/error.h"
#include "core/job_report.h"
#include "core/job_report_json.h"
#include "reaper/own_descriptors.h"
#include "reaper/poll_set.h"
#include "reaper/say.h"
#include "reaper/scope_options.h"
#include "sys/unique_fd.h"

namespace reaper {

class ReportOutput {
 public:
  /// Errors: those of open(2); EBADF for a number that is no open descriptor,
  /// or none to write to.
  [[nodiscard]] core::Result<void> open(const ScopeOptions& options) {
    is_json_ = options.report_is_json;
    wants_second_ = options.report_json_fd >= 0;
    json_fd_ = take_passed(options.report_json_fd);
    const char* const path = path_ = options.report_path;
    if (path == nullptr) return {};
    if (options.report_fd >= 0)
      fd_ = take_passed(options.report_fd);
    else
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
      fd_ = sys::UniqueFd(::openat(
          AT_FDCWD, path,
          // A FIFO that nobody reads is an error, not a wait for ever.
          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0644));
    if (!fd_.is_open())
      return core::fail(errno, "cannot open the report", path);
    if (!is_writable(fd_))
      return core::fail(EBADF, "cannot write the report to", path);
    return {};
  }

  [[nodiscard]] bool are_wanted() const {
    return path_ != nullptr || wants_second_;
  }

  void print(const core::JobReport& report) const {
    if (path_ != nullptr && !is_json_)
      write(fd_, path_, core::render(report).view());
    if (!is_json_ && !wants_second_) return;
    const core::ReportJson json = core::render_json(report);
    if (path_ != nullptr && is_json_) write(fd_, path_, json.view());
    if (wants_second_) write(json_fd_, "--report-json", json.view());
  }

 private:
  /// Not the placeholder of a standard descriptor that was closed (O_PATH).
  static bool is_writable(const sys::UniqueFd& fd) {
    const int mode = ::fcntl(fd.get(), F_GETFL) & (O_ACCMODE | O_PATH);
    return mode == O_WRONLY || mode == O_RDWR;
  }

  static void write(const sys::UniqueFd& fd, const char* where,
                    std::string_view text) {
    while (!text.empty()) {
      // A full pipe that nobody reads must not keep us for ever.
      constexpr int kPatience = 5000;  // milliseconds
      pollfd room = to_poll(fd.get(), POLLOUT);
      const bool has_room = !fd.is_open() || ::poll(&room, 1, kPatience) != 0;
      const ssize_t size =
          has_room ? ::write(fd.get(), text.data(),
                             std::min<std::size_t>(text.size(), PIPE_BUF))
                   : -1;
      if (!has_room) errno = ETIMEDOUT;
      if (size < 0 && errno != EPIPE)  // that one: nobody reads it
        say(core::Error{.code = errno,
                        .op = "cannot write the report to",
                        .subject = where});
      if (size < 0) return;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  const char* path_ = nullptr;  ///< of --report, as given
  sys::UniqueFd fd_;
  bool wants_second_ = false;  ///< --report-json
  sys::UniqueFd json_fd_;      ///< of it; not open: it was closed
  bool is_json_ = false;       ///< what goes to `fd_`
};

}  // namespace reaper
