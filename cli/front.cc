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
#include <sys/auxv.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string_view>

#include "core/job_result.h"
#include "core/text.h"
#include "sys/own_path.h"
#include "sys/runtime_places.h"
#include "sys/unique_fd.h"

namespace {

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

/// Whether somebody holds the lock on the file, or that is not known. Asked for
/// a shared one: two that ask do not mistake each other for an instance.
bool may_be_locked(const char* path) {
  const auto file = sys::open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW);
  if (!file) return file.error().code != ENOENT;
  return ::flock(file->get(), LOCK_SH | LOCK_NB) < 0;
}

/// Whether an instance may live in the directory (sys/instance_lock.h): only
/// where it is certain that there is none there is none. One that begins, or
/// whose socket was removed, has its lock.
bool may_be_an_instances(std::string_view directory) {
  sys::PlacePath path(directory);
  if (may_be_locked(path.c_str())) return true;
  path.append("/private");
  if (::access(path.c_str(), F_OK) == 0 || errno != ENOENT) return true;
  path.append(".lock");
  return path.was_cut() || may_be_locked(path.c_str());
}

bool may_have_instance() {
  const sys::RuntimePlaces places(::geteuid(), variable("XDG_RUNTIME_DIR"),
                                  variable("TMPDIR"));
  return places.were_cut() || places.any_of(may_be_an_instances);
}

/// The file for the records; false if it is not simply in the user's own state
/// directory: in the runtime directory, which is to be made first, say.
bool find_pacct(sys::PlacePath& pacct) {
  if (!sys::find_state_home(variable("XDG_STATE_HOME"), variable("HOME"),
                            pacct))
    return false;
  const char* const session = variable("XDG_RUNTIME_DIR");
  if (session != nullptr && pacct.view() == session) return false;
  pacct.append("/corral/pacct");
  return pacct.view().starts_with('/') && !pacct.was_cut();
}

/// Returns if corral-command is to do it.
void run_plainly(char** argv, const char* called) {
  char** const command = plain_command(argv);
  if (command == nullptr || has_own_variables()) return;
  if (!has_standard_descriptors() || may_have_instance()) return;
  sys::PlacePath pacct;
  if (!find_pacct(pacct)) return;
  sys::ProgramPath own;
  sys::find_own_path(called, own);
  sys::ProgramPath program;
  sys::find_sibling(sys::OwnProgram::kInit, own.view(), program);

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
  // argv[0] is a caller's word; this is the path that the kernel was given.
  // NOLINTNEXTLINE(performance-no-int-to-ptr): it gives it as a number
  const auto* called = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (called == nullptr) called = "";
  run_plainly(argv, called);
  sys::ProgramPath program;
  const int code =
      sys::become_sibling(sys::OwnProgram::kCommand, called, argv, program);
  // A command line that does not fit with ours before it: as a shell would say.
  const bool is_too_long = code == E2BIG;
  char** const command = is_too_long ? plain_command(argv) : nullptr;
  core::Text<8190> text("corral: cannot execute '");
  text.append_printable(command != nullptr ? *command : program.c_str());
  text.append("': ").append(std::strerror(code));
  if (!is_too_long)
    text.append("; it belongs beside 'corral' or in ../" CORRAL_LIBEXECDIR
                "/corral, or CORRAL_LIBEXEC names its directory");
  text.append("\n");
  (void)!::write(STDERR_FILENO, text.c_str(), text.size());
  return is_too_long ? 126 : core::kOwnFailureCode;
}
