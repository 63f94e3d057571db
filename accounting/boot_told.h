// SPDX-License-Identifier: Apache-2.0
// Which boot of the machine an accounting file's configuration records tell of.
// csabuild takes records with another boot time for another uptime, and a job
// of an earlier one without an end for one that the crash ended; so within one
// boot all of them must tell the same time, whatever was done to the clock.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>

#include "accounting/csa_encode.h"
#include "accounting/csa_group.h"
#include "core/error.h"
#include "sys/boot.h"

namespace accounting {

struct BootTold {
  std::int64_t boottime = 0;  ///< seconds since 1970
  std::int64_t curtime = 0;   ///< when that was written
  sys::BootId id = {};        ///< all 0: it does not tell
};

/// Of a configuration record; nothing: it is none.
[[nodiscard]] inline std::optional<BootTold> boot_told(const Group& group) {
  if (!group.configuration) return std::nullopt;
  BootTold told{.boottime = group.configuration->boottime,
                .curtime = group.configuration->curtime};
  const auto site = site_as<SiteOpened>(group, SiteKind::kOpened);
  if (site) std::memcpy(told.id.data(), site->boot_id, told.id.size());
  return told;
}

/// Is that the boot of `told`? By its id. Where one of them has none (a record
/// of a scope's or of another program's): if it began before that was written,
/// and at the same time; but for a step of the clock of less than a minute,
/// which is what csabuild allows.
[[nodiscard]] inline bool is_same_boot(const BootTold& told,
                                       const sys::Boot& boot) {
  constexpr std::int64_t kSlack = 60;
  if (told.id != sys::BootId{} && boot.id != sys::BootId{})
    return told.id == boot.id;
  const auto began = static_cast<std::int64_t>(boot.began.raw() / 1000000U);
  return began <= told.curtime && began - told.boottime <= kSlack &&
         told.boottime - began <= kSlack;
}

/// What a file's end tells of who wrote it before.
struct Before {
  std::optional<BootTold> boot;     ///< by the last configuration record
  std::optional<RecordKey> append;  ///< the last of Corral's
};

/// Reads the file backwards until it has both, at most `most_bytes`. Errors:
/// those of fstat(2) and pread(2).
[[nodiscard]] core::Result<Before> find_before(int file,
                                               std::uint64_t most_bytes);

/// Completes what encode() made of a FileOpened by the boot that it is in.
inline void tell_boot(RecordBytes& bytes, const sys::Boot& boot,
                      const std::optional<RecordKey>& before = {},
                      std::uint64_t torn_bytes = 0) {
  std::byte* const at = bytes.data + bytes.size - sizeof(SiteOpened);
  SiteOpened site = {};
  std::memcpy(&site, at, sizeof site);
  std::memcpy(site.boot_id, boot.id.data(), boot.id.size());
  if (before) {
    site.has_before = 1;
    site.before_instance = before->instance;
    site.before_key = before->key;
    site.torn_bytes = torn_bytes;
  }
  std::memcpy(at, &site, sizeof site);
  detail::end_append(bytes);
}

}  // namespace accounting
