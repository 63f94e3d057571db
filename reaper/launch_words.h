// SPDX-License-Identifier: Apache-2.0
// Why a command could not run, as one sentence for people.
#pragma once

#include <errno.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "core/launch_stage.h"
#include "reaper/say.h"

namespace reaper {

/// "cannot execute 'foo': no such file, searched PATH=/bin:/usr/bin".
/// `search` is null when the name was not searched for.
[[nodiscard]] inline Sentence sentence_of(const core::LaunchFailure& failure,
                                          const char* program,
                                          const char* search,
                                          const char* cwd = nullptr) {
  Sentence text;
  if (failure.stage != core::LaunchStage::kExec) {
    text.append("cannot start '").append(program).append("': ");
    text.append(core::name_of(failure.stage));
    if (failure.stage == core::LaunchStage::kDirectory && cwd != nullptr)
      text.append(" to '").append(cwd).append("'");
    return text.append(": ").append(std::strerror(failure.code));
  }
  text.append("cannot execute '").append(program).append("': ");
  const bool was_searched =
      search != nullptr && std::strchr(program, '/') == nullptr;
  if (failure.code == ENOENT && was_searched)
    return text.append("no such file, searched PATH=").append(search);
  if (failure.code == ENOENT && ::access(program, F_OK) == 0)
    return text.append("the interpreter it names does not exist");
  if (failure.code == ENOEXEC)
    return text.append("no program for this machine, nor a script");
  return text.append(std::strerror(failure.code));
}

}  // namespace reaper
