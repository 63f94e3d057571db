// SPDX-License-Identifier: Apache-2.0
// How many blocks each user's files take.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "accounting/text/console.h"
#include "core/error.h"

namespace accounting {

/// Blocks of 512 bytes by user.
class DiskUse {
 public:
  /// One name of a file; of several the first counts. False: it was counted.
  bool add(const struct stat& status);
  void charge(std::uint32_t uid, std::uint64_t blocks) {
    blocks_[uid] += blocks;
  }

  /// From here on is walked, or was: nobody walks into it once more.
  void begin_at(const struct stat& folder) {
    begun_.insert({.device = folder.st_dev, .inode = folder.st_ino});
  }
  [[nodiscard]] bool is_begun(const struct stat& folder) const {
    return begun_.contains({.device = folder.st_dev, .inode = folder.st_ino});
  }

  [[nodiscard]] const std::map<std::uint32_t, std::uint64_t>& blocks() const {
    return blocks_;
  }

 private:
  struct Identity {
    dev_t device;
    ino_t inode;
    bool operator==(const Identity&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Identity& file) const {
      return std::hash<std::uint64_t>()(file.inode * 31 + file.device);
    }
  };

  std::map<std::uint32_t, std::uint64_t> blocks_;
  /// Files with names that were not seen yet: how many.
  std::unordered_map<Identity, std::uint64_t, Hash> linked_;
  std::unordered_set<Identity, Hash> begun_;
};

/// Adds all that is in one file system from `folder` on, without following
/// links, and without what was walked already; what cannot be looked at is told
/// in `faults`, at most a few.
[[nodiscard]] core::Result<void> walk(const std::string& folder, DiskUse& use,
                                      std::string& faults);

/// "UID<tab>NAME<tab>BLOCKS" for each user that has a name; what others have is
/// in `unowned`, as files of nobody.
[[nodiscard]] std::string use_text(const DiskUse& use, std::string& unowned);

}  // namespace accounting
