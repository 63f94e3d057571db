// SPDX-License-Identifier: Apache-2.0
// The one table of refusals: the name on the bus and the exit code of the
// command. Exit codes are those of <sysexits.h>, so that scripts can tell them
// from the codes of a job's own program; but where that could not be launched,
// a shell's.
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
    {.refusal = core::Refusal::kNoSuchJob,
     .error = "org.corral.Error.NoSuchJob",
     .exit_code = 66},
    {.refusal = core::Refusal::kNameTaken,
     .error = "org.corral.Error.NameTaken",
     .exit_code = 73},
    {.refusal = core::Refusal::kAccessDenied,
     .error = "org.corral.Error.AccessDenied",
     .exit_code = 77},
    {.refusal = core::Refusal::kInvalid,
     .error = "org.corral.Error.Invalid",
     .exit_code = 64},
    {.refusal = core::Refusal::kNotSupported,
     .error = "org.corral.Error.NotSupported",
     .exit_code = 72},
    {.refusal = core::Refusal::kSandboxed,
     .error = "org.corral.Error.Sandboxed",
     .exit_code = 77},
    {.refusal = core::Refusal::kNoSuchUser,
     .error = "org.corral.Error.NoSuchUser",
     .exit_code = 67},
    {.refusal = core::Refusal::kEnded,
     .error = "org.corral.Error.Ended",
     .exit_code = 65},
    {.refusal = core::Refusal::kTooMany,
     .error = "org.corral.Error.TooMany",
     .exit_code = 75},
    {.refusal = core::Refusal::kUnavailable,
     .error = "org.corral.Error.Unavailable",
     .exit_code = 69},
    {.refusal = core::Refusal::kNoSuchProcess,
     .error = "org.corral.Error.NoSuchProcess",
     .exit_code = 66},
    {.refusal = core::Refusal::kProgramNotFound,
     .error = "org.corral.Error.ProgramNotFound",
     .exit_code = 127},
    {.refusal = core::Refusal::kNotExecutable,
     .error = "org.corral.Error.NotExecutable",
     .exit_code = 126},
    {.refusal = core::Refusal::kLaunchFailed,
     .error = "org.corral.Error.LaunchFailed",
     .exit_code = 125},
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
