// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/run_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "accounting/append.h"
#include "accounting/cycle/stamp.h"

namespace accounting {

namespace {

/// Is the open file still the one of its name? Its last holder took it away.
bool is_current(int file, const std::string& path) {
  struct stat open = {};
  struct stat named = {};
  return ::fstat(file, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// Locks it as long as the descriptor is open: nobody gives it back.
int lock(int file) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  return ::fcntl(file, F_OFD_SETLK, &lock) < 0 ? errno : 0;
}

std::string first_line(int file) {
  char text[80];
  const ssize_t size = ::pread(file, text, sizeof text, 0);
  const std::string line(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  return line.substr(0, line.find('\n'));
}

}  // namespace

Outcome<RunLock> RunLock::take(const std::string& path,
                               const std::string& program) {
  for (;;) {
    auto file = sys::open_at(AT_FDCWD, path.c_str(),
                             O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (!file)
      return stop("An error occurred creating file '" + path + "'.",
                  file.error().code);
    if (const int code = lock(file->get()); code == EAGAIN || code == EACCES)
      return stop("ERROR: " + path + " is held: '" + program + "' runs since " +
                  first_line(file->get()));
    else if (code != 0)
      return stop("An error occurred locking file '" + path + "'.", code);
    if (!is_current(file->get(), path)) continue;
    RunLock taken(*std::move(file), path);
    taken.leftover_ = first_line(taken.file_.get());
    const std::string now = date_text(std::time(nullptr)) + "\n";
    if (::ftruncate(taken.file_.get(), 0) < 0 ||
        ::pwrite(taken.file_.get(), now.data(), now.size(), 0) < 0)
      return stop(
          "An error occurred during the writing of file '" + path + "'.",
          errno);
    return taken;
  }
}

RunLock::~RunLock() {
  if (file_.is_open()) (void)::unlink(path_.c_str());
}

}  // namespace accounting
