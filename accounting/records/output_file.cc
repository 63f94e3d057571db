// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/output_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "accounting/next_file.h"
#include "sys/directory.h"

namespace accounting {

namespace {

constexpr mode_t kMode = 0666;

bool is_same(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool is_ours_already(const struct stat& status) {
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    struct stat open = {};
    if (::fstat(fd, &open) == 0 && is_same(open, status)) return true;
  }
  return false;
}

/// A device is also read; a pipe would then have no end.
sys::UniqueFd open_directly(const std::string& path,
                            const struct stat& status) {
  constexpr int kFlags = O_TRUNC | O_CLOEXEC | O_NOCTTY;
  sys::UniqueFd file;
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
    file = sys::UniqueFd(::open(path.c_str(), O_RDWR | kFlags));
  if (!file.is_open())
    file = sys::UniqueFd(::open(path.c_str(), O_WRONLY | kFlags));
  return file;
}

/// Where the file itself is: a link stays a link. "" with errno set if the
/// path leads nowhere.
std::string real_place(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(
      ::realpath(path.c_str(), nullptr), std::free);
  return real == nullptr ? std::string() : real.get();
}

/// A name beside `place` that nothing else takes.
std::string name_beside(const std::string& place) {
  const std::size_t slash = place.rfind('/');
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  constexpr std::size_t kLongest = 200;  // of at most NAME_MAX
  return place.substr(0, begin) + "." + place.substr(begin, kLongest) + "." +
         std::to_string(::getpid());
}

}  // namespace

/// Without a name where the file system can do that: then nothing is left of
/// it whatever happens.
bool OutputFile::open_beside() {
  file_ = sys::UniqueFd(
      ::open(folder_of(place_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kMode));
  if (file_.is_open()) return true;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) return false;
  const std::string name = name_beside(place_);
  file_ = sys::UniqueFd(
      ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
  if (file_.is_open()) temporary_ = name;
  return file_.is_open();
}

/// The mode and, as far as we may, the owner of the file that is replaced.
bool OutputFile::take_mode() {
  struct stat old = {};
  struct stat now = {};
  if (::stat(place_.c_str(), &old) < 0) return errno == ENOENT;
  if (::fstat(file_.get(), &now) < 0) return false;
  if (now.st_gid != old.st_gid && ::fchown(file_.get(), -1U, old.st_gid) < 0 &&
      errno != EPERM)
    return false;
  if (now.st_uid != old.st_uid && ::fchown(file_.get(), old.st_uid, -1U) < 0 &&
      errno != EPERM)
    return false;
  return ::fchmod(file_.get(), old.st_mode & 0777) == 0;
}

std::optional<OutputFile> OutputFile::create(const std::string& path) {
  struct stat status = {};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  if (!is_there && errno != ENOENT) return std::nullopt;
  if (is_there && (!S_ISREG(status.st_mode) || is_ours_already(status))) {
    OutputFile direct(open_directly(path, status), "");
    if (!direct.file_.is_open()) return std::nullopt;
    return direct;
  }
  // A file that may not be written may not be replaced.
  if (is_there && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) < 0)
    return std::nullopt;
  OutputFile beside({}, is_there ? real_place(path) : path);
  if (beside.place_.empty()) {
    errno = ENOENT;
    return std::nullopt;
  }
  if (!beside.open_beside() || !beside.take_mode()) return std::nullopt;
  return beside;
}

OutputFile::~OutputFile() {
  if (file_.is_open() && !temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  while (error_ == 0 && !bytes.empty()) {
    const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) error_ = errno;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

int OutputFile::move_into_place() {
  // The old file is gone with the rename: the new one must be on the disk.
  if (::fdatasync(file_.get()) < 0 && errno != EINVAL && errno != EROFS)
    return errno;
  if (temporary_.empty()) {
    const std::string name = name_beside(place_);
    const std::string open = "/proc/self/fd/" + std::to_string(file_.get());
    ::unlink(name.c_str());  // of one that was killed and had our pid
    if (::linkat(AT_FDCWD, open.c_str(), AT_FDCWD, name.c_str(),
                 AT_SYMLINK_FOLLOW) < 0)
      return errno;
    temporary_ = name;
  }
  if (::rename(temporary_.c_str(), place_.c_str()) < 0) return errno;
  temporary_.clear();
  return 0;
}

int OutputFile::commit() {
  if (error_ == 0 && !place_.empty()) error_ = move_into_place();
  if (error_ == 0) place_.clear();
  return error_;
}

void remove_leftovers(const std::string& folder) {
  (void)sys::for_each_entry(
      AT_FDCWD, folder.c_str(), [&](const sys::DirectoryEntry& entry) {
        const std::string name = entry.name;
        const std::size_t dot = name.rfind('.');
        if (!name.starts_with('.') || dot == 0) return;
        const std::int32_t pid = sys::number_of(name.c_str() + dot + 1);
        const bool is_gone = pid > 0 && ::kill(pid, 0) < 0 && errno == ESRCH;
        if (is_gone) (void)::unlink((folder + "/" + name).c_str());
      });
}

bool is_same_file(const std::string& one, const std::string& other) {
  struct stat first = {};
  struct stat second = {};
  return ::stat(one.c_str(), &first) == 0 &&
         ::stat(other.c_str(), &second) == 0 && is_same(first, second);
}

}  // namespace accounting
