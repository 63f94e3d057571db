// SPDX-License-Identifier: Apache-2.0
// corral records: the records of an accounting file.
#include "accounting/append.h"
#include "accounting/csa_file.h"
#include "accounting/records_text.h"
#include "cli/handlers.h"
#include "cli/output.h"
#include "cli/output_stream.h"
#include "cli/terminal_text.h"

namespace cli {

int show_records(const Arguments& arguments) {
  const auto format = arguments.has("json") ? accounting::RecordsFormat::kJson
                                            : accounting::RecordsFormat::kText;
  const std::string& path = arguments.operands().front();
  auto file = accounting::open_for_reading(path.c_str());
  if (!file)
    return complain("cannot read '" + path +
                    "': " + accounting::words_of_reading(file.error().code));
  StreamBuffer output(stdout);
  StreamBuffer complaints(stderr);
  std::ostream out(&output);
  std::ostream errors(&complaints);
  return accounting::print_records(std::move(*file), printable(path), format,
                                   out, errors);
}

}  // namespace cli
