// SPDX-License-Identifier: Apache-2.0
// What a run needs to start a program of the site's (a user exit, the mail
// program) and to wait for it.
#pragma once

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/error.h"

namespace accounting {

/// posix_spawn_file_actions_t, freed.
struct SpawnActions {
  SpawnActions() { (void)::posix_spawn_file_actions_init(&value); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { (void)::posix_spawn_file_actions_destroy(&value); }
  posix_spawn_file_actions_t value = {};
};

/// As posix_spawn(3) takes them, into `texts`, and null at their end.
inline std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The wait status of our child.
inline core::Result<int> status_of_child(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return core::fail(errno, "wait for", "a program");
  return status;
}

}  // namespace accounting
