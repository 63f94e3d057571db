// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string_view>
#include <utility>

#include "accounting/csa_file.h"
#include "accounting/cycle/switched_file.h"
#include "accounting/next_file.h"
#include "accounting/packed_file.h"
#include "accounting/records/output_file.h"
#include "accounting/switched_name.h"
#include "core/try.h"
#include "sys/clock.h"
#include "sys/directory.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

using What = ArchiveStep::What;

constexpr std::uint64_t kSecond = 1000000;  // usec

/// PATHn, PATHn.zst, or both.
struct Switched {
  std::string plain;   ///< empty: it is not there
  std::string packed;  ///< likewise
};

/// By their numbers.
std::map<std::uint64_t, Switched> switched_files(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string name =
      slash == std::string::npos ? path : path.substr(slash + 1);
  std::map<std::uint64_t, Switched> files;
  const std::string folder = folder_of(path);
  (void)sys::for_each_entry(
      AT_FDCWD, folder.c_str(), [&](const sys::DirectoryEntry& entry) {
        const auto found = parse_switched_name(entry.name, name);
        struct stat status = {};
        if (!found || found->number == 0 ||
            ::stat((folder + "/" + entry.name).c_str(), &status) < 0 ||
            !S_ISREG(status.st_mode))
          return;
        Switched& file = files[found->number];
        (found->is_packed ? file.packed : file.plain) =
            path + std::string(entry.name).substr(name.size());
      });
  return files;
}

struct Facts {
  std::uint64_t size = 0;
  std::uint64_t changed_us = 0;
};

std::optional<Facts> facts_of(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) < 0) return std::nullopt;
  return Facts{.size = static_cast<std::uint64_t>(status.st_size),
               .changed_us =
                   static_cast<std::uint64_t>(status.st_mtim.tv_sec) * kSecond};
}

bool is_gone(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) < 0 && errno == ENOENT;
}

/// Owner, rights and times: whoever might read it may go on, and its age is
/// that of its last record.
core::Result<void> take_facts(int to, const struct stat& from) {
  if (::fchown(to, from.st_uid, from.st_gid) < 0 && errno != EPERM)
    return core::fail(errno, "chown");
  if (::fchmod(to, from.st_mode & 0777) < 0) return core::fail(errno, "chmod");
  const timespec times[2] = {from.st_atim, from.st_mtim};
  if (::futimens(to, times) < 0) return core::fail(errno, "set the time of");
  return {};
}

core::Result<void> write_packed(int plain, const std::string& to) {
  struct stat status = {};
  if (::fstat(plain, &status) < 0) return core::fail(errno, "fstat");
  auto output = OutputFile::create(to);
  if (!output) return core::fail(errno, "create", to);
  TRY(pack(plain, [&](std::span<const std::byte> bytes) -> core::Result<void> {
    output->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (output->error() != 0) return core::fail(output->error(), "write", to);
    return {};
  }));
  TRY(take_facts(output->fd(), status));
  if (const int code = output->commit(); code != 0)
    return core::fail(code, "write", to);
  sync_folder(folder_of(to));
  return {};
}

/// Takes the plain file away if the packed one has all of it.
core::Result<std::uint64_t> replace(int plain, const Switched& file) {
  const auto packed =
      TRY(sys::open_at(AT_FDCWD, file.packed.c_str(), O_RDONLY));
  if (!TRY(holds(packed.get(), plain)))
    return core::fail(kDamagedPack, "compare with its source", file.packed);
  struct stat status = {};
  if (::fstat(packed.get(), &status) < 0) return core::fail(errno, "fstat");
  if (::unlink(file.plain.c_str()) < 0)
    return core::fail(errno, "remove", file.plain);
  sync_folder(folder_of(file.plain));
  return static_cast<std::uint64_t>(status.st_size);
}

class Archive {
 public:
  Archive(const std::string& path, const ArchiveRules& rules)
      : path_(path), rules_(rules), files_(switched_files(path)) {}

  std::vector<ArchiveStep> run() && {
    if (!rules_.is_trial) remove_leftovers(folder_of(path_));
    const std::string youngest = youngest_file();
    for (auto& [number, file] : files_)
      if (!file.plain.empty()) pack_one(file, file.plain == youngest);
    remove_old(youngest);
    return std::move(steps_);
  }

 private:
  /// As recovery has it: by the time of the last record.
  [[nodiscard]] std::string youngest_file() const {
    std::string youngest;
    std::uint64_t when = 0;
    for (const auto& [number, file] : files_) {
      const auto facts = facts_of(file.plain);
      if (file.plain.empty() || !facts || facts->changed_us < when) continue;
      youngest = file.plain;
      when = facts->changed_us;
    }
    return youngest;
  }

  void pack_one(Switched& file, bool is_youngest) {
    ArchiveStep& step = steps_.emplace_back();
    step.path = file.plain;
    const auto plain = sys::open_at(AT_FDCWD, file.plain.c_str(),
                                    O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const auto facts = facts_of(file.plain);
    if (is_gone(file.plain)) return leave(file);
    if (!plain || !facts) return fail(step, plain ? errno : plain.error().code);
    step.size = facts->size;
    if (is_youngest)
      return keep(step, "the youngest is looked into after a crash");
    if (has_writer(plain->get())) return keep(step, "it may still be written");
    step.what = What::kPacked;
    if (rules_.is_trial) return;
    const bool is_there = !file.packed.empty();  // of a run that was killed
    file.packed = file.plain + std::string(kPackedEnding);
    if (!is_there)
      if (const auto written = write_packed(plain->get(), file.packed);
          !written)
        return give_up(file, step, written.error());
    const auto packed = replace(plain->get(), file);
    if (!packed) return give_up(file, step, packed.error());
    step.packed = *packed;
    file.plain.clear();
  }

  static void keep(ArchiveStep& step, std::string_view why) {
    step.what = What::kKept;
    step.why = why;
  }
  static void fail(ArchiveStep& step, int code) {
    step.what = What::kFailed;
    step.why = words_of_reading(code);
  }
  /// To who was faster, and tells of it: another archive.
  void leave(Switched& file) {
    steps_.pop_back();
    file.packed = std::exchange(file.plain, {}) + std::string(kPackedEnding);
  }
  void give_up(Switched& file, ArchiveStep& step, const core::Error& error) {
    if (is_gone(file.plain)) return leave(file);
    file.packed.clear();
    step.what = What::kFailed;
    step.why = error.code == kDamagedPack
                   ? "'" + step.path + std::string(kPackedEnding) +
                         "' holds something else; compare both and remove one"
                   : std::string(error.message().view());
  }

  /// The oldest first.
  void remove_old(const std::string& youngest) {
    struct Old {
      std::uint64_t changed_us;
      std::uint64_t size;
      std::string path;
    };
    std::vector<Old> all;
    std::uint64_t total = 0;
    for (const auto& [number, file] : files_) {
      const std::string& path = file.plain.empty() ? file.packed : file.plain;
      const auto facts = facts_of(path);
      if (!facts) continue;
      total += facts->size;
      if (path != youngest)
        all.push_back({facts->changed_us, facts->size, path});
    }
    std::ranges::sort(all, {}, &Old::changed_us);
    const std::uint64_t now = sys::real_now().raw();
    for (const Old& old : all) {
      const bool is_old =
          rules_.keep_for &&
          now - std::min(now, old.changed_us) > rules_.keep_for->raw();
      const bool is_much = rules_.keep_size && total > *rules_.keep_size;
      if (!is_old && !is_much) continue;
      if (remove_one(old.path, old.size,
                     is_old ? "it is older than is kept"
                            : "all are larger than is kept"))
        total -= old.size;
    }
  }

  bool remove_one(const std::string& path, std::uint64_t size,
                  std::string_view why) {
    ArchiveStep step = {.path = path,
                        .what = What::kRemoved,
                        .size = size,
                        .why = std::string(why)};
    const auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
    if (file && has_writer(file->get())) return false;  // that was said
    int code = file ? 0 : file.error().code;
    if (file && !rules_.is_trial && ::unlink(path.c_str()) < 0) code = errno;
    if (code == ENOENT) return true;  // by another archive, which tells of it
    if (code != 0)
      fail(step, code);
    else if (!rules_.is_trial)
      sync_folder(folder_of(path));
    const bool is_removed = step.what == What::kRemoved;
    steps_.push_back(std::move(step));
    return is_removed;
  }

  const std::string& path_;
  const ArchiveRules& rules_;
  std::map<std::uint64_t, Switched> files_;
  std::vector<ArchiveStep> steps_;
};

}  // namespace

std::vector<ArchiveStep> archive(const std::string& path,
                                 const ArchiveRules& rules) {
  return Archive(path, rules).run();
}

}  // namespace accounting
