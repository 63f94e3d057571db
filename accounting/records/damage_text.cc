// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/damage_text.h"

namespace accounting {

std::string damage_text(std::string_view program, std::string_view file,
                        const DamagedRange& range) {
  std::string text(program);
  text.append(": file '").append(file).append("': ");
  text += std::to_string(range.size) + " bytes at offset " +
          std::to_string(range.offset) + " are no record and were passed over";
  if (range.is_tail) text += " (the file ends with them)";
  return text + "\n";
}

std::string gap_text(std::string_view file) {
  return "The position in file '" + std::string(file) +
         "' is wrong for the next uptime record.\n   Examine the data file for "
         "correct version of the file.\n   (Match the binary with the record "
         "structure.)\n";
}

Outcome<void> must_be_read(const SortedFile& sorted, std::string_view program,
                           std::string_view file) {
  const auto offset = sorted.leftover();
  if (!offset) return {};
  return stop(std::string(program) + ": '" + std::string(file) +
              "': at offset " + std::to_string(*offset) +
              " stands no boot record of a sorted file (csabuild makes them)");
}

}  // namespace accounting
