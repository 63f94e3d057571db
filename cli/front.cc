// SPDX-License-Identifier: Apache-2.0
// corral, as it is started: a static program, because `corral run COMMAND`
// where no instance is stands before every command of a script, and the C
// library that corral-command needs takes longer to start than many of those. A
// plain run, one without options, variables of ours and an instance, becomes
// corral-init here as corral-command would make it (cli/scope_command.cc);
// everything else, and whatever is in doubt, is corral-command's.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string_view>

#include "core/text.h"
#include "reaper/own_path.h"
#include "reaper/say.h"
#include "sys/program_places.h"

const char* const reaper::kOwnName = "corral";

namespace {

using Path = sys::ProgramPath;

/// corral's own exit code when nothing was run, as cli::kRunFailure.
constexpr int kRunFailure = 125;
/// So many words a plain run has at most, with ours before them.
constexpr std::size_t kMostWords = 4096;

/// A variable that is set to something; null otherwise, and for who may not
/// choose places (AT_SECURE).
const char* variable(const char* name) {
  const char* const value = ::secure_getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

/// The command of `corral run [--] COMMAND...`; null if there is anything else.
char** plain_command(char** argv) {
  if (argv[0] == nullptr || argv[1] == nullptr || argv[2] == nullptr)
    return nullptr;
  const std::string_view called(argv[0]);
  if (called != "corral" && !called.ends_with("/corral")) return nullptr;
  if (std::strcmp(argv[1], "run") != 0) return nullptr;
  char** const command = argv + (std::strcmp(argv[2], "--") == 0 ? 3 : 2);
  const bool is_named = *command != nullptr && **command != '\0' &&
                        (command == argv + 3 || **command != '-');
  return is_named ? command : nullptr;
}

/// Ours all begin so; what they mean, and whether they mean anything, is
/// corral-command's to tell (cli/variables.cc).
bool has_own_variables() {
  for (char** entry = ::environ; *entry != nullptr; ++entry)
    if (std::strncmp(*entry, "CORRAL_", 7) == 0) return true;
  return false;
}

/// What a closed one means corral-command sees to (cli/standard_fds.h).
bool has_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
    if (::fcntl(fd, F_GETFD) < 0) return false;
  return true;
}

/// Whether an instance's socket may be in the directory: only where it is
/// certain that there is none there is none.
bool may_have_socket(Path directory) {
  directory.append("/private");
  return directory.was_cut() || ::access(directory.c_str(), F_OK) == 0 ||
         errno != ENOENT;
}

/// The places of sys::find_places() (sys/places.cc), the system's and ours.
bool may_have_instance() {
  core::Text<20> uid;
  uid.append_unsigned(::geteuid());
  Path shared("/dev/shm/corral-");
  shared.append(uid.view());
  Path temporary;
  const char* const chosen = variable("TMPDIR");
  temporary.append(chosen != nullptr ? chosen : "/tmp");
  temporary.append("/corral-").append(uid.view());
  Path session;
  if (const char* const place = variable("XDG_RUNTIME_DIR"))
    session.append(place).append("/corral");
  return may_have_socket(Path("/run/corral")) || may_have_socket(temporary) ||
         may_have_socket(shared) ||
         (!session.view().empty() && may_have_socket(session));
}

/// The file for the records; false if it is not simply in the user's own state
/// directory.
bool find_pacct(Path& pacct) {
  const char* const state = variable("XDG_STATE_HOME");
  const char* const home = variable("HOME");
  const char* const session = variable("XDG_RUNTIME_DIR");
  if (state != nullptr) {
    if (*state != '/') return false;
    if (session != nullptr && std::strcmp(state, session) == 0) return false;
    pacct.append(state);
  } else {
    if (home == nullptr || *home != '/' || home[1] == '\0') return false;
    if (::access(home, W_OK | X_OK) < 0) return false;
    pacct.append(home).append("/.local/state");
  }
  pacct.append("/corral/pacct");
  return !pacct.was_cut();
}

/// Returns if corral-command is to do it.
void run_plainly(char** argv, const Path& own) {
  char** const command = plain_command(argv);
  if (command == nullptr || has_own_variables()) return;
  if (!has_standard_descriptors() || may_have_instance()) return;
  Path pacct;
  if (!find_pacct(pacct)) return;
  Path program;
  reaper::find_sibling(sys::OwnProgram::kInit, own.view(), program);

  static const char* words[kMostWords];  // no more of it is touched than used
  std::size_t size = 0;
  for (const char* const word :
       {program.c_str(), "--record", pacct.c_str(), "--reraise", "--"})
    words[size++] = word;
  for (char** word = command; *word != nullptr; ++word) {
    if (size + 1 == kMostWords) return;
    words[size++] = *word;
  }
  // If it cannot be executed corral-command finds that too, and says so.
  (void)::execv(program.c_str(), const_cast<char* const*>(words));
}

}  // namespace

int main(int, char** argv) {
  Path own;
  reaper::find_own_path(argv[0] != nullptr ? argv[0] : "", own);
  run_plainly(argv, own);
  Path program;
  reaper::find_sibling(sys::OwnProgram::kCommand, own.view(), program);
  (void)::execv(program.c_str(), argv);
  const int code = errno;
  reaper::Sentence text("cannot execute '");
  text.append(program.view()).append("': ").append(std::strerror(code));
  reaper::say(text.append("; it belongs to this program").view());
  return kRunFailure;
}
