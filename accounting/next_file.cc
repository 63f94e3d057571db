// SPDX-License-Identifier: Apache-2.0
#include "accounting/next_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "accounting/packed_file.h"
#include "accounting/scribe_lock.h"
#include "accounting/switched_name.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

constexpr std::uint32_t kMostNumbers = 1000000;

/// Its name does not match the pacct* that csarun gathers.
std::string mark_of(const std::string& path) {
  return directory_of(path) + "/.corral-accounting-off";
}

}  // namespace

void sync_folder(const std::string& folder) {
  const auto opened =
      sys::open_at(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (opened) (void)::fsync(opened->get());
}

core::Result<std::uint32_t> rename_to_next(const std::string& path) {
  for (std::uint32_t number = 1; number < kMostNumbers; ++number) {
    const std::string next = path + std::to_string(number);
    const std::string packed = next + std::string(kPackedEnding);
    if (::access(packed.c_str(), F_OK) == 0) continue;
    if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, next.c_str(),
                    RENAME_NOREPLACE) == 0) {
      sync_folder(directory_of(path));
      return number;
    }
    if (errno == ENOENT) return std::uint32_t{0};
    if (errno != EEXIST) return core::fail(errno, "rename", path);
  }
  return core::fail(EEXIST, "rename", path);
}

std::uint32_t switched_before(const std::string& path, std::uint64_t device,
                              std::uint64_t inode) {
  namespace fs = std::filesystem;
  const auto is_it = [&](const std::string& name) {
    struct stat status = {};
    return ::stat(name.c_str(), &status) == 0 && status.st_dev == device &&
           status.st_ino == inode;
  };
  if (inode == 0 || is_it(path)) return 0;
  const fs::path whole(path);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(whole.parent_path(), error)) {
    const auto named = parse_switched_name(entry.path().filename().string(),
                                           whole.filename().string());
    if (named && !named->is_packed && is_it(entry.path().string()))
      return static_cast<std::uint32_t>(named->number);
  }
  return 0;
}

bool is_accounting_off(const std::string& path) {
  struct stat status = {};
  return ::stat(mark_of(path).c_str(), &status) == 0;
}

core::Result<void> mark_accounting_off(const std::string& path) {
  const std::string mark = mark_of(path);
  const auto file = sys::open_at(AT_FDCWD, mark.c_str(),
                                 O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
  if (!file) return core::fail(file.error().code, "mark", mark);
  sync_folder(directory_of(path));
  return {};
}

core::Result<void> unmark_accounting_off(const std::string& path) {
  const std::string mark = mark_of(path);
  if (::unlink(mark.c_str()) < 0 && errno != ENOENT)
    return core::fail(errno, "unmark", mark);
  sync_folder(directory_of(path));
  return {};
}

}  // namespace accounting
