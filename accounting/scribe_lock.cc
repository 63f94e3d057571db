// SPDX-License-Identifier: Apache-2.0
#include "accounting/scribe_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace accounting {

namespace {

/// Its name does not match the pacct* that csarun gathers.
constexpr const char* kLockName = "/.corral-scribe.lock";

struct flock byte_of(std::uint64_t instance) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(instance >> 1U);  // an off_t is signed
  lock.l_len = 1;
  return lock;
}

}  // namespace

std::string directory_of(const std::string& path) {
  const std::string directory =
      std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

core::Result<sys::UniqueFd> lock_instance(const std::string& directory,
                                          std::uint64_t instance) {
  const std::string path = directory + kLockName;
  sys::UniqueFd file =
      TRY(sys::open_at(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT, 0600));
  struct flock lock = byte_of(instance);
  int result = 0;
  do {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
    result = ::fcntl(file.get(), F_OFD_SETLKW, &lock);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return core::fail(errno, "lock", path);
  return file;
}

bool has_scribe(const std::string& directory, std::uint64_t instance) {
  const std::string path = directory + kLockName;
  const auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDWR);
  if (!file) return false;
  struct flock lock = byte_of(instance);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int result = ::fcntl(file->get(), F_OFD_GETLK, &lock);
  return result == 0 && lock.l_type != F_UNLCK;
}

}  // namespace accounting
