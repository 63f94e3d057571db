// SPDX-License-Identifier: Apache-2.0
#include "cli/silent_reaper.h"

#include <poll.h>

#include <algorithm>

#include "sys/clock.h"
#include "sys/instance_lock.h"
#include "sys/silence.h"

namespace cli {
namespace {

/// That a process goes on is announced by nothing: it is seen after a pause
/// that doubles.
constexpr core::Microseconds kFirstPause = core::milliseconds(10);
constexpr core::Microseconds kLongestPause = core::milliseconds(320);

}  // namespace

std::optional<std::string> silent_reaper(const std::string& socket) {
  const core::Pid reaper = sys::living_reaper_of(socket);
  if (!sys::is_stopped(reaper)) return std::nullopt;
  return "the reaper of the instance at '" + socket + "' " +
         sys::describe_silence(reaper);
}

core::Answer<void> await_reaper(const std::string& socket,
                                core::Microseconds patience) {
  const core::BootTime deadline = sys::boot_now() + patience;
  for (core::Microseconds pause = kFirstPause;;
       pause = std::min(pause + pause, kLongestPause)) {
    auto words = silent_reaper(socket);
    if (!words) return {};
    const core::Microseconds left = deadline - sys::boot_now();
    if (left.raw() == 0)
      return refuse(core::Refusal::kUnavailable, *std::move(words));
    const core::Microseconds wait = std::min(pause, left);
    (void)::poll(nullptr, 0, static_cast<int>(wait.raw() / 1000 + 1));
  }
}

}  // namespace cli
