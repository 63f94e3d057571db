// SPDX-License-Identifier: Apache-2.0
// Who may do what to whose job: a pure decision. Callers are identified by the
// kernel (SO_PEERCRED) or by the bus, never by what they say.
#pragma once

#include <cstdint>

#include "core/ids.h"

namespace core {

struct Caller {
  Uid uid;
  Pid pid;  ///< for messages only
};

enum class Verb : std::uint8_t {
  kSee,      ///< that the job is there, its name, state and result
  kInspect,  ///< its arguments, processes and output
  kControl,  ///< signal, end
  kCreateForOther,
  kManage,  ///< the instance itself: re-exec, shut down
};

/// May `caller` do `verb` to a job of `owner` in an instance of `instance`?
constexpr bool may(const Caller& caller, Verb verb, Uid owner, Uid instance) {
  if (caller.uid == Uid(0) || caller.uid == instance) return true;
  switch (verb) {
    case Verb::kSee:
      return true;
    case Verb::kInspect:
    case Verb::kControl:
      return caller.uid == owner;
    case Verb::kCreateForOther:
    case Verb::kManage:
      return false;
  }
  return false;
}

}  // namespace core
