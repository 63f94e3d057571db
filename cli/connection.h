// SPDX-License-Identifier: Apache-2.0
// The instance that a command speaks to: the system's if it runs, else the
// user's private one, unless --system or --private says.
#pragma once

#include <string>

#include "bus/client.h"
#include "bus/client_instances.h"
#include "cli/arguments.h"
#include "sys/places.h"

namespace cli {

using bus::find_running;
using bus::Instance;
using bus::is_trusted;
using bus::possible_instances;
using bus::Which;

[[nodiscard]] Which which_instance(const Arguments& arguments);

/// How long an instance may take to answer at all, or another command to start
/// it: $CORRAL_TIMEOUT (checked at the start, cli/variables.h), else
/// `otherwise`.
[[nodiscard]] core::Microseconds first_answer_within(
    core::Microseconds otherwise = core::seconds(5));

/// Connects to the instance that is running, or that lives and will answer
/// soon. Errors: kUnavailable, in words that name the sockets and the fix.
[[nodiscard]] core::Answer<bus::Client> connect(
    Which which, bus::ClientOptions options = {});

/// What connect() says where none runs: the sockets, and the fix.
[[nodiscard]] core::Refused no_instance(Which which);

[[nodiscard]] std::string_view word_of(sys::InstanceKind kind);

}  // namespace cli
