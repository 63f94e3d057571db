// SPDX-License-Identifier: Apache-2.0
#include "supervisor/lifetimes.h"

#include <cerrno>
#include <utility>
#include <vector>

#include "supervisor/log.h"

namespace supervisor {

void Lifetimes::keep(core::JobId jid, core::Handle lifeline) {
  if (lifeline.is_open())
    handles_.put(jid, HandleKind::kLifetime,
                 sys::UniqueFd(std::move(lifeline)));
}

void Lifetimes::watch(core::JobId jid) {
  const int fd = handles_.find(jid, HandleKind::kLifetime);
  if (fd < 0) return;
  const auto added = lines_.add(fd, jid.raw());
  if (!added && added.error().code != EEXIST) {
    spdlog::error("job {} will not end with its creator: {}",
                  core::display(jid).view(), text_of(added.error().message()));
    return;
  }
  if (!watch_.is_open())
    watch_ = IoWatch(loop_, lines_.get(), Readiness::kRead,
                     [this](Readiness) { look(); });
}

void Lifetimes::forget(core::JobId jid) {
  const int fd = handles_.find(jid, HandleKind::kLifetime);
  if (fd < 0) return;
  lines_.remove(fd);
  handles_.drop(jid, HandleKind::kLifetime);
}

void Lifetimes::look() {
  std::vector<core::JobId> gone;
  lines_.tell([&gone](std::uint64_t key) { gone.emplace_back(key); });
  for (const core::JobId jid : gone) {
    // Not dropped: after a crash before the journal has it, it is told again.
    lines_.remove(handles_.find(jid, HandleKind::kLifetime));
    on_end_(jid);
  }
}

}  // namespace supervisor
