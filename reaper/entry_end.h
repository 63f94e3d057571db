// SPDX-License-Identifier: Apache-2.0
// EntryEnd: what an entrypoint says of ends that were not expected, and the
// exit code that it ends with itself.
#pragma once

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ids.h"
#include "core/job_result.h"
#include "core/quantity.h"
#include "reaper/end_words.h"
#include "reaper/entry_rules.h"
#include "reaper/reap.h"
#include "reaper/say.h"
#include "reaper/sweep.h"
#include "sys/own_cgroup.h"

namespace reaper {

class EntryEnd {
 public:
  EntryEnd(const EntryRules& rules, sys::OomWatch& memory)
      : rules_(rules), memory_(memory) {}

  /// A process of the job other than the main one has ended.
  void note_orphan(const DeadChild& child, bool is_killing) {
    const std::int32_t status = child.wait_status;
    const bool is_odd = !core::status_is_exit(status) && !is_killing &&
                        is_fault(core::signal_of(status));
    if (!is_odd && !wants_code()) return;
    const core::Text<16> name = name_of(child);
    if (is_odd) tell(end_words(name.view(), child.pid, result_of(status)));
    take_code(name.view(), status);
  }

  void note_main(std::string_view program, const DeadChild& child) {
    const std::int32_t status = child.wait_status;
    if (wants_code()) take_code(name_of(child).view(), status);
    if (rules_.code_from == nullptr) code_ = core::shell_code(status);
    main_ = child.pid;
    program_ = program;
  }

  /// What is known of an end beside its status: a SIGKILL after which the
  /// kernel's count of kills for lack of memory has grown is one of them.
  [[nodiscard]] core::JobResult result_of(std::int32_t status) const {
    core::JobResult result = core::plain_result(status);
    if (core::signal_of(status) == SIGKILL &&
        memory_.new_kills().value_or(0) > 0)
      result.reason = core::Reason::kOutOfMemory;
    return result;
  }

  /// The command has left somebody behind who is ended now.
  void say_left(const Survivors& survivors) const {
    tell(left_words(survivors));
  }
  /// The grace is over.
  void say_killed(const Survivors& survivors, core::Microseconds grace) const {
    if (survivors.count > 0) tell(killed_words(survivors, grace));
  }

  /// The job has ended; the exit code.
  [[nodiscard]] int finish(const core::JobResult& result,
                           const SignalBits& passed_on) const {
    const int code = rules_.map_code(code_.value_or(core::kOwnFailureCode));
    if (!code_) tell(unseen_words(rules_.code_from));
    const bool is_plain = result.reason <= core::Reason::kDumpedCore;
    if (is_plain &&
        (is_expected_end(result.wait_status, passed_on) || code == 0))
      return code;
    const Sentence words = end_words(program_, main_, result);
    tell(words);
    leave_last_words(rules_.last_words, words.view());
    return code;
  }

 private:
  [[nodiscard]] bool wants_code() const {
    return rules_.code_from != nullptr && !code_;
  }
  void take_code(std::string_view name, std::int32_t status) {
    if (!wants_code()) return;
    // The kernel keeps 15 bytes of a name (prctl(2), PR_SET_NAME).
    std::string_view wanted(rules_.code_from);
    if (wanted.size() > 15) wanted.remove_suffix(wanted.size() - 15);
    if (name == wanted) code_ = core::shell_code(status);
  }
  void tell(const Sentence& words) const {
    if (!rules_.is_quiet) say(words.view());
  }

  const EntryRules& rules_;
  sys::OomWatch& memory_;
  std::optional<int> code_;
  core::Pid main_;
  std::string_view program_;
};

}  // namespace reaper
