// SPDX-License-Identifier: Apache-2.0
// A file that a command writes. It takes the place of the one of its name only
// when all of it is written: a command that fails, or is killed, leaves the old
// one as it was, and a command may write to the file that it reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sys/unique_fd.h"

namespace accounting {

class OutputFile {
 public:
  /// Nothing with errno set if it cannot be made. What is no regular file (a
  /// device, a pipe) and what is already our standard output is written to
  /// directly.
  [[nodiscard]] static std::optional<OutputFile> create(
      const std::string& path);

  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  OutputFile(OutputFile&& other) noexcept = default;
  OutputFile& operator=(OutputFile&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(place_, other.place_);
    std::swap(temporary_, other.temporary_);
    std::swap(error_, other.error_);
    return *this;
  }
  ~OutputFile();

  void write(std::string_view bytes);
  /// The errno of the first write that failed; 0: all is written.
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] int fd() const { return file_.get(); }

  /// Is it a new file until commit()? Else it is written in its place.
  [[nodiscard]] bool is_apart() const { return !place_.empty(); }

  /// Puts the file into its place. Without it, or where it fails, there is what
  /// was there before. Returns the errno of the first call that failed; 0: it
  /// is there.
  [[nodiscard]] int commit();

 private:
  OutputFile(sys::UniqueFd file, std::string place)
      : file_(std::move(file)), place_(std::move(place)) {}
  bool take_mode();
  bool open_beside();
  int move_into_place();

  sys::UniqueFd file_;
  std::string place_;      ///< that it goes to; "": it is there already
  std::string temporary_;  ///< its name until then; "": it has none
  int error_ = 0;
};

/// Removes from a folder what commands left there that were killed as they put
/// a file into its place.
void remove_leftovers(const std::string& folder);

/// Do both paths lead to one file? A command whose output is of another kind
/// than its input refuses to replace the one by the other.
[[nodiscard]] bool is_same_file(const std::string& one,
                                const std::string& other);

}  // namespace accounting
