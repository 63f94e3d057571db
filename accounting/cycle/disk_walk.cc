// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/disk_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/text/account_names.h"
#include "accounting/text/report_text.h"
#include "sys/directory.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

constexpr int kMostFaults = 20;
constexpr std::size_t kMostShown = 512;  ///< of a path, without its last name
constexpr std::size_t kMostOpen = 16;    ///< levels above the last, and it

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

/// Goes into directories by their descriptors: no path is too long, and nothing
/// that somebody puts in a directory's place is followed. However deep it is,
/// the first directory and the last few above it are open, and what is held is
/// the names of directories that wait, and of no file.
class Walker {
 public:
  Walker(std::string first, DiskUse& use, std::string& faults)
      : first_(std::move(first)), use_(use), faults_(faults) {}

  core::Result<void> run() {
    struct stat status = {};
    if (::stat(first_.c_str(), &status) < 0)
      return core::fail(errno, "look at", first_);
    device_ = status.st_dev;
    if (TRY(is_within_begun())) return {};
    use_.begin_at(status);
    (void)use_.add(status);
    auto folder =
        sys::open_at(AT_FDCWD, first_.c_str(), O_RDONLY | O_DIRECTORY);
    if (!folder) {
      fault({}, folder.error().code);
      return {};
    }
    enter(*std::move(folder), status.st_ino);
    while (!levels_.empty()) {
      if (names_.size() > levels_.back().names)
        go_down();
      else
        go_up();
    }
    return {};
  }

 private:
  /// A directory that is being walked, below the level before it.
  struct Level {
    std::size_t names;  ///< of names_: those that wait in it begin here
    ino_t inode;
    sys::UniqueFd folder;  ///< not of one far above the last
  };

  /// Is it, or a directory above it on its file system, one that was begun at?
  [[nodiscard]] core::Result<bool> is_within_begun() {
    sys::UniqueFd at =
        TRY(sys::open_at(AT_FDCWD, first_.c_str(), O_PATH | O_DIRECTORY));
    std::optional<ino_t> below;
    for (;;) {
      struct stat status = {};
      if (::fstat(at.get(), &status) < 0)
        return core::fail(errno, "look at", first_);
      if (status.st_dev != device_ || below == status.st_ino) return false;
      if (use_.is_begun(status)) return true;
      below = status.st_ino;
      at = TRY(sys::open_at(at.get(), "..", O_PATH | O_DIRECTORY));
    }
  }

  /// Of those that wait in the last level, the last.
  void go_down() {
    const char* const name = name_before(names_.size());
    auto folder = sys::open_at(levels_.back().folder.get(), name,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    struct stat status = {};
    if (!folder)
      fault(name, folder.error().code);
    else if (::fstat(folder->get(), &status) < 0)
      fault(name, errno);
    else if (status.st_dev == device_ && !use_.is_begun(status))
      return enter(*std::move(folder), status.st_ino);
    drop_name();
  }

  void enter(sys::UniqueFd folder, ino_t inode) {
    const int fd = folder.get();
    levels_.push_back(
        {.names = names_.size(), .inode = inode, .folder = std::move(folder)});
    if (levels_.size() > kMostOpen + 1)
      levels_[levels_.size() - 1 - kMostOpen].folder = {};
    const auto done =
        sys::for_each_entry(fd, ".", [&](const sys::DirectoryEntry& entry) {
          const std::string_view name = entry.name;
          if (name != "." && name != "..") look_at(fd, name);
        });
    if (!done) fault({}, done.error().code);
  }

  /// `name` ends with a NUL byte.
  void look_at(int folder, std::string_view name) {
    struct stat status = {};
    if (::fstatat(folder, name.data(), &status, AT_SYMLINK_NOFOLLOW) < 0)
      return fault(name, errno);
    if (status.st_dev != device_) return;  // the root of another file system
    const bool is_folder = S_ISDIR(status.st_mode);
    if (is_folder && use_.is_begun(status)) return;  // it is counted
    (void)use_.add(status);
    if (is_folder) names_.append(name).push_back('\0');
  }

  /// The last level is done.
  void go_up() {
    sys::UniqueFd above;
    const std::size_t count = levels_.size();
    if (count > 1 && !levels_[count - 2].folder.is_open())
      above = open_level(count - 2, levels_.back().folder.get(), "..");
    levels_.pop_back();
    if (levels_.empty()) return;
    drop_name();
    Level& last = levels_.back();
    if (above.is_open()) last.folder = std::move(above);
    if (!last.folder.is_open()) find_again();
  }

  /// Nothing if it is another one.
  [[nodiscard]] sys::UniqueFd open_level(std::size_t level, int from,
                                         const char* name) const {
    auto folder = sys::open_at(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    struct stat status = {};
    if (!folder || ::fstat(folder->get(), &status) < 0 ||
        status.st_dev != device_ || status.st_ino != levels_[level].inode)
      return {};
    return *std::move(folder);
  }

  /// Somebody has moved the directory that it came from: down from the first
  /// to the last level, or to the one that another was moved out of.
  void find_again() {
    sys::UniqueFd at;
    for (std::size_t level = 1; level < levels_.size(); ++level) {
      const int from = at.is_open() ? at.get() : levels_[0].folder.get();
      sys::UniqueFd next =
          open_level(level, from, name_before(levels_[level].names));
      if (!next.is_open()) {
        names_.resize(levels_[level].names);
        levels_.resize(level);
        tell(name_before(names_.size()), "moved while it was walked");
        drop_name();
        break;
      }
      at = std::move(next);
    }
    if (at.is_open()) levels_.back().folder = std::move(at);
  }

  /// The name that ends at `end` of names_.
  [[nodiscard]] const char* name_before(std::size_t end) const {
    return names_.data() + (names_.rfind('\0', end - 2) + 1);
  }
  void drop_name() { names_.resize(names_.rfind('\0', names_.size() - 2) + 1); }

  void fault(std::string_view name, int code) {
    if (code != ENOENT) tell(name, std::strerror(code));
  }

  /// About what is `name` in the last level; the level itself if it is empty.
  void tell(std::string_view name, std::string_view words) {
    if (++fault_count_ > kMostFaults) return;
    std::string path = first_;
    const auto add = [&path](std::string_view below) {
      if (!path.ends_with('/')) path += '/';
      path += below;
    };
    for (std::size_t level = 1; level < levels_.size(); ++level) {
      const bool is_long = path.size() > kMostShown;
      add(is_long ? "..." : name_before(levels_[level].names));
      if (is_long) break;
    }
    if (!name.empty()) add(name);
    faults_.append(path).append(": ").append(words) += '\n';
  }

  const std::string first_;
  DiskUse& use_;
  std::string& faults_;
  dev_t device_ = 0;
  int fault_count_ = 0;
  std::vector<Level> levels_;
  /// One after the other, each with its NUL byte, what waits in each level; the
  /// last of a level is that which the next level is.
  std::string names_;
};

}  // namespace

core::Result<void> walk(const std::string& folder, DiskUse& use,
                        std::string& faults) {
  return Walker(folder, use, faults).run();
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
