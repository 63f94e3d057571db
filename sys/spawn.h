// SPDX-License-Identifier: Apache-2.0
// Starting another program and waiting for it, with the parts of posix_spawn(3)
// and execve(2) as owners.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/error.h"

namespace sys {

/// posix_spawn_file_actions_t and posix_spawnattr_t, freed.
struct SpawnPlan {
  SpawnPlan() {
    (void)::posix_spawn_file_actions_init(&actions);
    (void)::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    (void)::posix_spawnattr_destroy(&attributes);
    (void)::posix_spawn_file_actions_destroy(&actions);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  posix_spawn_file_actions_t actions = {};
  posix_spawnattr_t attributes = {};
};

/// Every signal as a new program expects it: default and not blocked. An errno.
[[nodiscard]] inline int set_clean_signals(SpawnPlan& plan) {
  sigset_t all;
  sigset_t none;
  (void)::sigfillset(&all);
  (void)::sigemptyset(&none);
  (void)::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  (void)::posix_spawnattr_setsigmask(&plan.attributes, &none);
  return ::posix_spawnattr_setflags(
      &plan.attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/// As execve(2) takes words: into `words`, and null at their end.
[[nodiscard]] inline std::vector<char*> argument_pointers(
    std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The wait(2) status of our child, when it has ended. Errors: ECHILD.
[[nodiscard]] inline core::Result<int> await_child(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return core::fail(errno, "waitpid");
  return status;
}

}  // namespace sys
