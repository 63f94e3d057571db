// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/places.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "accounting/text/account_names.h"
#include "sys/directory.h"
#include "sys/whole_file.h"

namespace accounting {

namespace {

constexpr const char kDefaultGroup[] = "csaacct";

/// A mode in octal digits, as chmod(1) takes it.
std::optional<mode_t> mode_of(std::string_view text) {
  mode_t mode = 0;
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  const bool is_whole = end == text.data() + text.size();
  return code == std::errc() && is_whole && mode <= 07777 ? std::optional(mode)
                                                          : std::nullopt;
}

class Reader {
 public:
  Reader(CsaConf& conf, Console& console) : conf_(conf), console_(console) {}

  /// The value, or `fallback`, which is told.
  std::string text(std::string_view label, const std::string& fallback) {
    auto value = conf_.find(label);
    console_.complain(conf_.take_complaints());
    if (value && !value->empty()) return first_word(*value);
    console_.complain(std::string(label) + " is missing from '" + conf_.path() +
                      "', using (" + fallback + ") as the value.\n");
    return fallback;
  }
  /// The value of one of our own labels, or `fallback`.
  std::string own(std::string_view label, const std::string& fallback) {
    auto value = conf_.find(label);
    (void)conf_.take_complaints();
    return value && !value->empty() ? first_word(*value) : fallback;
  }
  /// Of several words, up to a comment.
  std::string list(std::string_view label, const std::string& fallback) {
    const auto value = conf_.find(label);
    (void)conf_.take_complaints();
    const std::string words =
        value ? value->substr(0, value->find('#')) : fallback;
    return words.substr(0, words.find_last_not_of(" \t") + 1);
  }
  Outcome<mode_t> mode(std::string_view label, const std::string& fallback) {
    const std::string value = text(label, fallback);
    if (const auto mode = mode_of(value)) return *mode;
    return stop(conf_.place_of(label) + ": " + std::string(label) + ": '" +
                value + "': expected a mode in octal digits");
  }

 private:
  /// What stands behind a value is a comment, if a blank divides them.
  static std::string first_word(const std::string& value) {
    return value.substr(0, value.find_first_of(" \t"));
  }

  CsaConf& conf_;
  Console& console_;
};

/// Those of a machine without a configuration.
Outcome<Places> usual_places(const CsaConf& conf) {
  if (::secure_getenv("CSACONFIG") != nullptr)
    return stop("CSACONFIG: there is no file '" + conf.path() + "'.");
  Places places;
  places.file_system = places.root;
  places.pacct = places.day() + "/pacct";
  places.group = AccountNames::gid_of(kDefaultGroup);
  return places;
}

std::optional<gid_t> group_of(const std::string& name, Console& console) {
  const auto gid = AccountNames::gid_of(name.c_str());
  if (!gid)
    console.complain("There is no group '" + name +
                     "' (CHGRP): files keep the group that they have.\n");
  return gid;
}

Outcome<void> must_be_absolute(const CsaConf& conf, std::string_view label,
                               const std::string& path) {
  if (path.starts_with('/')) return {};
  return stop(conf.place_of(label) + ": " + std::string(label) + ": '" + path +
              "': expected an absolute path");
}

}  // namespace

Outcome<Places> read_places(CsaConf& conf, Console& console) {
  if (!sys::is_there(conf.path())) return usual_places(conf);
  if (std::string why = conf.distrust(); !why.empty())
    return stop(std::move(why));
  Places places;
  Reader reader(conf, console);
  places.root = reader.own("ACCT_DIR", places.root);
  places.exits = reader.own("EXIT_DIR", places.exits);
  places.mailer = reader.own("MAILER", places.mailer);
  TRY(must_be_absolute(conf, "ACCT_DIR", places.root));
  TRY(must_be_absolute(conf, "EXIT_DIR", places.exits));
  places.file_system = reader.text("ACCT_FS", places.root);
  places.pacct = reader.text("PACCT_FILE", places.day() + "/pacct");
  places.folder_mode = TRY(reader.mode("CHMOD", "770"));
  places.mask = TRY(reader.mode("UMASK", "0017"));
  places.group = group_of(reader.text("CHGRP", kDefaultGroup), console);
  places.mailed_on_error = reader.list("MAIL_LIST", "root");
  places.mailed_on_warning = reader.list("WMAIL_LIST", "root");
  places.least_free =
      static_cast<std::uint64_t>(conf.integer("MIN_BLKS", 2000));
  console.complain(conf.take_complaints());
  if (conf.has_wrong_value())
    return stop("Nothing is done by a configuration that is wrong.");
  return places;
}

Outcome<void> make_folder(const Places& places, const std::string& folder) {
  if (::mkdir(folder.c_str(), places.folder_mode) < 0) {
    if (errno == EEXIST) return {};
    return stop("An error occurred creating directory '" + folder + "'.",
                errno);
  }
  const auto opened =
      sys::open_at(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (!opened)
    return stop("An error occurred opening directory '" + folder + "'.",
                opened.error().code);
  if (::fchmod(opened->get(), places.folder_mode) < 0)
    return stop("An error occurred changing the mode on '" + folder + "'.",
                errno);
  give_to_group(places, opened->get());
  return {};
}

void give_to_group(const Places& places, int file) {
  // Whoever is not root may not; the mask keeps others out all the same.
  if (places.group) (void)::fchown(file, -1U, *places.group);
}

Outcome<std::uint64_t> free_blocks(const std::string& folder) {
  struct statvfs status = {};
  if (::statvfs(folder.c_str(), &status) < 0)
    return stop("An error occurred getting the free space of '" + folder +
                    "' (ACCT_FS).",
                errno);
  return status.f_bavail * (status.f_frsize / 512) / 2;
}

std::uint64_t used_blocks(const std::string& folder) {
  std::uint64_t halves = 0;
  (void)sys::for_each_entry(
      AT_FDCWD, folder.c_str(), [&](const sys::DirectoryEntry& entry) {
        struct stat status = {};
        const std::string path = folder + "/" + entry.name;
        if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode))
          halves += static_cast<std::uint64_t>(status.st_blocks);
      });
  return halves / 2;
}

}  // namespace accounting
