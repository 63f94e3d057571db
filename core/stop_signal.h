// SPDX-License-Identifier: Apache-2.0
// The signals that end an instance: what people and container engines send to
// an init that is to stop. Pure: reaper and supervisor ask the same question.
#pragma once

#include <cstdint>

namespace core {

/// SIGTERM, SIGINT, SIGQUIT, SIGPWR, and systemd's for containers: SIGRTMIN+3
/// (halt) to SIGRTMIN+6 (kexec). By the kernel's numbers: what a C library
/// calls SIGRTMIN depends on how many it keeps for itself.
constexpr bool is_stop_signal(int number) {
  constexpr int kInterrupt = 2;
  constexpr int kQuit = 3;
  constexpr int kTerminate = 15;
  constexpr int kPower = 30;
  constexpr int kRealTime = 34;  // glibc's, which is what engines send
  return number == kInterrupt || number == kQuit || number == kTerminate ||
         number == kPower ||
         (number >= kRealTime + 3 && number <= kRealTime + 6);
}

}  // namespace core
