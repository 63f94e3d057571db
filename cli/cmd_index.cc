// SPDX-License-Identifier: Apache-2.0
// corral index: makes the index that reports read in place of accounting
// files, or brings it up to date.
#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/csa_file.h"
#include "accounting/index/index_update.h"
#include "accounting/index/sqlite_load.h"
#include "accounting/index/use_index.h"
#include "cli/handlers.h"
#include "cli/job_text.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/report/usual_files.h"
#include "cli/terminal_text.h"
#include "sys/whole_file.h"

namespace cli {
namespace {

using accounting::index::IndexStep;
using What = IndexStep::What;

constexpr std::string_view word_of(What what) {
  switch (what) {
    case What::kIndexed:
      return "indexed";
    case What::kUpToDate:
      return "up to date";
    case What::kRemoved:
      return "removed";
    case What::kFailed:
      break;
  }
  return "failed";
}

std::string json_of(const IndexStep& step) {
  Json object;
  object["file"] = step.path;
  object["what"] = word_of(step.what);
  object["bytes"] = step.size;
  object["covered_bytes"] = step.covered;
  object["why"] = text_or_null(step.why);
  return json_line(object);
}

std::string text_of(const IndexStep& step) {
  std::string text =
      printable(step.path) + ": " + std::string(word_of(step.what));
  if (step.what == What::kIndexed || step.what == What::kUpToDate)
    text += ", " + short_size(core::Bytes(step.covered)) + " of records";
  if (!step.why.empty()) text += "; the rest is read as it is: " + step.why;
  return text + "\n";
}

/// All have to be in one folder, where the index is.
bool are_together(const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    if (accounting::index::index_path_of(path) !=
        accounting::index::index_path_of(paths.front()))
      return false;
  return true;
}

/// A file that was named and is not there, nor was, by the index, is a slip.
int complain_of_missing(const std::vector<std::string>& named,
                        const std::vector<IndexStep>& steps) {
  int code = kSuccess;
  for (const std::string& path : named)
    if (std::ranges::find(steps, path, &IndexStep::path) == steps.end())
      code = complain("cannot read '" + printable(path) +
                      "': " + accounting::words_of_reading(ENOENT));
  return code;
}

}  // namespace

int index_files(const Arguments& arguments) {
  if (!arguments.operands().empty() && which_instance(arguments) != Which::kAny)
    return complain(
        "index: '--system' and '--private' choose an instance's files, and "
        "files are named; leave one of them out",
        kMisused);
  std::vector<std::string> paths = arguments.operands();
  if (paths.empty()) {
    auto usual = usual_files(which_instance(arguments));
    if (!usual.absence.empty()) return complain("index: " + usual.absence);
    paths = std::move(usual.paths);
  }
  if (!are_together(paths))
    return complain("index: the files of one folder at a time have an index",
                    kMisused);
  if (accounting::index::sqlite() == nullptr)
    return complain(
        "index: libsqlite3.so.0 is not here (package libsqlite3-0); reports "
        "read the files");
  // Of nothing no index is made.
  const auto& named = arguments.operands();
  if (std::ranges::none_of(paths, sys::is_there) &&
      !sys::is_there(accounting::index::index_path_of(paths.front())))
    return complain_of_missing(named, {});
  const auto steps =
      accounting::index::update_index(paths, arguments.has("rebuild"));
  if (!steps) return complain(steps.error());
  int code = complain_of_missing(named, *steps);
  for (const IndexStep& step : *steps) {
    if (step.what == What::kFailed)
      code = complain("'" + printable(step.path) + "': " + step.why);
    if (arguments.has("json"))
      print(json_of(step));
    else if (step.what != What::kFailed)
      print(text_of(step));
  }
  return code;
}

}  // namespace cli
