// SPDX-License-Identifier: Apache-2.0
// Which instance a client speaks to: the system's if it runs, else the user's
// private one. Whether one runs is asked by connect(2) alone, so that a program
// that needs none starts fast.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/places.h"

namespace bus {

enum class Which : std::uint8_t { kAny, kSystem, kPrivate };

struct Instance {
  sys::InstanceKind kind = sys::InstanceKind::kPrivate;
  std::string socket;
};

/// Could only we or root have made a socket there? A directory in /tmp may be
/// anybody's, and whoever answers would be told our environment.
[[nodiscard]] bool is_trusted(const std::string& socket);

/// Where an instance of that kind could listen, in the order to try.
[[nodiscard]] std::vector<Instance> possible_instances(Which which);

/// The first that answers a connect(2).
[[nodiscard]] std::optional<Instance> find_running(Which which);

}  // namespace bus
