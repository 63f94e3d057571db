// SPDX-License-Identifier: Apache-2.0
// Which job a word means: "0x" and hexadecimal digits are a jid, 'self' is the
// job of this process, anything else is a name. Hexadecimal digits without 0x
// are the jid if no job has that name.
#pragma once

#include <string>
#include <string_view>

#include "bus/client.h"

namespace cli {

/// Errors: kNoSuchJob, in words that say how to find it; those of the client.
[[nodiscard]] core::Answer<core::JobId> select_job(bus::Client& client,
                                                   std::string_view word);

/// Errors: kInvalid, naming the word and what was expected.
[[nodiscard]] core::Answer<core::Pid> parse_pid(std::string_view word);

}  // namespace cli
