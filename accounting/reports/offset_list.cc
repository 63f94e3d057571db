// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/offset_list.h"

#include <cerrno>

#include "accounting/records/output_file.h"

namespace accounting {

std::string offset_text(std::int64_t offset) {
  ReportText text;
  if (offset != 0) text.add('0');
  text.octal(static_cast<std::uint64_t>(offset)).add(" (").number(offset);
  text.add(')');
  return std::string(text.view());
}

void OffsetWriter::add(const OffsetRange& range) {
  if (!ranges_.empty() && ranges_.back().offset == range.offset)
    ranges_.pop_back();
  ranges_.push_back(range);
}

Outcome<void> can_be_written(const std::string& path) {
  if (OutputFile::create(path)) return {};
  return stop("An error occurred during the opening of file '" + path + "'.",
              errno);
}

Outcome<void> OffsetWriter::save(const std::string& path) const {
  auto file = OutputFile::create(path);
  if (!file)
    return stop("An error occurred during the opening of file '" + path + "'.",
                errno);
  for (const OffsetRange& range : ranges_)
    file->write(offset_text(range.offset) + ", " +
                std::to_string(range.length) + "\n");
  if (const int code = file->commit(); code != 0)
    return stop("An error occurred during the writing of file '" + path + "'.",
                code);
  return {};
}

}  // namespace accounting
