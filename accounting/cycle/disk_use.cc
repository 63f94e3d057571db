// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/disk_use.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "accounting/csa_summary_layout.h"
#include "accounting/cycle/disk_quota.h"
#include "accounting/cycle/disk_walk.h"
#include "accounting/cycle/parts.h"
#include "accounting/cycle/places.h"
#include "accounting/cycle/run_state.h"
#include "accounting/records/output_file.h"
#include "accounting/records/summary_file.h"
#include "accounting/text/account_names.h"
#include "core/number_text.h"

namespace accounting {

namespace {

/// Lines of standard input, without their line feeds; a name may be any bytes
/// but those.
class InputLines {
 public:
  InputLines() = default;
  InputLines(const InputLines&) = delete;
  InputLines& operator=(const InputLines&) = delete;
  ~InputLines() { std::free(line_); }  // NOLINT(cppcoreguidelines-no-malloc)

  std::optional<std::string> next() {
    const ssize_t size = ::getline(&line_, &room_, stdin);
    if (size <= 0) return std::nullopt;
    std::string text(line_, static_cast<std::size_t>(size));
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }

 private:
  char* line_ = nullptr;
  std::size_t room_ = 0;
};

// --- acctdusg [-u file] [-p file]

std::unexpected<Stop> cannot_open(const std::string& path,
                                  const std::string& before = "") {
  return stop(before + "ERROR - cannot open file: " + path + "\nExiting.");
}

/// The users of a file in passwd(5)'s form.
Outcome<std::map<std::uint32_t, std::string>> users_in(
    const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(
      std::fopen(path.c_str(), "re"), std::fclose);
  if (file == nullptr) return cannot_open(path);
  std::map<std::uint32_t, std::string> users;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
  while (const passwd* const entry = ::fgetpwent(file.get()))
    users.emplace(entry->pw_uid, entry->pw_name);
  if (users.empty())
    return stop("Error - no users exist?  This shouldn't happen.");
  return users;
}

/// Charges each file of standard input to its owner.
class Charger {
 public:
  Charger(std::optional<std::map<std::uint32_t, std::string>> users,
          std::optional<OutputFile> unowned)
      : users_(std::move(users)), unowned_(std::move(unowned)) {}

  Outcome<void> run(Console& console) {
    InputLines lines;
    while (const auto path = lines.next())
      charge(*path);
    for (const auto& [uid, blocks] : use_.blocks())
      if (blocks > 0) write(console.out(), uid, blocks);
    if (!unowned_) return {};
    if (const int code = unowned_->commit(); code != 0)
      return stop("An error occurred during the writing of the file of -u.",
                  code);
    return {};
  }

 private:
  void charge(const std::string& path) {
    struct stat status = {};
    if (::lstat(path.c_str(), &status) < 0) return;  // gone meanwhile
    const std::string name = name_of(status.st_uid);
    if (!name.empty()) {
      (void)use_.add(status);
    } else if (unowned_) {
      ReportText text;
      text.number(status.st_uid, 5).add('\t');
      text.number(status.st_blocks, 7).add('\t').add(path).add('\n');
      unowned_->write(text.view());
    }
  }
  std::string name_of(std::uint32_t uid) {
    if (!users_) {
      const std::string& name = names_.user(uid);
      return name == "?" ? "" : name;
    }
    const auto found = users_->find(uid);
    return found == users_->end() ? "" : found->second;
  }
  void write(ReportText& text, std::uint32_t uid, std::uint64_t blocks) {
    const std::string digits = std::to_string(uid);
    text.add(std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0'));
    text.add(digits).add('\t').left(name_of(uid), 8, 8).add('\t');
    text.number(static_cast<std::int64_t>(blocks), 7).add('\n');
  }

  std::optional<std::map<std::uint32_t, std::string>> users_;
  std::optional<OutputFile> unowned_;
  AccountNames names_;
  DiskUse use_;
};

Outcome<void> charge_input(const CommandLine& line, Console& console) {
  std::optional<OutputFile> unowned;
  if (const auto* const path = line.value('u')) {
    const std::string before = *path + ".bak";
    if (::rename(path->c_str(), before.c_str()) < 0 && errno != ENOENT)
      return stop("Error renaming " + *path + " to " + before + ".", errno);
    unowned = OutputFile::create(*path);
    if (!unowned)
      return cannot_open(*path, "Unable to open file for -u option...: " +
                                    std::string(std::strerror(errno)) + "\n");
  }
  std::optional<std::map<std::uint32_t, std::string>> users;
  if (const auto* const path = line.value('p')) users = TRY(users_in(*path));
  return Charger(std::move(users), std::move(unowned)).run(console);
}

// --- acctdisk

/// "UID NAME BLOCKS" as a consolidated record.
std::optional<csa::Consolidated> record_of(std::string_view line) {
  const auto words = split_words(line);
  if (words.size() != 3) return std::nullopt;
  const auto uid = core::parse_number(words[0], UINT32_MAX);
  char* end = nullptr;
  const double blocks = std::strtod(words[2].c_str(), &end);
  const bool is_number =
      words[2].find_first_not_of("0123456789.eE+-") == std::string::npos &&
      *end == '\0';
  if (!uid || !is_number || !(blocks >= 0)) return std::nullopt;
  csa::Consolidated record = {};
  record.head = csa::consolidated_head();
  record.uid = static_cast<std::uint32_t>(*uid);
  record.gid = csa::kNoId;
  record.prid = record.jid = record.ash = csa::kNoLongId;
  record.disk_use = blocks;
  record.disk_samples = 1;
  return record;
}

Outcome<void> convert_input(Console& console) {
  InputLines lines;
  for (int number = 1;; ++number) {
    const auto line = lines.next();
    if (!line) return {};
    const auto record = record_of(*line);
    if (!record)
      return stop("Error occurred scanning 'stdin': line " +
                  std::to_string(number) + ": '" + *line +
                  "': expected UID NAME BLOCKS");
    console.out().add(bytes_of(*record));
    console.breathe();
  }
}

// --- dodisk [-q] [mount points]

/// What users have below the folders, or in their file systems.
Outcome<DiskUse> look_around(const std::vector<std::string>& folders,
                             bool by_quota, Console& console) {
  DiskUse use;
  std::string faults;
  std::set<dev_t> counted;
  bool has_any = false;
  for (const std::string& folder : folders) {
    struct stat status = {};
    if (::stat(folder.c_str(), &status) < 0 || !S_ISDIR(status.st_mode)) {
      console.complain("dodisk: " + folder +
                       " is not a directory -- ignored\n");
      continue;
    }
    has_any = true;
    if (by_quota)
      TRY(add_quotas(folder, use, counted));
    else if (const auto walked = walk(folder, use, faults); !walked)
      return stop("'" + folder + "' cannot be walked.", walked.error().code);
  }
  if (!has_any) return stop("dodisk: No data");
  if (!faults.empty())
    console.complain("dodisk: these could not be looked at:\n" + faults);
  return use;
}

Outcome<void> do_disk(const CommandLine& line, Console& console) {
  CsaConf conf;
  const Places places = TRY(read_places(conf, console));
  (void)::umask(places.mask);
  auto folders = line.operands;
  if (folders.empty()) folders.emplace_back("/");
  const DiskUse use = TRY(look_around(folders, line.has('q'), console));
  std::string unowned;
  const std::string text = use_text(use, unowned);
  if (!unowned.empty())
    console.complain("dodisk: nobody is charged for files of:\n" + unowned);
  std::string records;
  for (const auto& [uid, blocks] : use.blocks()) {
    const auto record =
        record_of(std::to_string(uid) + " - " + std::to_string(blocks));
    const bool is_charged = blocks > 0 && AccountNames().user(uid) != "?";
    if (is_charged && record) records += bytes_of(*record);
  }
  for (const std::string& folder : {places.day(), places.nite()})
    TRY(make_folder(places, folder));
  TRY(put_file(places, places.day() + "/dtmp", text));
  return put_file(places, places.nite() + "/diskcacct", records);
}

// --- nulladm file...

/// Empty, of the accounting user and group, 0664. Not what is no regular file.
Outcome<void> empty_file(const Places& places, const std::string& path) {
  constexpr mode_t kMode = 0664;
  const auto file = sys::open_at(
      AT_FDCWD, path.c_str(),
      O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, kMode);
  if (!file)
    return stop("An error occurred during the opening of file '" + path + "'.",
                file.error().code);
  struct stat status = {};
  if (::fstat(file->get(), &status) < 0 || !S_ISREG(status.st_mode) ||
      status.st_nlink != 1)
    return stop("File '" + path +
                "' is not what it should be: expected a regular file with one "
                "name.");
  const auto owner = AccountNames::uid_of("csaacct");
  if (::geteuid() == 0 && owner) (void)::fchown(file->get(), *owner, -1U);
  give_to_group(places, file->get());
  if (::fchmod(file->get(), kMode) < 0 || ::ftruncate(file->get(), 0) < 0)
    return stop("An error occurred during the writing of file '" + path + "'.",
                errno);
  return {};
}

int finish(const Outcome<void>& done, Console& console) {
  return done ? 0 : console.give_up(done.error());
}

}  // namespace

int acctdusg_command(const CommandLine& line, Console& console) {
  for (const auto& [letter, argument] : line.options)
    if (letter == 'u' && (argument.empty() || argument[0] == '-'))
      return kWrongUse;
  return finish(charge_input(line, console), console);
}

int acctdisk_command(const CommandLine& /*line*/, Console& console) {
  return finish(convert_input(console), console);
}

int dodisk_command(const CommandLine& line, Console& console) {
  return finish(do_disk(line, console), console);
}

int nulladm_command(const CommandLine& line, Console& console) {
  if (line.operands.empty()) return kWrongUse;
  CsaConf conf;
  const auto places = read_places(conf, console);
  if (!places) return console.give_up(places.error());
  int code = 0;
  for (const std::string& path : line.operands)
    if (const auto done = empty_file(*places, path); !done)
      code = console.give_up(done.error());
  return code;
}

}  // namespace accounting
