// SPDX-License-Identifier: Apache-2.0
// The tables of the index, and its rows as values. A part of a file belongs to
// it by the file's id and a number that counts from 0, so that a row that is
// missing is noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "accounting/index/sqlite_file.h"
#include "accounting/use_part.h"

namespace accounting::index {

/// An accounting file as far as the index has it.
struct FileRow {
  std::int64_t id = 0;
  std::string name;  ///< for people; the file is known by what follows
  std::uint64_t inode = 0;
  std::uint64_t size = 0;  ///< when it was read last
  std::uint64_t mtime_ns = 0;
  std::uint64_t edges = 0;    ///< checksum of its first and last bytes
  std::uint64_t covered = 0;  ///< bytes, before they were packed
  bool is_packed = false;
  std::string node;        ///< that writes what is behind them
  std::uint64_t lost = 0;  ///< records that it says are lost
  std::uint64_t jobs = 0;  ///< rows of each kind: bunches
  std::uint64_t commands = 0;
  std::uint64_t places = 0;
};

/// Jobs that stand side by side, packed: a column for each of their fields
/// would take longer to read than the records that they were made of.
struct JobBunch {
  std::uint64_t jobs = 0;
  std::string bytes;
};
/// A bunch of more bytes gets no more jobs.
inline constexpr std::size_t kBunchBytes = 16384;

void add(JobBunch& bunch, const JobPart& part);
/// Each part. False: these are not the bytes of such jobs.
[[nodiscard]] bool unpack(const JobBunch& bunch,
                          const std::function<void(const JobPart&)>& take);

/// Where the records of a job are.
struct PlaceRow {
  std::uint64_t jid = 0;
  std::uint64_t first = 0;  ///< offset of the first
  std::uint64_t last = 0;   ///< likewise
  std::string node;         ///< that wrote the first
  std::uint64_t lost = 0;   ///< records that the file says before it are lost
};

/// In a file of another version nothing is believed.
inline constexpr std::int64_t kApplication = 0x436F7249;  // "CorI"
inline constexpr std::int64_t kVersion = 4;

inline constexpr const char* kSchema =
    "CREATE TABLE file(id INTEGER PRIMARY KEY, name TEXT, inode INTEGER,"
    " size INTEGER, mtime_ns INTEGER, edges INTEGER, covered INTEGER,"
    " packed INTEGER, node TEXT, lost INTEGER, jobs INTEGER, commands INTEGER,"
    " places INTEGER, sum INTEGER) STRICT;"
    "CREATE TABLE job(file INTEGER, number INTEGER, jobs INTEGER, packed BLOB,"
    " sum INTEGER, PRIMARY KEY(file, number)) STRICT;"
    "CREATE TABLE command(file INTEGER, number INTEGER, name TEXT,"
    " uid INTEGER, time_us INTEGER, processes INTEGER, wall_us INTEGER,"
    " wall_known INTEGER, wall_unknown INTEGER, user_us INTEGER,"
    " user_known INTEGER, user_unknown INTEGER, system_us INTEGER,"
    " system_known INTEGER, system_unknown INTEGER, memory_bytes INTEGER,"
    " memory_known INTEGER, memory_unknown INTEGER, read_bytes INTEGER,"
    " read_known INTEGER, read_unknown INTEGER, written_bytes INTEGER,"
    " written_known INTEGER, written_unknown INTEGER,"
    " storage_read_bytes INTEGER, storage_read_known INTEGER,"
    " storage_read_unknown INTEGER, storage_written_bytes INTEGER,"
    " storage_written_known INTEGER, storage_written_unknown INTEGER,"
    " sum INTEGER, PRIMARY KEY(file, number)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE place(file INTEGER, number INTEGER, jid INTEGER,"
    " first INTEGER, last INTEGER, node TEXT, lost INTEGER, sum INTEGER,"
    " PRIMARY KEY(file, number)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX place_of_job ON place(jid, file, number);";

inline constexpr const char* kPutFile =
    "INSERT OR REPLACE INTO file VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
inline constexpr const char* kPutJobs = "INSERT INTO job VALUES(?,?,?,?,?)";
inline constexpr const char* kPutCommand =
    "INSERT INTO command "
    "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
    "?,?)";
inline constexpr const char* kPutPlace =
    "INSERT INTO place VALUES(?,?,?,?,?,?,?,?)";
inline constexpr const char* kFiles = "SELECT * FROM file ORDER BY id";
inline constexpr const char* kFileOfInode = "SELECT * FROM file WHERE inode=?";
inline constexpr const char* kJobs =
    "SELECT * FROM job WHERE file=? ORDER BY number";
inline constexpr const char* kCommands =
    "SELECT * FROM command WHERE file=? ORDER BY number";
inline constexpr const char* kPlaces =
    "SELECT * FROM place WHERE file=? ORDER BY number";
inline constexpr const char* kPlacesOfJob =
    "SELECT * FROM place WHERE jid=? AND file=? ORDER BY number";

/// Of which file a row is, and its number in it.
struct RowKey {
  std::int64_t file = 0;
  std::uint64_t number = 0;
};

bool put(Statement& statement, const FileRow& row);
bool put(Statement& statement, const RowKey& key, const JobBunch& bunch);
bool put(Statement& statement, const RowKey& key, const CommandPart& part);
bool put(Statement& statement, const RowKey& key, const PlaceRow& place);

/// False: the row is not as it was written.
[[nodiscard]] bool get(const Statement& statement, FileRow& row);
[[nodiscard]] bool get(const Statement& statement, RowKey& key,
                       JobBunch& bunch);
[[nodiscard]] bool get(const Statement& statement, RowKey& key,
                       CommandPart& part);
[[nodiscard]] bool get(const Statement& statement, RowKey& key,
                       PlaceRow& place);

}  // namespace accounting::index
