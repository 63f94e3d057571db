// SPDX-License-Identifier: Apache-2.0
#include "accounting/index/index_update.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "accounting/append.h"
#include "accounting/csa_file.h"
#include "accounting/index/index_rows.h"
#include "accounting/index/part_fold.h"
#include "accounting/index/sqlite_file.h"
#include "accounting/index/use_index.h"
#include "accounting/packed_file.h"
#include "accounting/text/progress.h"

namespace accounting::index {

namespace {

using What = IndexStep::What;

/// Groups of a transaction. Memory is proportional to it at most.
constexpr std::uint64_t kGroups = 200'000;

struct Source {
  std::string path;
  sys::UniqueFd file;
  FileFacts facts = {};
  bool is_packed = false;
};

/// Rights that everybody who has them has to all files; owner and group are
/// those of the first.
FileFacts common_rights(const std::vector<Source>& sources) {
  constexpr std::uint32_t kOwner = 0600;
  constexpr std::uint32_t kGroup = 0640;
  constexpr std::uint32_t kAll = 0644;  // nobody else writes it
  FileFacts rights = {.mode = kAll};
  if (sources.empty())
    return {.uid = ::geteuid(), .gid = ::getegid(), .mode = kOwner};
  rights.uid = sources.front().facts.uid;
  rights.gid = sources.front().facts.gid;
  for (const Source& source : sources) {
    rights.mode &= source.facts.mode | kOwner;
    if (source.facts.gid != rights.gid) rights.mode &= kOwner;
    if (source.facts.uid != rights.uid) rights.mode &= kOwner;
  }
  // Those of the group may be refused what others are not.
  if ((rights.mode & 040) == 0) rights.mode &= kGroup;
  return rights;
}

class Updater {
 public:
  Updater(std::string path, std::vector<Source> sources)
      : path_(std::move(path)), sources_(std::move(sources)) {}

  core::Result<std::vector<IndexStep>> run(bool rebuild) {
    if (const auto done = update_all(rebuild); !done) {
      // Somebody else may be about to write what is empty now.
      if (is_new_ && done.error().code != EBUSY && is_empty()) remove_index();
      return std::unexpected(done.error());
    }
    return std::move(steps_);
  }

 private:
  core::Result<void> update_all(bool rebuild);
  core::Result<void> make_file();
  core::Result<void> set_rights(int file) const;
  core::Result<void> open(bool rebuild);
  void remove_index() const;
  [[nodiscard]] bool is_sound();
  [[nodiscard]] bool is_empty();
  core::Result<void> forget_others();
  core::Result<void> update(Source& source);
  core::Result<void> read_on(Source& source, FileRow row);
  core::Result<void> store(FileRow& row, PartFold& fold);
  bool forget(std::int64_t id);
  std::optional<FileRow> known(const Source& source);
  [[nodiscard]] core::Result<void> refused() const;

  std::string path_;
  std::vector<Source> sources_;
  std::optional<Database> database_;
  bool is_new_ = false;  ///< the file had nothing in it before
  std::map<std::int64_t, FileRow> rows_;
  std::vector<IndexStep> steps_;
};

core::Result<void> Updater::update_all(bool rebuild) {
  TRY(open(rebuild));
  TRY(forget_others());
  for (Source& source : sources_)
    TRY(update(source));
  return {};
}

/// Of the last call of the database, before any other.
core::Result<void> Updater::refused() const {
  return core::fail(database_ ? database_->error() : EIO, "write", path_);
}

/// Rights first: nothing is in it before.
core::Result<void> Updater::set_rights(int file) const {
  const FileFacts rights = common_rights(sources_);
  std::uint32_t mode = rights.mode;
  struct stat status = {};
  if (::fchmod(file, mode & 0600) < 0) return core::fail(errno, "chmod", path_);
  if (::fstat(file, &status) < 0) return core::fail(errno, "fstat", path_);
  const bool is_theirs =
      (status.st_uid == rights.uid || ::fchown(file, rights.uid, -1U) == 0) &&
      (status.st_gid == rights.gid || ::fchown(file, -1U, rights.gid) == 0);
  if (!is_theirs) mode &= 0600;
  if (::fchmod(file, mode) < 0) return core::fail(errno, "chmod", path_);
  return {};
}

core::Result<void> Updater::make_file() {
  // What somebody else has put there is not gone on with.
  struct stat status = {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_uid != 0 &&
      status.st_uid != ::geteuid() &&
      status.st_uid != common_rights(sources_).uid)
    remove_index();
  const sys::UniqueFd file(
      ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) return core::fail(errno, "open", path_);
  is_new_ = ::fstat(file.get(), &status) == 0 && status.st_size == 0;
  return set_rights(file.get());
}

/// The journal first: that of an index that is gone would be played back into
/// the next one.
void Updater::remove_index() const {
  ::unlink((path_ + "-journal").c_str());
  ::unlink(path_.c_str());
}

core::Result<void> Updater::open(bool rebuild) {
  core::Result<void> failure;
  for (const bool is_first : {true, false}) {
    if (rebuild || !is_first) remove_index();
    rebuild = false;
    rows_.clear();  // of what was found to be damaged
    TRY(make_file());
    database_ = Database::open(path_, Database::Access::kWrite);
    if (!database_) {
      failure = refused();
      continue;
    }
    const auto objects =
        database_->number("SELECT count(*) FROM sqlite_schema");
    if (objects == 0) {
      const std::string begin =
          "PRAGMA application_id=" + std::to_string(kApplication) +
          ";PRAGMA user_version=" + std::to_string(kVersion) + ";BEGIN;" +
          kSchema + "COMMIT";
      if (database_->run(begin.c_str())) return {};
    } else if (objects && is_of_this_version(*database_) && is_sound()) {
      return {};
    }
    failure = refused();
    database_.reset();
  }
  return failure;
}

/// Holds it nothing of any file?
bool Updater::is_empty() {
  return !database_ || database_->number("SELECT count(*) FROM file") == 0;
}

/// Reads all of it.
bool Updater::is_sound() {
  Statement check = database_->prepare("PRAGMA quick_check(1)");
  if (check.step() != Statement::Step::kRow || check.text(0) != "ok")
    return false;
  check.reset();
  Statement files = database_->prepare(kFiles);
  for (;;) {
    const Statement::Step step = files.step();
    if (step == Statement::Step::kFailed) return false;
    if (step == Statement::Step::kDone) break;
    FileRow row;
    if (!get(files, row)) return false;
    rows_[row.id] = row;
  }
  return std::ranges::all_of(rows_, [this](const auto& pair) {
    return index::is_sound(*database_, pair.second);
  });
}

bool Updater::forget(std::int64_t id) {
  for (const char* const sql :
       {"DELETE FROM job WHERE file=?", "DELETE FROM command WHERE file=?",
        "DELETE FROM place WHERE file=?", "DELETE FROM file WHERE id=?"}) {
    Statement statement = database_->prepare(sql);
    statement.bind(0, id);
    if (statement.step() != Statement::Step::kDone) return false;
  }
  rows_.erase(id);
  return true;
}

/// What the index has of files that are not there, or not as they were.
core::Result<void> Updater::forget_others() {
  std::vector<std::int64_t> gone;
  for (const auto& [id, row] : rows_) {
    const bool is_there =
        std::ranges::any_of(sources_, [&kept = row](const Source& source) {
          return source.facts.inode == kept.inode &&
                 is_of(kept, source.file.get(), source.facts);
        });
    if (!is_there) gone.push_back(id);
  }
  for (const std::int64_t id : gone) {
    const std::string name = rows_[id].name;
    if (!database_->run("BEGIN IMMEDIATE") || !forget(id) ||
        !database_->run("COMMIT"))
      return refused();
    const bool is_read_again = std::ranges::any_of(
        sources_, [&](const Source& source) { return source.path == name; });
    if (!is_read_again)
      steps_.push_back({.path = name, .what = What::kRemoved});
  }
  return {};
}

std::optional<FileRow> Updater::known(const Source& source) {
  for (const auto& [id, row] : rows_)
    if (row.inode == source.facts.inode) return row;
  return std::nullopt;
}

/// Writes down what was gathered, and how far the file is covered by it.
core::Result<void> Updater::store(FileRow& row, PartFold& fold) {
  const PartFold::Parts parts = fold.take();
  if (!database_->run("BEGIN IMMEDIATE")) return refused();
  core::Result<void> done;
  const auto put_all = [&](const char* sql, const auto& all,
                           std::uint64_t& count) {
    if (!done) return;
    Statement statement = database_->prepare(sql);
    for (const auto& part : all)
      if (done && !put(statement, {.file = row.id, .number = count++}, part))
        done = refused();
  };
  put_all(kPutJobs, parts.jobs, row.jobs);
  put_all(kPutCommand, parts.commands, row.commands);
  put_all(kPutPlace, parts.places, row.places);
  row.node = fold.node();
  row.lost = fold.lost();
  Statement file = database_->prepare(kPutFile);
  if (done && (!put(file, row) || !database_->run("COMMIT"))) done = refused();
  if (!done) database_->run("ROLLBACK");
  return done;
}

core::Result<void> Updater::read_on(Source& source, FileRow row) {
  PartFold fold(row.node, row.lost);
  CsaReader reader(TRY(source.file.duplicate()), row.covered);
  IndexStep step = {
      .path = source.path, .what = What::kIndexed, .size = source.facts.size};
  Progress progress(source.facts.size);
  constexpr unsigned kSeldom = 1024;
  std::uint64_t groups = 0;
  // Of what is packed the index has all or nothing.
  const auto keep = [&]() -> core::Result<void> {
    const std::uint64_t known = row.is_packed ? source.facts.size : row.covered;
    row.edges = TRY(edges_of(source.file.get(), known));
    return store(row, fold);
  };
  for (;;) {
    auto group = reader.next();
    if (!group) {
      step.why = words_of_reading(group.error().code);
      break;
    }
    if (!reader.damages().empty()) {
      step.why = reader.damages().front().what;
      break;
    }
    if (!*group) break;
    fold.add(**group);
    row.covered = (*group)->offset + (*group)->size;
    if (groups % kSeldom == 0) progress.show(row.covered);
    if (++groups % kGroups == 0 && !row.is_packed) TRY(keep());
  }
  if (row.is_packed && !step.why.empty()) {
    step.what = What::kFailed;
  } else {
    TRY(keep());
    step.covered = row.covered;
  }
  steps_.push_back(std::move(step));
  return {};
}

core::Result<void> Updater::update(Source& source) {
  FileRow row;
  if (const auto old = known(source)) {
    row = *old;
    if (row.size == source.facts.size) {
      steps_.push_back({.path = source.path,
                        .what = What::kUpToDate,
                        .size = row.size,
                        .covered = row.covered});
      return {};
    }
  } else {
    row.id = rows_.empty() ? 1 : rows_.rbegin()->first + 1;
    row.is_packed = source.is_packed;
  }
  row.name = source.path;
  row.inode = source.facts.inode;
  row.size = source.facts.size;
  row.mtime_ns = source.facts.mtime_ns;
  rows_[row.id] = row;
  return read_on(source, row);
}

}  // namespace

core::Result<std::vector<IndexStep>> update_index(
    const std::vector<std::string>& paths, bool rebuild) {
  std::vector<Source> sources;
  std::vector<IndexStep> failed;
  for (const std::string& path : paths) {
    auto file = open_for_reading(path.c_str());
    if (!file && file.error().code == ENOENT) continue;
    if (!file) {
      failed.push_back(
          {.path = path, .why = words_of_reading(path, file.error().code)});
      continue;
    }
    Source source = {.path = path, .file = std::move(*file)};
    source.facts = TRY(facts_of(source.file.get()));
    source.is_packed = TRY(is_packed(source.file.get()));
    sources.push_back(std::move(source));
  }
  if (paths.empty()) return failed;
  auto steps = TRY(
      Updater(index_path_of(paths.front()), std::move(sources)).run(rebuild));
  steps.insert(steps.end(), failed.begin(), failed.end());
  return steps;
}

}  // namespace accounting::index
