// SPDX-License-Identifier: Apache-2.0
#include "supervisor/kept_handles.h"

#include "sys/foreign_fds.h"

namespace supervisor {

namespace {

constexpr std::string_view kSuffixes[] = {".in",    ".out",  ".err",   ".link",
                                          ".scope", ".main", ".place", ".gate",
                                          ".taker", ".life"};
static_assert(std::size(kSuffixes) ==
              static_cast<std::size_t>(HandleKind::kLast) + 1);

std::string_view suffix_of(HandleKind kind) {
  return kSuffixes[static_cast<std::size_t>(kind)];
}

/// The others are ours.
bool is_lent_by_client(HandleKind kind) {
  return kind == HandleKind::kInput || kind == HandleKind::kOutput ||
         kind == HandleKind::kError || kind == HandleKind::kLifetime;
}

}  // namespace

std::string KeptHandles::name_of(core::JobId jid, HandleKind kind) {
  return std::string(core::path_name(jid).view()).append(suffix_of(kind));
}

void KeptHandles::put(core::JobId jid, HandleKind kind, sys::UniqueFd fd) {
  sys::foreign_fds().lend(fd.get());
  auto& kept = handles_[{jid, kind}];
  kept = std::make_shared<const sys::UniqueFd>(std::move(fd));
  store_.put_soon(name_of(jid, kind), kept);
}

int KeptHandles::find(core::JobId jid, HandleKind kind) const {
  const auto at = handles_.find({jid, kind});
  return at == handles_.end() ? -1 : at->second->get();
}

std::shared_ptr<const sys::UniqueFd> KeptHandles::share(core::JobId jid,
                                                        HandleKind kind) const {
  const auto at = handles_.find({jid, kind});
  return at == handles_.end() ? nullptr : at->second;
}

void KeptHandles::drop(core::JobId jid, HandleKind kind) {
  if (handles_.erase({jid, kind}) != 0) store_.drop_soon(name_of(jid, kind));
}

void KeptHandles::drop_all(core::JobId jid) {
  for (std::size_t i = 0; i < std::size(kSuffixes); ++i)
    drop(jid, static_cast<HandleKind>(i));
}

bool KeptHandles::adopt(std::string_view name, sys::UniqueFd fd) {
  for (std::size_t i = 0; i < std::size(kSuffixes); ++i) {
    if (!name.ends_with(kSuffixes[i])) continue;
    const auto jid = core::job_of_path_name(
        name.substr(0, name.size() - kSuffixes[i].size()));
    if (!jid) return false;
    const auto kind = static_cast<HandleKind>(i);
    if (is_lent_by_client(kind)) {
      sys::foreign_fds().mark(fd.get(), sys::ForeignFds::kSomebody);
      sys::foreign_fds().lend(fd.get());
    }
    handles_[{*jid, kind}] =
        std::make_shared<const sys::UniqueFd>(std::move(fd));
    return true;
  }
  return false;
}

void KeptHandles::put_again() {
  for (const auto& [key, fd] : handles_)
    store_.put(name_of(key.first, key.second), fd->get());
}

}  // namespace supervisor
