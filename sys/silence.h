// SPDX-License-Identifier: Apache-2.0
// Why a process does not answer, as far as /proc tells, and what can be done
// about it, for the middle of a sentence.
#pragma once

#include <string>

#include "core/ids.h"

namespace sys {

struct Silence {
  std::string why;  ///< "it is stopped"
  std::string fix;  ///< "'kill -CONT 12' lets it go on"; empty: none is known
};

[[nodiscard]] Silence silence_of(core::Pid pid);

/// Whether it is stopped, and so will answer nobody until it is let go on.
[[nodiscard]] bool is_stopped(core::Pid pid);

/// "(process 12) does not answer: it is stopped; 'kill -CONT 12' lets it go on"
[[nodiscard]] std::string describe_silence(core::Pid pid);

}  // namespace sys
