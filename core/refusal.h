// SPDX-License-Identifier: Apache-2.0
// What the domain answers when it says no: the one form of refusal of the port
// (core/job_control.h, core/accounting_control.h).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "core/authority.h"
#include "core/ids.h"

namespace core {

/// Why the domain said no. Each has one D-Bus error name and one exit code
/// (bus/refusal_names.h).
enum class Refusal : std::uint8_t {
  kNoSuchJob,
  kNameTaken,  ///< a live job of this owner has the name
  kAccessDenied,
  kInvalid,       ///< the request contradicts itself; the text says how
  kNotSupported,  ///< the engine or the host cannot
  kSandboxed,     ///< a sandboxed caller asks for a detached job
  kNoSuchUser,
  kEnded,        ///< the job has ended
  kTooMany,      ///< a bound of the instance was reached
  kUnavailable,  ///< the reaper is away or the instance is going down
  kNoSuchProcess,
  kProgramNotFound,  ///< the job's; it has ended
  kNotExecutable,    ///< likewise: the program was found
  kLaunchFailed,     ///< likewise: it did not come so far
};

/// A refusal and the sentence for people: what, on what, what was expected.
struct Refused {
  Refusal why = Refusal::kInvalid;
  std::string text;
  Verb verb = Verb::kSee;  ///< that was denied: kAccessDenied only
};

template <class T>
using Answer = std::expected<T, Refused>;

/// A refusal as a function returns it. `verb`: what was denied, with
/// kAccessDenied only.
[[nodiscard]] inline std::unexpected<Refused> refuse(Refusal why,
                                                     std::string text,
                                                     Verb verb = Verb::kSee) {
  return std::unexpected(
      Refused{.why = why, .text = std::move(text), .verb = verb});
}

/// A request that is wrong in itself; `text` says how, and what was expected.
[[nodiscard]] inline Refused invalid(std::string text) {
  return {.why = Refusal::kInvalid, .text = std::move(text)};
}

/// "job 0x12", as every sentence names a job.
[[nodiscard]] inline std::string job_text(JobId jid) {
  return "job " + std::string(display(jid).view());
}

/// As kill(2) has it: 0 asks whether a signal could be sent, and sends none.
constexpr bool is_probe(SignalNumber signal) {
  return signal.raw() == 0;
}

/// kInvalid, if it is neither a signal nor 0.
[[nodiscard]] inline Answer<void> check_signal(SignalNumber signal) {
  if (is_probe(signal) || is_signal(signal.raw())) return {};
  return refuse(Refusal::kInvalid,
                std::to_string(signal.raw()) +
                    " is no signal, expected 1 to 64, or 0 to send none");
}

[[nodiscard]] inline std::unexpected<Refused> refuse_ended(JobId jid) {
  return refuse(Refusal::kEnded, job_text(jid) + " has ended");
}

}  // namespace core
