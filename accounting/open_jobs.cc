// SPDX-License-Identifier: Apache-2.0
#include "accounting/open_jobs.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "accounting/boot_told.h"
#include "accounting/csa_file.h"
#include "accounting/recovery.h"
#include "sys/file_size.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

/// Of the hid of a private instance (core/ids.h).
constexpr std::uint32_t kPrivate = 0x80000000U;

class Search {
 public:
  Search(std::uint32_t hid, const sys::Boot& boot) : hid_(hid), boot_(boot) {}

  core::Result<void> read(sys::UniqueFd file, std::uint64_t from) {
    CsaReader reader(std::move(file), from);
    for (;;) {
      const auto group = TRY(reader.next());
      if (!group) return {};
      take(*group);
    }
  }

  FoundJobs finish() && {
    for (const auto& [jid, job] : open_)
      found_.open.push_back(job);
    return std::move(found_);
  }

 private:
  void take(const Group& group) {
    if (!group.is_sound) return;
    if (const auto told = boot_told(group))
      is_this_boot_ = is_same_boot(*told, boot_);
    if (!group.site) return;  // none of ours
    const core::JobId jid(group.site->head.jid);
    if (jid == core::kNoJob || !is_heir(hid_, core::hid_of(jid))) return;
    if (core::hid_of(jid) == hid_)
      found_.last_sequence =
          std::max(found_.last_sequence, core::sequence_of(jid));
    if (group.end) open_.erase(jid);
    if (!group.start) return;
    open_[jid] = {
        .jid = jid,
        .uid = core::Uid(group.start->uid),
        .started = core::RealTime(
            static_cast<std::uint64_t>(group.start->btime) * 1000000U),
        .instance = group.site->head.instance,
        .is_of_this_boot = is_of_this_boot(*group.start)};
  }

  /// By the configuration record before it; if that is too far back, by its
  /// time.
  [[nodiscard]] bool is_of_this_boot(const csa::StartOfJob& start) const {
    const auto began = static_cast<std::int64_t>(boot_.began.raw() / 1000000U);
    return is_this_boot_.value_or(start.btime >= began);
  }

  std::uint32_t hid_;
  const sys::Boot& boot_;
  std::optional<bool> is_this_boot_;
  std::map<core::JobId, OpenJob> open_;
  FoundJobs found_;
};

/// Reads what was written last into the file that was switched away before
/// `path`, if there is one: at most `most` bytes of it.
core::Result<void> read_switched(const std::string& path, std::uint64_t most,
                                 Search& search) {
  const std::string before = youngest_switched_file(path);
  if (before.empty()) return {};
  auto file = sys::open_at(AT_FDCWD, before.c_str(), O_RDONLY);
  if (!file) return {};  // taken away meanwhile
  const std::uint64_t size = TRY(sys::size_of(file->get()));
  return search.read(*std::move(file), size > most ? size - most : 0);
}

}  // namespace

bool is_heir(std::uint32_t hid, std::uint32_t other) {
  return hid == other || (hid & other & kPrivate) != 0;
}

core::Result<FoundJobs> find_open_jobs(const std::string& path,
                                       std::uint32_t hid,
                                       std::uint64_t most_bytes,
                                       const sys::Boot& boot) {
  Search search(hid, boot);
  auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK);
  if (!file && file.error().code != ENOENT)
    return std::unexpected(std::move(file).error());
  std::uint64_t size = 0;
  if (file) size = TRY(sys::size_of(file->get()));
  if (size < most_bytes) TRY(read_switched(path, most_bytes - size, search));
  if (file)
    TRY(search.read(*std::move(file),
                    size > most_bytes ? size - most_bytes : 0));
  return std::move(search).finish();
}

}  // namespace accounting
