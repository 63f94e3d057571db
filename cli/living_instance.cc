// SPDX-License-Identifier: Apache-2.0
#include "cli/living_instance.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "bus/client_transport.h"
#include "core/duration.h"
#include "sys/clock.h"
#include "sys/instance_lock.h"

namespace cli {
namespace {

/// A socket that appears wakes us; that a lock is free is seen after a pause
/// that doubles.
constexpr core::Microseconds kFirstPause = core::milliseconds(10);
constexpr core::Microseconds kLongestPause = core::milliseconds(320);

std::optional<Instance> find_living(Which which) {
  for (const Instance& instance : possible_instances(which))
    if (is_trusted(instance.socket) && sys::has_instance(instance.socket))
      return instance;
  return std::nullopt;
}

std::unexpected<core::Refused> silent(const Instance& instance,
                                      core::Microseconds patience) {
  return refuse(core::Refusal::kUnavailable,
                "the instance at '" + instance.socket + "' lives (" +
                    sys::holder_of(instance.socket) +
                    "), but no supervisor of it has answered within " +
                    std::to_string(patience.raw() / 1000) + " ms");
}

}  // namespace

core::Answer<std::optional<Instance>> await_living(
    Which which, core::Microseconds patience) {
  const core::BootTime deadline = sys::boot_now() + patience;
  for (core::Microseconds pause = kFirstPause;;
       pause = std::min(pause + pause, kLongestPause)) {
    if (auto running = find_running(which)) return running;
    const auto living = find_living(which);
    if (!living) return std::nullopt;
    const core::BootTime now = sys::boot_now();
    if (now >= deadline) return silent(*living, patience);
    const core::BootTime next = std::min(now + pause, deadline);
    const auto come = bus::await_private(living->socket, next);
    // It cannot be watched: no inotify(7) instance is left, say.
    if (!come && come.error().code != ETIMEDOUT && come.error().code != EAGAIN)
      (void)::poll(nullptr, 0, static_cast<int>((next - now).raw() / 1000));
  }
}

}  // namespace cli
