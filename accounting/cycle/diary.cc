// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/diary.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "accounting/cycle/mail.h"
#include "sys/directory.h"

namespace accounting {

namespace {

constexpr mode_t kMode = 0664;

/// Two files of one name may be named; the folder is the site's.
core::Result<sys::UniqueFd> open_log(const std::string& path, int flags) {
  return sys::open_at(
      AT_FDCWD, path.c_str(),
      O_WRONLY | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | flags, kMode);
}

bool is_standard_error(int file) {
  struct stat one = {};
  struct stat other = {};
  return ::fstat(file, &one) == 0 && ::fstat(STDERR_FILENO, &other) == 0 &&
         one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

}  // namespace

bool has_size(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && status.st_size > 0;
}

std::vector<std::string> error_files(const Places& places, const Stamp& stamp) {
  std::vector<std::string> files;
  (void)sys::for_each_entry(
      AT_FDCWD, places.nite().c_str(), [&](const sys::DirectoryEntry& entry) {
        const std::string name = entry.name;
        if (!name.starts_with('E') || !name.ends_with(stamp.text())) return;
        const std::string path = places.nite() + "/" + name;
        if (has_size(path))
          files.push_back(path);
        else
          (void)::unlink(path.c_str());
      });
  std::ranges::sort(files);
  return files;
}

Outcome<void> Diary::begin() {
  const auto file = open_log(path_, O_TRUNC);
  if (!file)
    return stop("An error occurred during the opening of file '" + path_ + "'.",
                file.error().code);
  give_to_group(places_, file->get());
  return {};
}

void Diary::append(const std::string& path, std::string_view text) {
  const auto file = open_log(path, O_APPEND);
  const bool is_written =
      file && ::write(file->get(), text.data(), text.size()) ==
                  static_cast<ssize_t>(text.size());
  if (!is_written)
    console_.complain(program_ + ": cannot write '" + path +
                      "'; it was to say:\n" + std::string(text));
}

void Diary::note(std::string_view text) {
  append(path_,
         date_text(std::time(nullptr)) + " - " + std::string(text) + "\n");
}

void Diary::more(std::string_view text) {
  append(path_, "\t" + std::string(text) + "\n");
}

void Diary::announce(const std::string& text) const {
  ::openlog(program_.c_str(), LOG_NDELAY, LOG_CRON);
  ::syslog(LOG_NOTICE, "%s", text.c_str());
  ::closelog();
}

void Diary::complain(const std::string& text) {
  console_.complain(program_ + ": " + text);
  const std::string path = places_.nite() + "/fd2log";
  // Cron sends standard error there as a rule.
  const auto file = open_log(path, O_APPEND);
  if (file && is_standard_error(file->get())) return;
  append(path, date_text(std::time(nullptr)) + " - " + program_ + ": " + text);
}

void Diary::alarm(const std::string& text, const std::string& advice) {
  complain(text + advice);  // first: to mail may take long
  complain(send({.label = "MAIL_LIST",
                 .to = places_.mailed_on_error,
                 .subject = "CSA errors of " + program_,
                 .text = text + advice},
                places_.mailer));
}

int Diary::fail(const Stop& reason, const std::string& kept,
                const std::string& advice) {
  note(program_ + " error");
  more("Error: " +
       reason.text.substr(0, reason.text.find_last_not_of('\n') + 1));
  const std::string where =
      ::rename(path_.c_str(), kept.c_str()) == 0 ? kept : path_;
  const std::string errors = "**** CSA ERRORS : see " + where + " ****";
  announce(errors);
  alarm(reason.text + errors + "\n", advice);
  return reason.code == 0 ? 1 : reason.code;
}

void Diary::warn(const std::vector<std::string>& files) {
  std::string text;
  std::string line = "   ";
  for (const std::string& file : files) {
    text += "   " + file + "\n";
    line += " " + file;
  }
  note("CLEANUP: *** Non-fatal error messages in\n" + line);
  text = "Accounting completed but non-fatal errors in:\n" + text;
  complain(text);
  complain(send({.label = "WMAIL_LIST",
                 .to = places_.mailed_on_warning,
                 .subject = "CSA warnings of " + program_,
                 .text = text},
                places_.mailer));
}

}  // namespace accounting
