// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/disk_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "accounting/text/account_names.h"
#include "accounting/text/report_text.h"
#include "sys/directory.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

constexpr int kMostFaults = 20;

void line_of(ReportText& text, std::uint32_t uid, std::string_view name,
             std::uint64_t blocks) {
  constexpr std::size_t kUidDigits = 5;
  const std::string digits = std::to_string(uid);
  if (digits.size() < kUidDigits)
    text.add(std::string(kUidDigits - digits.size(), '0'));
  text.add(digits).add('\t').left(name, 8, 8).add('\t');
  text.number(static_cast<std::int64_t>(blocks), 7).add('\n');
}

}  // namespace

bool DiskUse::add(const struct stat& status) {
  const bool has_names = !S_ISDIR(status.st_mode) && status.st_nlink > 1;
  if (has_names) {
    const auto [at, is_new] = linked_.try_emplace(
        Identity{.device = status.st_dev, .inode = status.st_ino},
        status.st_nlink - 1);
    if (!is_new) {
      if (--at->second == 0) linked_.erase(at);
      return false;
    }
  }
  blocks_[status.st_uid] += static_cast<std::uint64_t>(status.st_blocks);
  return true;
}

namespace {

/// Goes through directories one after the other. It holds the names of those
/// that wait, and of no file.
class Walker {
 public:
  Walker(DiskUse& use, std::string& faults) : use_(use), faults_(faults) {}

  core::Result<void> run(const std::string& folder) {
    struct stat status = {};
    if (::stat(folder.c_str(), &status) < 0)
      return core::fail(errno, "look at", folder);
    device_ = status.st_dev;
    if (TRY(is_within_begun(folder))) return {};
    use_.begin_at(status);
    (void)use_.add(status);
    waiting_ = {folder};
    while (!waiting_.empty()) {
      const std::string path = std::move(waiting_.back());
      waiting_.pop_back();
      read(path, path == folder ? 0 : O_NOFOLLOW);
    }
    return {};
  }

 private:
  /// Is it, or a directory above it on its file system, one that was begun at?
  [[nodiscard]] core::Result<bool> is_within_begun(const std::string& folder) {
    sys::UniqueFd at =
        TRY(sys::open_at(AT_FDCWD, folder.c_str(), O_PATH | O_DIRECTORY));
    std::optional<ino_t> below;
    for (;;) {
      struct stat status = {};
      if (::fstat(at.get(), &status) < 0)
        return core::fail(errno, "look at", folder);
      if (status.st_dev != device_ || below == status.st_ino) return false;
      if (use_.is_begun(status)) return true;
      below = status.st_ino;
      at = TRY(sys::open_at(at.get(), "..", O_PATH | O_DIRECTORY));
    }
  }

  void read(const std::string& path, int flags) {
    const auto folder =
        sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | flags);
    if (!folder) return fault(path, folder.error().code);
    const auto done = sys::for_each_entry(
        folder->get(), ".", [&](const sys::DirectoryEntry& entry) {
          const std::string_view name = entry.name;
          if (name != "." && name != "..") look_at(folder->get(), path, name);
        });
    if (!done) fault(path, done.error().code);
  }

  /// `name` ends with a NUL byte.
  void look_at(int folder, const std::string& path, std::string_view name) {
    struct stat status = {};
    if (::fstatat(folder, name.data(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
      if (errno != ENOENT) fault(path + "/" + std::string(name), errno);
      return;
    }
    if (status.st_dev != device_) return;  // the root of another file system
    const bool is_folder = S_ISDIR(status.st_mode);
    if (is_folder && use_.is_begun(status)) return;  // it is counted
    (void)use_.add(status);
    if (is_folder)
      waiting_.push_back((path == "/" ? "" : path) + "/" + std::string(name));
  }

  void fault(const std::string& path, int code) {
    if (code == ENOENT || ++fault_count_ > kMostFaults) return;
    faults_ += path + ": " + std::strerror(code) + "\n";
  }

  DiskUse& use_;
  std::string& faults_;
  dev_t device_ = 0;
  int fault_count_ = 0;
  std::vector<std::string> waiting_;
};

}  // namespace

core::Result<void> walk(const std::string& folder, DiskUse& use,
                        std::string& faults) {
  return Walker(use, faults).run(folder);
}

std::string use_text(const DiskUse& use, std::string& unowned) {
  AccountNames names;
  ReportText text;
  ReportText nobodys;
  for (const auto& [uid, blocks] : use.blocks()) {
    if (blocks == 0) continue;
    const std::string& name = names.user(uid);
    line_of(name == "?" ? nobodys : text, uid, name, blocks);
  }
  unowned = nobodys.view();
  return std::string(text.view());
}

}  // namespace accounting
