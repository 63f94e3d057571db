// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/user_exit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "accounting/trusted_file.h"
#include "core/error.h"
#include "sys/spawn.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

constexpr const char kShell[] = "/bin/sh";

/// True: it is there and may be run. Who may write the folder may put another
/// script there before the shell opens it.
Outcome<bool> look_at(const std::string& folder, const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return stop("User exit '" + path + "' cannot be looked at.", errno);
  }
  if (!S_ISREG(status.st_mode))
    return stop("User exit '" + path + "': expected a regular file.");
  if ((status.st_mode & S_IWOTH) != 0)
    return stop("User exit '" + path +
                "' may be written by everybody: it is not run.");
  std::string distrust = distrust_of(path, status);
  if (distrust.empty() && ::stat(folder.c_str(), &status) == 0)
    distrust = distrust_of(folder, status);
  if (!distrust.empty())
    return stop("User exit '" + path + "' is not run: " + distrust + ".");
  if (::access(path.c_str(), R_OK) < 0)
    return stop("User exit '" + path + "' cannot be read.", errno);
  return status.st_size > 0;
}

/// The environment of this process with the variables put before it: a shell
/// takes the last of two, so those that have our names are left out.
std::vector<std::string> environment(const UserExit& exit) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : exit.variables)
    texts.push_back(name + "=" + value);
  for (char** at = ::environ; *at != nullptr; ++at) {
    const std::string_view text = *at;
    const std::string_view name = text.substr(0, text.find('='));
    bool is_ours = false;
    for (const auto& [ours, value] : exit.variables)
      is_ours = is_ours || ours == name;
    if (!is_ours) texts.emplace_back(text);
  }
  return texts;
}

/// The wait status of a shell that has read the script in.
core::Result<int> run_shell(const UserExit& exit, const std::string& path,
                            int errors) {
  std::vector<std::string> words = {kShell, "-c", ". \"$0\"", path};
  std::vector<std::string> variables = environment(exit);
  sys::SpawnPlan spawn;
  (void)::posix_spawn_file_actions_adddup2(&spawn.actions, errors,
                                           STDERR_FILENO);
  (void)::posix_spawn_file_actions_addchdir_np(&spawn.actions,
                                               exit.folder.c_str());
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, kShell, &spawn.actions, nullptr,
                                 sys::argument_pointers(words).data(),
                                 sys::argument_pointers(variables).data());
  if (code != 0) return core::fail(code, "start", kShell);
  return sys::await_child(pid);
}

}  // namespace

Outcome<bool> run_user_exit(const Places& places, const UserExit& exit) {
  const std::string path = places.exits + "/" + exit.name;
  const bool is_there = TRY(look_at(places.exits, path));
  if (!is_there) return false;
  const auto errors = sys::open_at(
      AT_FDCWD, exit.errors.c_str(),
      O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_NOCTTY, 0660);
  if (!errors)
    return stop(
        "An error occurred during the opening of file '" + exit.errors + "'.",
        errors.error().code);
  give_to_group(places, errors->get());
  const auto status = run_shell(exit, path, errors->get());
  if (!status)
    return stop("User exit '" + path + "' could not be run.",
                status.error().code);
  if (*status == 0) return true;
  const std::string how = WIFEXITED(*status)
                              ? "code " + std::to_string(WEXITSTATUS(*status))
                              : "signal " + std::to_string(WTERMSIG(*status));
  return stop(exit.name + " errors (" + how + ")\n\tSee " + exit.errors);
}

}  // namespace accounting
