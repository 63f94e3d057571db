// SPDX-License-Identifier: Apache-2.0
// Reading an accounting file from its beginning to its end. Damage is skipped
// and reported with its byte range; what is whole before and behind it is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/csa_group.h"
#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting {

/// A range of bytes that no record could be made of.
struct Damage {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string what;
  bool is_tail = false;  ///< the file ends with it
};

/// Opens a file for reading, without waiting for the writer of a FIFO. What
/// zstd packed is unpacked into a file without a name; where there is no PATH
/// there may be a PATH.zst. Errors: those of open(2), kNotRegular,
/// kDamagedPack.
[[nodiscard]] core::Result<sys::UniqueFd> open_for_reading(const char* path);

/// The words for the code of an error of open_for_reading().
[[nodiscard]] const char* words_of_reading(int code);

class CsaReader {
 public:
  /// Reads `file` from `offset` on.
  explicit CsaReader(sys::UniqueFd file, std::uint64_t offset = 0);

  /// The next whole group; nothing at the end of the file. Errors: those of
  /// pread(2).
  [[nodiscard]] core::Result<std::optional<Group>> next();

  /// What was skipped so far, in the order of the file.
  [[nodiscard]] const std::vector<Damage>& damages() const { return damages_; }

 private:
  core::Result<void> fill();
  core::Result<void> skip_damage(const char* what);
  void forget(std::size_t bytes);
  [[nodiscard]] std::span<const std::byte> rest() const;

  sys::UniqueFd file_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;  ///< of what is not read yet, in buffer_
  std::uint64_t offset_;   ///< of buffer_[begin_] in the file
  bool is_end_ = false;    ///< the buffer holds the file's end
  std::vector<Damage> damages_;
};

}  // namespace accounting
