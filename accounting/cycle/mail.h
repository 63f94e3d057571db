// SPDX-License-Identifier: Apache-2.0
// Mail to those whom a site names for messages, by the machine's own program
// for that (sendmail(8), of every mail system). Without one, or if it does not
// take the message, that stands only where it stands anyway.
#pragma once

#include <string>

#include "core/quantity.h"

namespace accounting {

struct Letter {
  std::string label;    ///< whose list it is: "MAIL_LIST"
  std::string to;       ///< names or addresses, with blanks or commas between
  std::string subject;  ///< one line
  std::string text;
};

/// What a mail program may take to accept a message.
inline constexpr core::Microseconds kMailPatience = core::seconds(30);

/// Hands it to `mailer`, a path. Returns a sentence for whoever reads the
/// message elsewhere: who was mailed, or why nobody.
[[nodiscard]] std::string send(const Letter& letter, const std::string& mailer,
                               core::Microseconds patience = kMailPatience);

}  // namespace accounting
