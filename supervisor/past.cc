// SPDX-License-Identifier: Apache-2.0
#include "supervisor/past.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "supervisor/instance_id.h"
#include "supervisor/log.h"

namespace supervisor {

core::Result<sys::UniqueFd> adopt_descriptor(int number, const char* option) {
  const int flags = ::fcntl(number, F_GETFL);
  if (flags < 0) return core::fail(errno, "use the descriptor of", option);
  sys::UniqueFd descriptor(number);
  if (::fcntl(number, F_SETFD, FD_CLOEXEC) < 0 ||
      ::fcntl(number, F_SETFL, flags | O_NONBLOCK) < 0)
    return core::fail(errno, "set up the descriptor of", option);
  return descriptor;
}

namespace {

/// As the store kept it, or taken anew.
sys::UniqueFd inherited_lock(std::vector<StoreEntry>& entries,
                             std::uint32_t hid, const std::string& base) {
  if (hid != 0 || base.empty()) return {};
  for (StoreEntry& entry : entries)
    if (entry.name == kHidLockName) return std::move(entry.fd);
  auto lock = lock_hid(base);
  if (lock) return *std::move(lock);
  spdlog::warn("'{}' is another instance's too: {}", base,
               text_of(lock.error().message()));
  return {};
}

}  // namespace

core::Result<Past> look_back(EventLoop& loop, const Settings& settings,
                             const std::string& base) {
  sys::PidFd process;
  if (settings.store_pidfd >= 0)
    process = sys::PidFd(
        TRY(adopt_descriptor(settings.store_pidfd, "--store-pidfd")));
  auto store = std::make_unique<StoreLink>(
      loop, TRY(adopt_descriptor(settings.store_fd, "--store-fd")),
      std::move(process));
  auto entries = store->list();
  // One that is gone, also because it was silent, is replaced.
  if (!entries && entries.error().code != EPIPE)
    return std::unexpected(std::move(entries).error());
  Inheritance inheritance = sort_inheritance(
      entries ? *std::move(entries) : std::vector<StoreEntry>());
  const Remembering remembering{.most = settings.site.remember,
                                .within = settings.site.remember_for};
  if (inheritance.journal) {
    auto restored = replay(*inheritance.journal, remembering);
    if (restored) {
      sys::UniqueFd lock = inherited_lock(inheritance.others,
                                          restored->history.counters.hid, base);
      return Past{.store = std::move(store),
                  .entries = std::move(inheritance.others),
                  .journal = *std::move(inheritance.journal),
                  .is_new_journal = false,
                  .hid_lock = std::move(lock),
                  .restored = *std::move(restored)};
    }
    spdlog::critical("the journal cannot be understood: {}; starting a new one",
                     text_of(restored.error().message()));
  }
  Past past{.store = std::move(store),
            .entries = std::move(inheritance.others),
            .journal = TRY(Journal::create()),
            .is_new_journal = true,
            .hid_lock = {},
            .restored = {}};
  past.restored.table.set_remembering(remembering);
  InstanceId id = TRY(id_for(settings.places, base));
  past.restored.history.counters.hid = id.hid;
  past.hid_lock = std::move(id.lock);
  std::vector<std::byte> bytes;
  core::encode(past.restored.history.counters, bytes);
  (void)TRY(past.journal.append(bytes));
  return past;
}

}  // namespace supervisor
