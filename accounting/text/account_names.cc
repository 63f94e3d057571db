// SPDX-License-Identifier: Apache-2.0
#include "accounting/text/account_names.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>

#include "core/number_text.h"
#include "sys/users.h"

namespace accounting {

const std::string& AccountNames::user(std::uint32_t uid) {
  if (last_user_ != nullptr && uid == last_uid_) return *last_user_;
  auto found = users_.find(uid);
  if (found == users_.end())
    found =
        users_.emplace(uid, sys::user_name(core::Uid(uid)).value_or("?")).first;
  last_uid_ = uid;
  last_user_ = &found->second;  // a map's elements stay where they are
  return found->second;
}

const std::string& AccountNames::group(std::uint32_t gid) {
  const auto found = groups_.find(gid);
  if (found != groups_.end()) return found->second;
  const auto names = sys::group_names({core::Gid(gid)});
  const bool has_name = names && !names->empty();
  return groups_.emplace(gid, has_name ? names->front() : "?").first->second;
}

std::optional<std::uint32_t> AccountNames::uid_of(const char* name) {
  const passwd* const entry = ::getpwnam(name);
  if (entry == nullptr) return std::nullopt;
  return entry->pw_uid;
}

std::optional<std::uint32_t> AccountNames::gid_of(const char* name) {
  const ::group* const entry = ::getgrnam(name);
  if (entry == nullptr) return std::nullopt;
  return entry->gr_gid;
}

std::optional<std::uint32_t> AccountNames::id_of(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto id = core::parse_number(text, UINT32_MAX);
  if (!id) return std::nullopt;
  return static_cast<std::uint32_t>(*id);
}

}  // namespace accounting
