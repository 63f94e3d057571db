// SPDX-License-Identifier: Apache-2.0
// The index beside accounting files: what `corral report` asks of them, summed
// up job by job, in a database of SQLite. It is derived: the files alone are
// the truth, it may be removed at any time, and who reads it believes nothing
// that does not fit to a file as it is now. What a file has behind the indexed
// bytes is read from the file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accounting/index/index_rows.h"
#include "accounting/index/sqlite_file.h"
#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting::index {

inline constexpr const char* kIndexName = ".corral-index";
/// Processes of a command are summed up by such stretches of time, which all
/// days of all time zones consist of.
inline constexpr std::uint64_t kSlotUs = 900'000'000;

/// Beside the file at `path`.
[[nodiscard]] std::string index_path_of(const std::string& path);

/// By what a file is known again.
struct FileFacts {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::uint64_t mtime_ns = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mode = 0;  ///< rights only
};
[[nodiscard]] core::Result<FileFacts> facts_of(int file);

/// Checksum of the first and the last of the `size` bytes that a file begins
/// with. Errors: those of pread(2).
[[nodiscard]] core::Result<std::uint64_t> edges_of(int file,
                                                   std::uint64_t size);

/// Has the file still the bytes that the row is of? More may follow them.
[[nodiscard]] bool is_of(const FileRow& row, int file, const FileFacts& facts);

class UseIndex {
 public:
  /// That of the folder of an accounting file. Nothing: there is none, it is
  /// of another version, or somebody who is neither we, root, nor the file's
  /// owner may have written it. What is read is of one moment.
  [[nodiscard]] static std::optional<UseIndex> open(const std::string& path,
                                                    const FileFacts& facts);

  /// What it has of an open file; nothing: it does not have it.
  [[nodiscard]] std::optional<FileRow> find(int file, const FileFacts& facts);

  /// Each part, in the order of the file. False: the index is damaged, and
  /// what was given is not to be believed.
  [[nodiscard]] bool read_jobs(const FileRow& file,
                               const std::function<void(const JobPart&)>& take);
  [[nodiscard]] bool read_commands(
      const FileRow& file, const std::function<void(const CommandPart&)>& take);
  /// Where a job's records are in a file.
  [[nodiscard]] std::optional<std::vector<PlaceRow>> places_of(
      const FileRow& file, std::uint64_t jid);

 private:
  explicit UseIndex(Database database) : database_(std::move(database)) {}

  Database database_;
};

/// Is the database of this version?
[[nodiscard]] bool is_of_this_version(Database& database);
/// Are all rows of the file there, as they were written?
[[nodiscard]] bool is_sound(Database& database, const FileRow& file);

}  // namespace accounting::index
