// SPDX-License-Identifier: Apache-2.0
// Which instance a command speaks to: the system's if it runs, else the user's
// private one, unless --system or --private says. Whether one runs is asked by
// connect(2) alone, so that a command that needs none starts fast.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bus/client.h"
#include "cli/arguments.h"
#include "sys/places.h"

namespace cli {

enum class Which : std::uint8_t { kAny, kSystem, kPrivate };

[[nodiscard]] Which which_instance(const Arguments& arguments);

struct Instance {
  sys::InstanceKind kind = sys::InstanceKind::kPrivate;
  std::string socket;
};

/// How long an instance may take to answer at all, or another command to start
/// it: $CORRAL_TIMEOUT (checked at the start, cli/variables.h), else
/// `otherwise`.
[[nodiscard]] core::Microseconds first_answer_within(
    core::Microseconds otherwise = core::seconds(5));

/// Could only we or root have made a socket there? A directory in /tmp may be
/// anybody's, and whoever answers would be told our environment.
[[nodiscard]] bool is_trusted(const std::string& socket);

/// Where an instance of that kind could listen, in the order to try.
[[nodiscard]] std::vector<Instance> possible_instances(Which which);

/// The first that answers a connect(2).
[[nodiscard]] std::optional<Instance> find_running(Which which);

/// Connects to the instance that is running, or that lives and will answer
/// soon. Errors: kUnavailable, in words that name the sockets and the fix.
[[nodiscard]] core::Answer<bus::Client> connect(
    Which which, bus::ClientOptions options = {});

/// What connect() says where none runs: the sockets, and the fix.
[[nodiscard]] core::Refused no_instance(Which which);

[[nodiscard]] std::string_view word_of(sys::InstanceKind kind);

}  // namespace cli
