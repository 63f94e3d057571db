// SPDX-License-Identifier: Apache-2.0
// a{sv} between messages and Dict. Reading believes nothing: a message from
// anybody gives a Dict or a refusal that says what is wrong with which key.
#pragma once

#include "bus/sd_bus_table.h"
#include "bus/value.h"
#include "core/job_control.h"

namespace bus {

/// The most keys of one a{sv} that is read.
inline constexpr std::size_t kMostKeys = 64;

/// Appends the dict as one a{sv}. A negative errno as sd-bus gives it.
[[nodiscard]] int append_dict(const SdBusTable& sd, sd_bus_message* message,
                              const Dict& dict);

/// Appends the value alone, as a property is: text that is not UTF-8 is shown
/// with replacement characters, for its type is fixed.
[[nodiscard]] int append_bare(const SdBusTable& sd, sd_bus_message* message,
                              const Value& value);

/// Reads the a{sv} at the message's position. Descriptors in it stay the
/// message's own. Refuses a key given twice, too many keys, and text with NUL.
[[nodiscard]] core::Answer<Dict> read_dict(const SdBusTable& sd,
                                           sd_bus_message* message);

}  // namespace bus
