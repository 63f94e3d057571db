// SPDX-License-Identifier: Apache-2.0
// The file of damaged byte ranges that csaverify -o writes and csaedit -b
// reads: a line "0OCTAL (DECIMAL), LENGTH" for each, length -1: to the end.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accounting/text/console.h"

namespace accounting {

struct OffsetRange {
  std::int64_t offset = 0;
  std::int64_t length = 0;
};
inline constexpr std::int64_t kToTheEnd = -1;

/// "045470 (19256)".
std::string offset_text(std::int64_t offset);

/// Whether a list can be written there at all; in the published words if not.
[[nodiscard]] Outcome<void> can_be_written(const std::string& path);

/// Gathers lines; a second range at the offset of the last replaces it, as the
/// later one knows the length better.
class OffsetWriter {
 public:
  void add(const OffsetRange& range);
  /// Writes all to `path`. Errors in the published words.
  [[nodiscard]] Outcome<void> save(const std::string& path) const;

 private:
  std::vector<OffsetRange> ranges_;
};

}  // namespace accounting
