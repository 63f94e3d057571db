// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/ja_session.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "accounting/reports/ja.h"
#include "accounting/reports/ja_options.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

/// What csa.h calls ACCT_PATH: names of files are shorter.
constexpr std::size_t kLongestName = 128;
constexpr mode_t kMode = 0644;

struct JobFileName {
  std::string path;
  bool is_usual = false;  ///< not named: it goes when its accounting stops
};

/// Of an environment that a program with more rights than its caller must not
/// believe nothing is taken.
std::string temporary_folder() {
  for (const char* const name : {"ACCT_TMPDIR", "TMPDIR"})
    if (const char* const folder = ::secure_getenv(name)) return folder;
  return "/tmp";
}

Outcome<JobFileName> name_of(const CommandLine& line,
                             const JobFileControl& control) {
  if (!line.operands.empty()) return JobFileName{.path = line.operands.front()};
  const std::uint64_t jid = TRY(control.jid());
  char digits[20] = {};
  (void)std::snprintf(digits, sizeof digits, "%llx",
                      static_cast<unsigned long long>(jid));
  JobFileName name = {.path = temporary_folder() + "/.jacct" + digits,
                      .is_usual = true};
  if (name.path.size() >= kLongestName)
    return stop("The file name exceeds the maximum length of 128 characters.");
  return name;
}

/// A link in the usual place, which everybody may write, is nobody's file.
Outcome<sys::UniqueFd> open_file(const JobFileName& name) {
  auto file = sys::open_at(AT_FDCWD, name.path.c_str(),
                           O_RDWR | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK |
                               (name.is_usual ? O_NOFOLLOW : 0),
                           kMode);
  if (!file)
    return stop("An error occurred creating file '" + name.path + "'.",
                file.error().code);
  struct stat status = {};
  if (::fstat(file->get(), &status) < 0 || !S_ISREG(status.st_mode) ||
      (name.is_usual && status.st_uid != ::geteuid()))
    return stop("An error occurred creating file '" + name.path + "'.", EACCES);
  return *std::move(file);
}

Outcome<void> start(const CommandLine& line, const JobFileName& name,
                    Console& console, const JobFileControl& control) {
  const sys::UniqueFd file = TRY(open_file(name));
  control.sync();  // the mark is behind what has ended
  struct stat status = {};
  if (::fstat(file.get(), &status) < 0)
    return stop(
        "An error occurred getting the status of file '" + name.path + "'.",
        errno);
  TRY(control.start(file.get()));
  if (line.has('m')) console.out().number(status.st_size);
  return {};
}

Outcome<void> end(const JobFileName& name, Console& console,
                  const JobFileControl& control) {
  TRY(control.stop());
  if (name.is_usual && ::unlink(name.path.c_str()) < 0)
    console.complain(with_system_error(
        "An error occurred during the removal of file '" + name.path + "'.",
        errno));
  return {};
}

Outcome<void> run(const ja::Options& options, const CommandLine& line,
                  Console& console, const JobFileControl& control) {
  const JobFileName name = TRY(name_of(line, control));
  if (options.has_report()) {
    control.sync();
    TRY(ja::report(options, line.program, name.path, console));
  } else if (!line.has('t')) {
    return start(line, name, console, control);
  }
  if (line.has('t')) return end(name, console, control);
  return {};
}

}  // namespace

int ja_command(const CommandLine& line, Console& console,
               const JobFileControl& control) {
  const auto options = ja::read_options(line);
  if (!options) return console.give_up(options.error());
  if (line.operands.size() > 1) return kWrongUse;
  const auto done = run(*options, line, console, control);
  return done ? 0 : console.give_up(done.error());
}

}  // namespace accounting
