// SPDX-License-Identifier: Apache-2.0
#include "cli/report/report_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "accounting/append.h"
#include "accounting/csa_file.h"
#include "accounting/index/use_index.h"
#include "accounting/packed_file.h"
#include "accounting/text/progress.h"
#include "cli/output.h"

namespace cli {

using accounting::Group;

ReportSink sink_of(accounting::UseFold& fold) {
  ReportSink sink = {
      .begin_file = [&fold] { fold.begin_file(); },
      .group = [&fold](const Group& group) { fold.add(group); },
      .go_on = [&fold](std::string node,
                       std::uint64_t) { fold.go_on(std::move(node)); },
      .job = {},
      .command = {},
      .jid = {}};
  if (fold.is_of_commands())
    sink.command = [&fold](const auto& part) { fold.add(part); };
  else
    sink.job = [&fold](const auto& part) { fold.add(part); };
  return sink;
}

ReportSink sink_of(accounting::JobFinder& finder) {
  return {.begin_file = [&finder] { finder.begin_file(); },
          .group = [&finder](const Group& group) { finder.add(group); },
          .go_on =
              [&finder](std::string node, std::uint64_t lost) {
                finder.go_on(std::move(node), lost);
              },
          .job = {},
          .command = {},
          .jid = finder.wanted().jid};
}

bool may_use_index(const accounting::UseFold& fold) {
  if (fold.is_billed()) return false;  // weights and holidays may be others now
  const auto is_slot = [](const std::optional<std::uint64_t>& time) {
    return time.value_or(0) % accounting::index::kSlotUs == 0;
  };
  return !fold.is_of_commands() ||
         (is_slot(fold.filter().since_us) && is_slot(fold.filter().until_us));
}

bool may_use_index(const accounting::JobFinder& finder) {
  return finder.wanted().jid.has_value() && !finder.is_billed();
}

bool is_found(const accounting::JobFinder& finder) {
  return finder.has_found();
}

namespace {

/// One reading of files.
class Reading {
 public:
  Reading(const ReportFiles& files, const ReportSink& sink, IndexUse use)
      : absence_(files.absence),
        sink_(sink),
        use_(use),
        progress_(size_of(files)) {}

  void read(const std::string& path) {
    sink_.begin_file();
    auto file = accounting::open_for_reading(path.c_str());
    if (!file) {
      if (absence_ != Absence::kIsEmpty || file.error().code != ENOENT)
        cannot_read(path, file.error());
      return;
    }
    const auto row =
        use_ == IndexUse::kWhereFresh ? find(path, file->get()) : std::nullopt;
    if (!row) return rest(path, CsaReader(std::move(*file)));
    if (!read_index(path, *row)) {
      read_.is_believable = false;
      return;
    }
    sink_.go_on(row->node, row->lost);
    if (!row->is_packed) rest(path, CsaReader(std::move(*file), row->covered));
  }

  [[nodiscard]] FilesRead finish() && { return std::move(read_); }

 private:
  using CsaReader = accounting::CsaReader;
  using FileRow = accounting::index::FileRow;
  using UseIndex = accounting::index::UseIndex;

  void cannot_read(const std::string& path, const core::Error& error) {
    read_.is_complete = false;
    read_.said.push_back("cannot read '" + path + "': " +
                         accounting::words_of_reading(path, error.code));
  }

  std::optional<FileRow> find(const std::string& path, int file) {
    const auto facts = accounting::index::facts_of(file);
    if (!facts) return std::nullopt;
    const std::string place = accounting::index::index_path_of(path);
    if (place != place_) {
      index_ = UseIndex::open(path, *facts);
      place_ = place;
    }
    return index_ ? index_->find(file, *facts) : std::nullopt;
  }

  /// False: the index is damaged.
  bool read_index(const std::string& path, const FileRow& row) {
    if (sink_.jid) return read_places(path, row);
    return (!sink_.job || index_->read_jobs(row, sink_.job)) &&
           (!sink_.command || index_->read_commands(row, sink_.command));
  }

  /// The groups of the wanted job, from where they are.
  bool read_places(const std::string& path, const FileRow& row) {
    const auto places = index_->places_of(row, *sink_.jid);
    if (!places) return false;
    for (const accounting::index::PlaceRow& place : *places) {
      auto file = accounting::open_for_reading(path.c_str());
      if (!file) return false;
      sink_.go_on(place.node, place.lost);
      CsaReader reader(std::move(*file), place.first);
      for (;;) {
        const auto group = reader.next();
        if (!group || !reader.damages().empty()) return false;
        if (!*group || (*group)->offset > place.last) break;
        sink_.group(**group);
      }
    }
    return true;
  }

  /// Bytes as they lie on the disk, which all that is packed is known by.
  static std::uint64_t size_of(const std::string& path) {
    struct stat status = {};
    return ::stat(path.c_str(), &status) == 0
               ? static_cast<std::uint64_t>(status.st_size)
               : 0;
  }
  static std::uint64_t size_of(const ReportFiles& files) {
    std::uint64_t size = 0;
    for (const std::string& path : files.paths)
      size += size_of(path);
    return size;
  }

  void rest(const std::string& path, CsaReader reader) {
    constexpr unsigned kSeldom = 1024;
    const std::uint64_t before = std::exchange(at_, at_ + size_of(path));
    for (unsigned count = 0;; ++count) {
      const auto group = reader.next();
      if (!group) return cannot_read(path, group.error());
      if (!*group) break;
      if (count % kSeldom == 0) progress_.show(before + (*group)->offset);
      sink_.group(**group);
    }
    for (const accounting::Damage& damage : reader.damages())
      read_.said.push_back("'" + path + "': " + std::to_string(damage.size) +
                           " bytes at offset " + std::to_string(damage.offset) +
                           " are no record and were passed over");
    read_.is_complete = read_.is_complete && reader.damages().empty();
  }

  Absence absence_;
  const ReportSink& sink_;
  IndexUse use_;
  std::string place_;  ///< of the index in hand
  std::optional<UseIndex> index_;
  FilesRead read_;
  std::uint64_t at_ = 0;  ///< bytes of the files before
  accounting::Progress progress_;
};

}  // namespace

FilesRead read_files(const ReportFiles& files, const ReportSink& sink,
                     IndexUse use) {
  if (!files.none.empty()) return {.is_complete = false, .said = {files.none}};
  Reading reading(files, sink, use);
  for (const std::string& path : files.paths)
    reading.read(path);
  return std::move(reading).finish();
}

bool tell(const FilesRead& read) {
  for (const std::string& text : read.said)
    complain(text);
  return read.is_complete;
}

}  // namespace cli
