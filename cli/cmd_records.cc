// SPDX-License-Identifier: Apache-2.0
// corral records: the records of an accounting file.
#include "accounting/records_text.h"
#include "cli/handlers.h"
#include "cli/output_stream.h"

namespace cli {

int show_records(const Arguments& arguments) {
  const auto format = arguments.has("json") ? accounting::RecordsFormat::kJson
                                            : accounting::RecordsFormat::kText;
  StreamBuffer output(stdout);
  StreamBuffer complaints(stderr);
  std::ostream out(&output);
  std::ostream errors(&complaints);
  return accounting::print_records(arguments.operands().front(), format, out,
                                   errors);
}

}  // namespace cli
