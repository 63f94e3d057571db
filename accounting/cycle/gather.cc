// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/gather.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "accounting/append.h"
#include "accounting/cycle/parts.h"
#include "accounting/cycle/run_state.h"
#include "accounting/cycle/switched_file.h"
#include "accounting/next_file.h"
#include "accounting/packed_file.h"
#include "accounting/records/output_file.h"
#include "accounting/switched_name.h"
#include "accounting/text/report_pages.h"
#include "core/number_text.h"
#include "sys/directory.h"
#include "sys/file_size.h"

namespace accounting {

namespace {

constexpr std::string_view kPrefix = "pacct";
constexpr std::uint64_t kMost = UINT64_MAX;

std::string begun_path(const std::string& folder) {
  return folder + "/setup.begun";
}
std::string plan_path(const std::string& folder) {
  return folder + "/setup.plan";
}

/// One file, as a line of setup.plan.
struct Taken {
  std::uint64_t inode = 0;
  std::string from;
  std::string to;
  std::uint64_t begin = 0;  ///< bytes that earlier runs took
  std::uint64_t end = 0;    ///< of a copy; 0: the file itself is moved
  std::string keep;         ///< where a copied file waits; "-": nowhere
};

std::uint64_t inode_of(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

bool is_there(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0;
}

/// Takes the copy away that a `corral archive` left which was killed. Nothing
/// of a twin that holds something else.
Outcome<void> drop_copy(const std::string& plain, const std::string& packed) {
  const auto copy = sys::open_at(AT_FDCWD, packed.c_str(), O_RDONLY);
  const auto source = sys::open_at(AT_FDCWD, plain.c_str(), O_RDONLY);
  if (!copy || !source || !holds(copy->get(), source->get()).value_or(false))
    return stop("SETUP - '" + packed + "' holds something else than '" + plain +
                "'; compare both and remove one");
  (void)::unlink(packed.c_str());
  return {};
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  (void)sys::for_each_entry(AT_FDCWD, folder.c_str(),
                            [&](const sys::DirectoryEntry& entry) {
                              if (entry.name[0] != '.')
                                names.emplace_back(entry.name);
                            });
  std::ranges::sort(names);
  return names;
}

std::string line_of(const Taken& file) {
  return std::to_string(file.inode) + " " + file.from + " " + file.to + " " +
         std::to_string(file.begin) + " " + std::to_string(file.end) + " " +
         file.keep + "\n";
}

std::optional<Taken> parse_line(std::string_view line) {
  const auto words = split_words(line);
  if (words.size() != 6) return std::nullopt;
  const auto inode = core::parse_number(words[0], kMost);
  const auto begin = core::parse_number(words[3], kMost);
  const auto end = core::parse_number(words[4], kMost);
  if (!inode || !begin || !end) return std::nullopt;
  return Taken{.inode = *inode,
               .from = words[1],
               .to = words[2],
               .begin = *begin,
               .end = *end,
               .keep = words[5]};
}

/// To open a pipe would be to wait for who writes it.
Outcome<void> must_be_a_file(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) return {};
  return stop("SETUP - '" + path +
              "' has the name of an accounting file and is none: move it away");
}

/// What there is to take, once the file in use was switched.
class Planner {
 public:
  Planner(const Places& places, const std::string& folder)
      : places_(places), folder_(folder) {}

  Outcome<std::vector<Taken>> plan() {
    std::map<std::uint64_t, std::string> switched;  // by number
    for (const std::string& name : names_in(places_.day()))
      if (const auto found = parse_switched_name(name, kPrefix)) {
        const std::string path = places_.day() + "/" + name;
        TRY(must_be_a_file(path));
        // What is packed sorts behind what is not.
        const auto [at, is_new] = switched.emplace(found->number, path);
        if (!is_new) TRY(drop_copy(at->second, path));
      }
    // What an earlier boot left comes first: csabuild wants boots in order.
    for (const std::string& path : late_files())
      TRY(take_late(path));
    for (const auto& [number, path] : switched)
      TRY(take_switched(number, path));
    take_whole(places_.day() + "/dtmp", folder_ + "/Wdtmp");
    take_whole(places_.nite() + "/diskcacct", folder_ + "/Wdiskcacct");
    return std::move(files_);
  }

 private:
  [[nodiscard]] std::string late() const { return places_.work() + "/late"; }

  /// By the time of the last record.
  [[nodiscard]] std::vector<std::string> late_files() const {
    std::vector<std::pair<std::time_t, std::string>> files;
    for (const std::string& name : names_in(late())) {
      struct stat status = {};
      const std::string path = late() + "/" + name;
      if (::stat(path.c_str(), &status) == 0)
        files.emplace_back(status.st_mtime, path);
    }
    std::ranges::sort(files);
    std::vector<std::string> paths;
    for (auto& [time, path] : files)
      paths.push_back(std::move(path));
    return paths;
  }

  std::string next_name() {
    return folder_ + "/Wpacct" + std::to_string(++last_number_);
  }

  void take_whole(const std::string& from, const std::string& to) {
    const std::uint64_t inode = inode_of(from);
    if (inode == 0) return;
    files_.push_back({.inode = inode, .from = from, .to = to, .keep = "-"});
  }

  Outcome<void> take_switched(std::uint64_t number, const std::string& path) {
    if (number == 0) {
      take_whole(path, folder_ + "/Wpacct0");
      return {};
    }
    const auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    if (!file)
      return stop(
          "An error occurred during the opening of file '" + path + "'.",
          file.error().code);
    if (!has_writer(file->get())) {
      take_whole(path, next_name());
      return {};
    }
    const std::uint64_t inode = inode_of(path);
    const std::uint64_t size = size_at_rest(path);
    if (size == 0) return {};  // its first record is on its way
    files_.push_back({.inode = inode,
                      .from = path,
                      .to = next_name(),
                      .begin = 0,
                      .end = size,
                      .keep = kept(inode, size)});
    return {};
  }

  /// Takes what came into a file that waits.
  Outcome<void> take_late(const std::string& path) {
    const std::size_t dot = path.rfind('.');
    const auto begin = core::parse_number(path.substr(dot + 1), kMost);
    if (dot == std::string::npos || !begin) return {};
    const auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    if (!file) return {};
    const bool goes_on = has_writer(file->get());  // before its size is read
    const std::uint64_t size = size_at_rest(path);
    const std::uint64_t inode = inode_of(path);
    if (size <= *begin && goes_on) return {};
    files_.push_back({.inode = inode,
                      .from = path,
                      .to = size > *begin ? next_name() : "-",
                      .begin = *begin,
                      .end = size,
                      .keep = goes_on ? kept(inode, size) : "-"});
    return {};
  }

  [[nodiscard]] std::string kept(std::uint64_t inode,
                                 std::uint64_t size) const {
    return late() + "/" + std::to_string(inode) + "." + std::to_string(size);
  }

  /// While nobody is within an append of several writes, unless its writer was
  /// stopped there.
  static std::uint64_t size_at_rest(const std::string& path) {
    const auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDWR);
    if (!file) return 0;
    const auto lock = FileLock::try_take(file->get());
    return sys::size_of(file->get()).value_or(0);
  }

  const Places& places_;
  const std::string& folder_;
  std::vector<Taken> files_;
  int last_number_ = 0;
};

Outcome<void> copy_bytes(const Places& places, const Taken& file) {
  const auto input = sys::open_at(AT_FDCWD, file.from.c_str(), O_RDONLY);
  if (!input)
    return stop(
        "An error occurred during the opening of file '" + file.from + "'.",
        input.error().code);
  auto output = OutputFile::create(file.to);
  if (!output)
    return stop(
        "An error occurred during the opening of file '" + file.to + "'.",
        errno);
  give_to_group(places, output->fd());
  if (file.begin > 0) output->write(opening_record(file.from));
  constexpr std::size_t kPiece = 1U << 20U;
  std::string piece(kPiece, '\0');
  for (std::uint64_t at = file.begin; at < file.end;) {
    const ssize_t size = ::pread(input->get(), piece.data(),
                                 std::min<std::uint64_t>(kPiece, file.end - at),
                                 static_cast<off_t>(at));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0)
      return stop(
          "An error occurred during the reading of file '" + file.from + "'.",
          size < 0 ? errno : EIO);
    output->write({piece.data(), static_cast<std::size_t>(size)});
    at += static_cast<std::uint64_t>(size);
  }
  if (const int code = output->commit(); code != 0)
    return stop(
        "An error occurred during the writing of file '" + file.to + "'.",
        code);
  return {};
}

Outcome<void> move_to(const Taken& file, const std::string& to) {
  if (::rename(file.from.c_str(), to.c_str()) == 0) return {};
  return stop("SETUP - '" + file.from + "' cannot be moved to '" + to + "'",
              errno);
}

/// One line of the plan, or what is left of it. Another file may have the name
/// by now: that one is for the next run.
Outcome<void> take(const Places& places, const Taken& file) {
  const bool is_waiting = inode_of(file.from) == file.inode;
  if (file.end == 0 && file.begin == 0) {
    if (is_waiting && !is_there(file.to)) return move_to(file, file.to);
    if (is_there(file.to)) return {};
    return stop("SETUP - '" + file.from + "' is gone, and '" + file.to +
                "' is not there");
  }
  if (file.to != "-" && !is_there(file.to)) TRY(copy_bytes(places, file));
  if (!is_waiting) return {};
  if (file.keep != "-") return move_to(file, file.keep);
  (void)::unlink(file.from.c_str());
  return {};
}

std::string wishes_text(const RunWishes& wishes, std::uint64_t inode) {
  return std::string(wishes.takes_all ? "all" : "ended") + " " +
         std::to_string(wishes.verify_level) + " " + std::to_string(inode) +
         "\n";
}

struct Begun {
  RunWishes wishes;
  std::uint64_t inode = 0;  ///< of the file in use; 0: there was none
};

Outcome<Begun> read_begun(const std::string& folder) {
  const auto text = TRY(get_file(begun_path(folder)));
  if (!text) return Begun();
  const auto words = split_words(text->substr(0, text->find('\n')));
  const auto level =
      words.size() == 3 ? core::parse_number(words[1], 2) : std::nullopt;
  const auto inode =
      words.size() == 3 ? core::parse_number(words[2], kMost) : std::nullopt;
  if (!level || !inode)
    return stop(begun_path(folder) +
                ": expected a line 'ended|all LEVEL INODE'");
  return Begun{.wishes = {.takes_all = words[0] == "all",
                          .verify_level = static_cast<int>(*level)},
               .inode = *inode};
}

Outcome<std::vector<Taken>> read_plan(const std::string& folder,
                                      const std::string& text) {
  std::vector<Taken> files;
  for (const std::string_view line : lines_of(text)) {
    const auto file = parse_line(line);
    if (!file)
      return stop(plan_path(folder) + ": '" + std::string(line) +
                  "': expected INODE FROM TO BEGIN END KEEP");
    files.push_back(*file);
  }
  return files;
}

Outcome<std::vector<Taken>> make_plan(const Places& places,
                                      const std::string& folder,
                                      const SwitchPacct& switch_pacct) {
  const Begun begun = TRY(read_begun(folder));
  // It has another file: then the one before was switched.
  if (begun.inode != 0 && inode_of(places.pacct) == begun.inode)
    TRY(switch_pacct(places));
  TRY(make_folder(places, places.work() + "/late"));
  const auto files = TRY(Planner(places, folder).plan());
  std::string text;
  for (const Taken& file : files)
    text += line_of(file);
  TRY(put_file(places, plan_path(folder), text));
  return files;
}

}  // namespace

Outcome<void> note_begin(const Places& places, const std::string& folder,
                         const RunWishes& wishes) {
  return put_file(places, begun_path(folder),
                  wishes_text(wishes, inode_of(places.pacct)));
}

Outcome<RunWishes> noted_wishes(const std::string& folder) {
  return TRY(read_begun(folder)).wishes;
}

Outcome<void> gather_files(const Places& places, const std::string& folder,
                           const SwitchPacct& switch_pacct) {
  const auto text = TRY(get_file(plan_path(folder)));
  std::vector<Taken> files;
  if (text)
    files = TRY(read_plan(folder, *text));
  else
    files = TRY(make_plan(places, folder, switch_pacct));
  for (const Taken& file : files)
    TRY(take(places, file));
  // A day without a file is one without jobs.
  if (!is_there(folder + "/Wpacct1"))
    TRY(begin_next(places, folder + "/Wpacct1"));
  sync_folder(places.day());
  sync_folder(folder);
  return {};
}

}  // namespace accounting
