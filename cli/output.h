// SPDX-License-Identifier: Apache-2.0
// What the command says: facts on standard output, complaints on standard
// error. One sentence a complaint, with the fix in it.
#pragma once

#include <string_view>

#include "core/error.h"
#include "core/job_control.h"

namespace cli {

// Exit codes of the command itself; those of refusals are in
// bus/refusal_names.h.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kMisused = 2;
/// `corral run` itself failed, or a waited-for job's status is unknown, as
/// env(1) has it. A request that was refused has its refusal's code.
inline constexpr int kRunFailure = 125;
/// Its program is there and cannot be executed, likewise.
inline constexpr int kNotExecutable = 126;

/// Writes facts. Errors (a closed pipe, a full disk) are remembered.
void print(std::string_view text);
/// Flushes. Returns `code`, or kFailure with a complaint when something that
/// was printed did not arrive.
[[nodiscard]] int finish_output(int code);

/// "corral: TEXT" on standard error. Returns `code`.
int complain(std::string_view text, int code = kFailure);
int complain(const core::Error& error, int code = kFailure);
/// Returns the refusal's own exit code.
int complain(const core::Refused& refused);

}  // namespace cli
