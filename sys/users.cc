// SPDX-License-Identifier: Apache-2.0
#include "sys/users.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>

#include "core/number_text.h"
#include "core/try.h"

namespace sys {

namespace {

constexpr std::size_t kMostGroups = 8192;  ///< they are told in one packet
constexpr std::size_t kLargestEntry = 16U << 20;

/// One of getpwnam_r(3) and its like, with a buffer that grows as asked.
/// Errors: ESRCH when there is no such entry.
template <class Entry, class Look>
core::Result<void> ask(Entry& entry, std::vector<char>& buffer,
                       const Look& look, const char* operation) {
  Entry* found = nullptr;
  int code = 0;
  while ((code = look(entry, buffer, found)) == ERANGE) {
    if (buffer.size() >= kLargestEntry) break;
    buffer.resize(buffer.size() * 2);
  }
  if (found != nullptr) return {};
  // Modules disagree about what they say for "no such user": getpwnam(3).
  const bool is_none = code == 0 || code == ENOENT || code == ESRCH ||
                       code == EBADF || code == EPERM;
  return core::fail(is_none ? ESRCH : code, operation);
}

template <class Look>
core::Result<User> look_up(const Look& look) {
  std::vector<char> buffer(4096);
  passwd entry = {};
  TRY(ask(entry, buffer, look, "look up user"));
  return User{.name = entry.pw_name,
              .uid = core::Uid(entry.pw_uid),
              .gid = core::Gid(entry.pw_gid),
              .groups = {},
              .home = entry.pw_dir,
              .shell = entry.pw_shell};
}

core::Result<User> user_by_name(const std::string& name) {
  return look_up([&](passwd& entry, std::vector<char>& buffer, passwd*& found) {
    return ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(),
                        &found);
  });
}

core::Result<User> user_by_uid(std::uint32_t number) {
  return look_up([&](passwd& entry, std::vector<char>& buffer, passwd*& found) {
    return ::getpwuid_r(number, &entry, buffer.data(), buffer.size(), &found);
  });
}

std::optional<std::uint32_t> number_of(const std::string& word) {
  // (uid_t) -1 means "leave it" to setresuid(2): it is nobody.
  const auto number = core::parse_number(word, UINT32_MAX - 1);
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

core::Result<void> add_groups(User& user) {
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  while (::getgrouplist(user.name.c_str(), user.gid.raw(), groups.data(),
                        &count) < 0) {
    if (groups.size() > kMostGroups) return core::fail(E2BIG, "look up groups");
    // Since glibc 2.3.3 it says how many there are; others say nothing.
    groups.resize(std::max<std::size_t>(static_cast<std::size_t>(count),
                                        groups.size() * 2));
    count = static_cast<int>(groups.size());
  }
  if (count > static_cast<int>(kMostGroups))
    return core::fail(E2BIG, "look up groups");
  for (int i = 0; i < count; ++i)
    user.groups.emplace_back(groups[static_cast<std::size_t>(i)]);
  return {};
}

core::Result<User> with_groups(core::Result<User> user) {
  if (user) TRY(add_groups(*user));
  return user;
}

}  // namespace

core::Result<User> find_user(const std::string& word) {
  auto user = user_by_name(word);
  if (user || user.error().code != ESRCH) return with_groups(std::move(user));
  const auto number = number_of(word);
  if (!number) return user;
  user = find_user(core::Uid(*number));
  if (!user && user.error().code == ESRCH)
    return User{.name = {},
                .uid = core::Uid(*number),
                .gid = core::Gid(*number),
                .groups = {},
                .home = {},
                .shell = {}};
  return user;
}

core::Result<core::Gid> find_group(const std::string& name) {
  std::vector<char> buffer(4096);
  group entry = {};
  TRY(ask(
      entry, buffer,
      [&name](group& into, std::vector<char>& room, group*& found) {
        return ::getgrnam_r(name.c_str(), &into, room.data(), room.size(),
                            &found);
      },
      "look up group"));
  return core::Gid(entry.gr_gid);
}

core::Result<User> find_user(core::Uid uid) {
  return with_groups(user_by_uid(uid.raw()));
}

core::Result<std::string> user_name(core::Uid uid) {
  return TRY(user_by_uid(uid.raw())).name;
}

core::Result<std::vector<std::string>> group_names(
    const std::vector<core::Gid>& groups) {
  std::vector<std::string> names;
  std::vector<char> space(4096);
  for (const core::Gid gid : groups) {
    group entry = {};
    const auto found = ask(
        entry, space,
        [gid](group& to, std::vector<char>& buffer, group*& answer) {
          return ::getgrgid_r(gid.raw(), &to, buffer.data(), buffer.size(),
                              &answer);
        },
        "look up group");
    if (found)
      names.emplace_back(entry.gr_name);
    else if (found.error().code != ESRCH)
      return std::unexpected(found.error());
  }
  return names;
}

}  // namespace sys
