// SPDX-License-Identifier: Apache-2.0
// What was before a supervisor: the store and the journal in it, or a new one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "supervisor/event_loop.h"
#include "supervisor/journal.h"
#include "supervisor/settings.h"
#include "supervisor/store_link.h"
#include "supervisor/takeover.h"
#include "sys/unique_fd.h"

namespace supervisor {

struct Past {
  std::unique_ptr<StoreLink> store;
  std::vector<StoreEntry> entries;  ///< of the store, without the journal
  Journal journal;
  bool is_new_journal = false;
  sys::UniqueFd hid_lock;  ///< InstanceId::lock
  Restored restored;
};

/// A descriptor that was passed to us by number, a link or a pidfd: ours alone
/// from now on, and never waited for. Errors: those of
/// fcntl(2), with the option that named it.
[[nodiscard]] core::Result<sys::UniqueFd> adopt_descriptor(int number,
                                                           const char* option);

/// Takes the store's link and all that it kept; `base` is the cgroups'
/// directory, empty: none. Errors: those of the links and of a new journal.
[[nodiscard]] core::Result<Past> look_back(EventLoop& loop,
                                           const Settings& settings,
                                           const std::string& base);

}  // namespace supervisor
