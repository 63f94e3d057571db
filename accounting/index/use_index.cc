// SPDX-License-Identifier: Apache-2.0
#include "accounting/index/use_index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>

#include "core/checksum.h"

namespace accounting::index {

namespace {

constexpr std::size_t kEdge = 4096;

core::Result<void> read_all(int file, std::span<std::byte> bytes,
                            std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n =
        ::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return core::fail(errno, "read");
    if (n == 0) return core::fail(EIO, "read");
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

/// Would anybody else than who may change the file itself be believed?
bool is_trusted(const std::string& path, const FileFacts& facts) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) < 0) return false;
  const bool is_ours = status.st_uid == 0 || status.st_uid == ::geteuid() ||
                       status.st_uid == facts.uid;
  return S_ISREG(status.st_mode) && is_ours && (status.st_mode & 022) == 0;
}

/// Rows of one kind of a file.
struct Wanted {
  const char* sql;
  const FileRow& file;
  std::uint64_t count;
};

template <class Part, class Take>
bool read(Database& database, const Wanted& wanted, const Take& take) {
  const auto& [sql, file, count] = wanted;
  Statement statement = database.prepare(sql);
  statement.bind(0, file.id);
  std::uint64_t number = 0;
  for (;;) {
    const Statement::Step step = statement.step();
    if (step == Statement::Step::kDone) return number == count;
    RowKey key;
    Part part;
    if (step == Statement::Step::kFailed || !get(statement, key, part) ||
        key.file != file.id || key.number != number)
      return false;
    ++number;
    take(part);
  }
}

}  // namespace

std::string index_path_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? kIndexName
                                    : path.substr(0, slash + 1) + kIndexName;
}

core::Result<FileFacts> facts_of(int file) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  struct stat status = {};
  if (::fstat(file, &status) < 0) return core::fail(errno, "fstat");
  return FileFacts{
      .inode = status.st_ino,
      .size = static_cast<std::uint64_t>(status.st_size),
      .mtime_ns = static_cast<std::uint64_t>(status.st_mtim.tv_sec) * kSecond +
                  static_cast<std::uint64_t>(status.st_mtim.tv_nsec),
      .uid = status.st_uid,
      .gid = status.st_gid,
      .mode = status.st_mode & 0777};
}

core::Result<std::uint64_t> edges_of(int file, std::uint64_t size) {
  std::array<std::byte, kEdge> bytes = {};
  const std::size_t length =
      static_cast<std::size_t>(std::min<std::uint64_t>(size, kEdge));
  const auto edge = std::span(bytes).first(length);
  TRY(read_all(file, edge, 0));
  const std::uint64_t first = core::crc32c(edge);
  TRY(read_all(file, edge, size - length));
  return first << 32U | core::crc32c(edge);
}

bool is_of(const FileRow& row, int file, const FileFacts& facts) {
  const bool is_as_it_was =
      facts.size == row.size && facts.mtime_ns == row.mtime_ns;
  // What is packed is closed; what is not may have grown.
  if (!is_as_it_was && (row.is_packed || facts.size <= row.size)) return false;
  const std::uint64_t known = row.is_packed ? row.size : row.covered;
  if (known > facts.size) return false;
  const auto edges = edges_of(file, known);
  return edges && *edges == row.edges;
}

bool is_of_this_version(Database& database) {
  return database.number("PRAGMA application_id") == kApplication &&
         database.number("PRAGMA user_version") == kVersion;
}

bool is_sound(Database& database, const FileRow& file) {
  const auto ignore = [](const auto&) {};
  return read<JobBunch>(database, {kJobs, file, file.jobs}, ignore) &&
         read<CommandPart>(database, {kCommands, file, file.commands},
                           ignore) &&
         read<PlaceRow>(database, {kPlaces, file, file.places}, ignore);
}

std::optional<UseIndex> UseIndex::open(const std::string& path,
                                       const FileFacts& facts) {
  const std::string index = index_path_of(path);
  if (!is_trusted(index, facts)) return std::nullopt;
  auto database = Database::open(index, Database::Access::kRead);
  // From its first reading on a transaction sees one moment.
  if (!database || !database->run("BEGIN") || !is_of_this_version(*database))
    return std::nullopt;
  return UseIndex(std::move(*database));
}

std::optional<FileRow> UseIndex::find(int file, const FileFacts& facts) {
  Statement statement = database_.prepare(kFileOfInode);
  statement.bind(0, static_cast<std::int64_t>(facts.inode));
  while (statement.step() == Statement::Step::kRow) {
    FileRow row;
    if (get(statement, row) && is_of(row, file, facts)) return row;
  }
  return std::nullopt;
}

bool UseIndex::read_jobs(const FileRow& file,
                         const std::function<void(const JobPart&)>& take) {
  bool is_whole = true;
  const auto unpack_all = [&](const JobBunch& bunch) {
    is_whole = is_whole && unpack(bunch, take);
  };
  return read<JobBunch>(database_, {kJobs, file, file.jobs}, unpack_all) &&
         is_whole;
}

bool UseIndex::read_commands(
    const FileRow& file, const std::function<void(const CommandPart&)>& take) {
  return read<CommandPart>(database_, {kCommands, file, file.commands}, take);
}

std::optional<std::vector<PlaceRow>> UseIndex::places_of(const FileRow& file,
                                                         std::uint64_t jid) {
  Statement statement = database_.prepare(kPlacesOfJob);
  statement.bind(0, static_cast<std::int64_t>(jid));
  statement.bind(1, file.id);
  std::vector<PlaceRow> places;
  for (;;) {
    const Statement::Step step = statement.step();
    if (step == Statement::Step::kDone) return places;
    RowKey key;
    PlaceRow place;
    if (step == Statement::Step::kFailed || !get(statement, key, place) ||
        key.file != file.id || place.jid != jid)
      return std::nullopt;
    places.push_back(std::move(place));
  }
}

}  // namespace accounting::index
