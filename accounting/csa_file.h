// SPDX-License-Identifier: Apache-2.0
// Reading an accounting file from its beginning to its end, which is where that
// was when the reading began (accounting/settled_end.h). Damage is skipped
// and reported with its byte range; what is whole before and behind it is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accounting/csa_group.h"
#include "accounting/packed_file.h"
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

/// Opens a file for reading, without waiting for the writer of a FIFO. Where
/// there is no PATH there may be a PATH.zst. Errors: those of open(2),
/// kNotRegular, kDamagedPack of a PATH.zst without a byte.
[[nodiscard]] core::Result<sys::UniqueFd> open_for_reading(const char* path);

/// The words for the code of an error of open_for_reading() or CsaReader.
[[nodiscard]] const char* words_of_reading(int code);
/// The same, which also tell a directory from what else is no regular file.
[[nodiscard]] const char* words_of_reading(const std::string& path, int code);

class CsaReader {
 public:
  /// Reads `file` from `offset` on. What zstd packed is unpacked on the way,
  /// a piece at a time; offsets are of what it holds.
  explicit CsaReader(sys::UniqueFd file, std::uint64_t offset = 0);

  /// The next whole group; nothing at the end of the file. Errors: those of
  /// pread(2) and of unpacking.
  [[nodiscard]] core::Result<std::optional<Group>> next();

  /// What was skipped so far, in the order of the file.
  [[nodiscard]] const std::vector<Damage>& damages() const { return damages_; }

 private:
  core::Result<void> begin();
  core::Result<std::size_t> read(std::span<std::byte> room, std::uint64_t at);
  core::Result<void> fill();
  core::Result<void> skip_damage(const char* what);
  void take_note_of_sites(Group& group);
  void forget(std::size_t bytes);
  [[nodiscard]] std::span<const std::byte> rest() const;

  sys::UniqueFd file_;
  std::optional<UnpackStream> packed_;  ///< if it is
  bool is_begun_ = false;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;   ///< of what is not read yet, in buffer_
  std::size_t held_ = 0;    ///< bytes that are in buffer_
  std::uint64_t offset_;    ///< of buffer_[begin_] in the file
  std::uint64_t size_ = 0;  ///< of the file as it is read, if it is not packed
  bool is_end_ = false;     ///< the buffer holds the file's end
  bool has_lost_sites_ = false;
  std::vector<Damage> damages_;
};

}  // namespace accounting
