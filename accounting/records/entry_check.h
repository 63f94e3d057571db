// SPDX-License-Identifier: Apache-2.0
// What makes an entry invalid although its records could be read: the checks
// that csaverify makes, in its order and its words.
#pragma once

#include <string>

#include "accounting/records/entry.h"

namespace accounting {

struct Validity {
  enum class Kind : std::uint8_t {
    kValid,
    kBadHeader,  ///< the bytes are no such record: look for the next one
    kBadValue,   ///< a record, with a value that cannot be
  };
  Kind kind = Kind::kValid;
  std::string fault;  ///< as csaverify prints it, with the space before it

  [[nodiscard]] bool is_valid() const { return kind == Kind::kValid; }
};

[[nodiscard]] Validity check_entry(const Entry& entry);

/// Can a primary record begin with this header? The sizes and revisions of
/// types that are known are checked; of site types no revision is right.
[[nodiscard]] bool is_primary_head(const csa::Head& head);

}  // namespace accounting
