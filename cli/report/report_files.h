// SPDX-License-Identifier: Apache-2.0
// Which accounting files a report is about, and reading them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accounting/csa_group.h"
#include "accounting/job_facts.h"
#include "accounting/use_fold.h"

namespace cli {

enum class Absence : bool { kIsError, kIsEmpty };

/// What a report reads, in its order.
struct ReportFiles {
  std::vector<std::string> paths;
  Absence absence = Absence::kIsError;
  std::string none;  ///< why there is no file at all; empty: there may be
};

/// Who sums up what files say. What an index (accounting/index/use_index.h) has
/// of a file is given in place of the groups; behind it they go on.
struct ReportSink {
  std::function<void()> begin_file;
  std::function<void(const accounting::Group&)> group;
  /// Groups follow that are not the first of a file: that machine writes them,
  /// and so many records before them are lost.
  std::function<void(std::string node, std::uint64_t lost)> go_on;
  std::function<void(const accounting::JobPart&)> job;  ///< null: none needed
  std::function<void(const accounting::CommandPart&)> command;  ///< likewise
  /// The groups of this job are all that is needed.
  std::optional<std::uint64_t> jid;
};
[[nodiscard]] ReportSink sink_of(accounting::UseFold& fold);
[[nodiscard]] ReportSink sink_of(accounting::JobFinder& finder);

/// Can it be made of what an index has?
[[nodiscard]] bool may_use_index(const accounting::UseFold& fold);
[[nodiscard]] bool may_use_index(const accounting::JobFinder& finder);
/// Has it found what was looked for?
[[nodiscard]] inline bool is_found(const accounting::UseFold& /*fold*/) {
  return true;
}
[[nodiscard]] bool is_found(const accounting::JobFinder& finder);

struct FilesRead {
  bool is_complete = true;        ///< all files could be read to their ends
  bool is_believable = true;      ///< no index was damaged
  std::vector<std::string> said;  ///< what could not be read, and why
};
enum class IndexUse : bool { kNever, kWhereFresh };
[[nodiscard]] FilesRead read_files(const ReportFiles& files,
                                   const ReportSink& sink, IndexUse use);
/// Prints what was said. Was all read?
[[nodiscard]] bool tell(const FilesRead& read);

/// Gives all that the files say to a fold, by an index as far as there is one.
/// False: not all could be read; that was said.
template <class Fold>
[[nodiscard]] bool read_into(Fold& fold, const ReportFiles& files) {
  if (may_use_index(fold)) {
    Fold attempt = fold;
    const FilesRead read =
        read_files(files, sink_of(attempt), IndexUse::kWhereFresh);
    if (read.is_believable && is_found(attempt)) {
      fold = std::move(attempt);
      return tell(read);
    }
  }
  return tell(read_files(files, sink_of(fold), IndexUse::kNever));
}

}  // namespace cli
