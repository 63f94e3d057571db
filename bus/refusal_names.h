// SPDX-License-Identifier: Apache-2.0
// The one table of refusals: the name on the bus and the exit code of the
// command. Exit codes are those of <sysexits.h>, so that scripts can tell them
// from the codes of a job's own program.
#pragma once

#include <string_view>

#include "core/job_control.h"

namespace bus {

struct RefusalName {
  core::Refusal refusal;
  const char* error;  ///< D-Bus error name
  int exit_code;      ///< of the command
};

inline constexpr RefusalName kRefusalNames[] = {
    {core::Refusal::kNoSuchJob, "org.corral.Error.NoSuchJob", 66},
    {core::Refusal::kNameTaken, "org.corral.Error.NameTaken", 73},
    {core::Refusal::kAccessDenied, "org.corral.Error.AccessDenied", 77},
    {core::Refusal::kInvalid, "org.corral.Error.Invalid", 64},
    {core::Refusal::kNotSupported, "org.corral.Error.NotSupported", 72},
    {core::Refusal::kSandboxed, "org.corral.Error.Sandboxed", 77},
    {core::Refusal::kNoSuchUser, "org.corral.Error.NoSuchUser", 67},
    {core::Refusal::kEnded, "org.corral.Error.Ended", 65},
    {core::Refusal::kTooMany, "org.corral.Error.TooMany", 75},
    {core::Refusal::kUnavailable, "org.corral.Error.Unavailable", 69},
};

constexpr const RefusalName& name_of(core::Refusal refusal) {
  for (const RefusalName& name : kRefusalNames)
    if (name.refusal == refusal) return name;
  return kRefusalNames[0];  // unreachable: the table is complete (its test)
}

/// The refusal with this name on the bus; kUnavailable for names not ours:
/// those are made by the transport ("no reply", "disconnected").
constexpr core::Refusal refusal_of(std::string_view error) {
  for (const RefusalName& name : kRefusalNames)
    if (error == name.error) return name.refusal;
  return core::Refusal::kUnavailable;
}

}  // namespace bus
