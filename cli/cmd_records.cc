// SPDX-License-Identifier: Apache-2.0
// corral records: the records of an accounting file.
#include <cerrno>
#include <string>
#include <utility>

#include "accounting/append.h"
#include "accounting/csa_file.h"
#include "accounting/records_text.h"
#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/output.h"
#include "cli/output_stream.h"
#include "cli/report/usual_files.h"
#include "cli/terminal_text.h"

namespace cli {

int show_records(const Arguments& arguments) {
  if (arguments.operands().size() > 1)
    return complain("records: one accounting file at a time", kMisused);
  const auto format = arguments.has("json") ? accounting::RecordsFormat::kJson
                                            : accounting::RecordsFormat::kText;
  std::string path;
  if (arguments.operands().empty()) {
    auto usual = usual_files(which_instance(arguments));
    if (!usual.absence.empty()) return complain("records: " + usual.absence);
    path = std::move(usual.paths.back());
  } else if (which_instance(arguments) != Which::kAny) {
    return complain(
        "records: '--system' and '--private' choose an instance's file, and "
        "one is named; leave one of them out",
        kMisused);
  } else {
    path = arguments.operands().front();
  }
  auto file = accounting::open_for_reading(path.c_str());
  if (!file && file.error().code == ENOENT && arguments.operands().empty())
    return kSuccess;  // nothing was written since it was switched
  if (!file)
    return complain("cannot read '" + path + "': " +
                    accounting::words_of_reading(path, file.error().code));
  StreamBuffer output(stdout);
  StreamBuffer complaints(stderr);
  std::ostream out(&output);
  std::ostream errors(&complaints);
  return accounting::print_records(std::move(*file), printable(path), format,
                                   out, errors);
}

}  // namespace cli
