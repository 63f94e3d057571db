// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/small_commands.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "accounting/billing/csa_conf.h"
#include "accounting/csa_summary_layout.h"
#include "accounting/cycle/fee_file.h"
#include "accounting/cycle/places.h"
#include "accounting/records/summary_file.h"
#include "accounting/text/account_names.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

constexpr mode_t kMode = 0660;

std::string named(const std::string& path) {
  return "file '" + path + "'";
}

/// Gives the file to its group.
Outcome<void> give_away(const Places& places, const std::string& path, int file,
                        const struct stat& status) {
  give_to_group(places, file);
  if ((status.st_mode & 0777) != kMode && ::fchmod(file, kMode) < 0)
    return stop(
        "An error occurred changing the mode on " + named(path) + " to '660'.",
        errno);
  return {};
}

/// The folder may be others' to write: a link in it, or a second name of a file
/// elsewhere, would give that one away.
Outcome<sys::UniqueFd> open_fee_file(const Places& places,
                                     const std::string& path) {
  sys::UniqueFd file(::open(path.c_str(),
                            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
                                O_NOCTTY | O_NOFOLLOW | O_NONBLOCK,
                            kMode));
  if (!file.is_open())
    return stop("An error occurred during the opening of " + named(path) + ".",
                errno);
  struct stat status = {};
  if (::fstat(file.get(), &status) < 0)
    return stop("An error occurred getting the status of " + named(path) + ".",
                errno);
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1)
    return stop("The " + named(path) +
                " is not what it should be: expected a regular file with one "
                "name.");
  TRY(give_away(places, path, file.get(), status));
  return file;
}

/// All of the record or nothing: half of one would hide all behind it. The
/// caller has locked the file.
Outcome<void> append(const std::string& path, int file,
                     std::string_view bytes) {
  struct stat before = {};
  if (::fstat(file, &before) < 0)
    return stop("An error occurred getting the status of " + named(path) + ".",
                errno);
  const ssize_t n = ::write(file, bytes.data(), bytes.size());
  if (n == static_cast<ssize_t>(bytes.size())) return {};
  const int code = n < 0 ? errno : ENOSPC;
  if (n > 0 && ::ftruncate(file, before.st_size) < 0)
    return stop("Half a record is at the end of " + named(path) + ".", errno);
  return stop("An error occurred during the writing of " + named(path) + ".",
              code);
}

Outcome<double> fee_of(const std::string& text) {
  char* end = nullptr;
  const double fee = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(fee))
    return stop("The charge fee '" + text +
                "' is not valid: expected a number that is not zero.");
  if (fee == 0)
    return stop(
        "A charge fee of zero is not valid.\n   Increase the value of "
        "the fee in the argument list.");
  return fee;
}

Outcome<void> charge(const Places& places, const std::string& user,
                     const std::string& fee) {
  const auto uid = AccountNames::uid_of(user.c_str());
  if (!uid) return stop("Unable to get the password entry for '" + user + "'.");
  csa::Consolidated record = {};
  record.head = csa::consolidated_head();
  record.uid = *uid;
  record.prid = csa::kNoLongId;
  record.fee = TRY(fee_of(fee));
  const std::string path = places.day() + "/fee";
  for (;;) {
    const sys::UniqueFd file = TRY(open_fee_file(places, path));
    if (::flock(file.get(), LOCK_EX) < 0)
      return stop("An error occurred locking " + named(path) + ".", errno);
    if (!is_fee_file(path, file.get())) continue;  // csaperiod put another
    return append(path, file.get(), bytes_of(record));
  }
}

}  // namespace

int csachargefee_command(const CommandLine& line, Console& console) {
  if (line.operands.size() != 2) return kWrongUse;
  CsaConf conf;
  const auto places = read_places(conf, console);
  if (!places) return console.give_up(places.error());
  const auto done = charge(*places, line.operands[0], line.operands[1]);
  return done ? 0 : console.give_up(done.error());
}

int csagetconfig_command(const CommandLine& line, Console& console) {
  if (line.operands.size() != 1) return kWrongUse;
  if (line.operands.front().empty()) {
    console.complain(
        "config(): A parameter requested of the config() routine was null.\n");
    return 1;
  }
  CsaConf conf;
  const auto value = conf.find(line.operands.front());
  console.complain(conf.take_complaints());
  if (value) console.out().add(*value);
  return value ? 0 : 1;
}

}  // namespace accounting
