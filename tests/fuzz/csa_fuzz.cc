// SPDX-License-Identifier: Apache-2.0
// Any bytes as an accounting file: the parser, the way from group to group, and
// what is printed of each.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "accounting/csa_group.h"
#include "accounting/record_view.h"
#include "accounting/records_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  auto rest = std::as_bytes(std::span(data, size));
  while (!rest.empty()) {
    const accounting::ParseResult result = accounting::parse_group(rest, true);
    (void)accounting::begins_append(rest);
    if (result.verdict != accounting::ParseVerdict::kGroup) {
      rest = rest.subspan(1);
      continue;
    }
    // A group that is empty or longer than its bytes would be a bug.
    if (result.group.size == 0 || result.group.size > rest.size()) std::abort();
    const accounting::RecordView view = accounting::view_of(result.group);
    if (accounting::to_text(view).empty()) std::abort();
    if (accounting::to_json(view).empty()) std::abort();
    rest = rest.subspan(result.group.size);
  }
  return 0;
}
