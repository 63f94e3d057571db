// SPDX-License-Identifier: Apache-2.0
#include "supervisor/names_worker.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace supervisor {

namespace {

// The request is the text of a name or number, after '=' if it must be a
// number. The answer is a UserHead, the groups, and three texts.

constexpr std::size_t kMostWorkers = 4;
constexpr core::Microseconds kPatience = core::seconds(10);
constexpr std::size_t kLongestName = 1024;
constexpr std::size_t kMostGroups = 8192;  ///< an answer is one packet
constexpr std::size_t kLargestEntry = 16U << 20;

struct UserHead {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t group_count = 0;
  std::uint32_t name_size = 0;
  std::uint32_t home_size = 0;
  std::uint32_t shell_size = 0;
};

void append(std::vector<std::byte>& bytes, std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

void encode_user(const User& user, std::vector<std::byte>& bytes) {
  const auto size_of = [](const auto& items) {
    return static_cast<std::uint32_t>(items.size());
  };
  const UserHead head = {.uid = user.uid.raw(),
                         .gid = user.gid.raw(),
                         .group_count = size_of(user.groups),
                         .name_size = size_of(user.name),
                         .home_size = size_of(user.home),
                         .shell_size = size_of(user.shell)};
  append(bytes, std::as_bytes(std::span(&head, 1)));
  append(bytes, std::as_bytes(std::span(user.groups)));
  append(bytes, std::as_bytes(std::span(user.name)));
  append(bytes, std::as_bytes(std::span(user.home)));
  append(bytes, std::as_bytes(std::span(user.shell)));
}

std::optional<User> decode_user(std::span<const std::byte> bytes) {
  UserHead head;
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  const std::uint64_t size = sizeof head +
                             std::uint64_t{head.group_count} * sizeof(gid_t) +
                             head.name_size + head.home_size + head.shell_size;
  if (size != bytes.size()) return std::nullopt;
  bytes = bytes.subspan(sizeof head);
  User user;
  user.uid = core::Uid(head.uid);
  user.gid = core::Gid(head.gid);
  for (std::uint32_t i = 0; i < head.group_count; ++i) {
    std::uint32_t group = 0;
    std::memcpy(&group, bytes.data(), sizeof group);
    bytes = bytes.subspan(sizeof group);
    user.groups.emplace_back(group);
  }
  const auto take_text = [&](std::uint32_t length) {
    const auto text = bytes.first(length);
    bytes = bytes.subspan(length);
    return std::string(reinterpret_cast<const char*>(text.data()), length);
  };
  user.name = take_text(head.name_size);
  user.home = take_text(head.home_size);
  user.shell = take_text(head.shell_size);
  return user;
}

/// getpwnam_r(3) or getpwuid_r(3) with a buffer that grows as asked. Errors:
/// ESRCH when there is no such user.
template <class Look>
core::Result<User> look_up(const Look& look) {
  std::vector<char> buffer(4096);
  passwd entry = {};
  passwd* found = nullptr;
  int code = 0;
  while ((code = look(entry, buffer, found)) == ERANGE) {
    if (buffer.size() >= kLargestEntry) break;
    buffer.resize(buffer.size() * 2);
  }
  // Modules disagree about what they say for "no such user": getpwnam(3).
  if (found == nullptr && (code == 0 || code == ENOENT || code == ESRCH ||
                           code == EBADF || code == EPERM))
    return core::fail(ESRCH, "look up user");
  if (found == nullptr) return core::fail(code, "look up user");
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

core::Result<User> user_by_number(std::string_view text) {
  std::uint32_t number = 0;
  const char* const begin = std::to_address(text.begin());
  const char* const end = std::to_address(text.end());
  const auto [rest, error] = std::from_chars(begin, end, number);
  // (uid_t) -1 means "leave it" to setresuid(2): it is nobody.
  if (error != std::errc() || rest != end || number == UINT32_MAX)
    return core::fail(ESRCH, "look up user");
  return look_up([&](passwd& entry, std::vector<char>& buffer, passwd*& found) {
    return ::getpwuid_r(number, &entry, buffer.data(), buffer.size(), &found);
  });
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

core::Result<User> find_user(const std::string& what) {
  if (what.starts_with('=')) return user_by_number(what.substr(1));
  auto user = user_by_name(what);
  if (!user && user.error().code == ESRCH) return user_by_number(what);
  return user;
}

core::Result<void> obey(const WorkerRequest& request,
                        std::vector<std::byte>& answer) {
  const std::string what(reinterpret_cast<const char*>(request.body.data()),
                         request.body.size());
  User user = TRY(find_user(what));
  TRY(add_groups(user));
  encode_user(user, answer);
  return {};
}

core::Refused refusal_for(int code, std::string_view shown) {
  const std::string user = "user '" + std::string(shown) + "'";
  if (code == ESRCH)
    return {
        .why = core::Refusal::kNoSuchUser,
        .text = "no such " + user + "; 'getent passwd' lists those there are"};
  if (code == ETIME)
    return {
        .why = core::Refusal::kUnavailable,
        .text = "looking up " + user +
                " took more than 10 s; is a name service of /etc/nsswitch.conf "
                "down?"};
  return {.why = core::Refusal::kUnavailable,
          .text = "cannot look up " + user + ": " + std::strerror(code)};
}

}  // namespace

NameService::NameService(EventLoop& loop, std::string program)
    : loop_(loop),
      pool_(loop,
            {.name = "names",
             .words = {"corrald", "--worker=names"},
             .program = std::move(program)},
            kMostWorkers) {}

void NameService::find(std::string_view name, Done done) {
  // What passwd(5) cannot hold need not be asked for, and '=' is ours.
  const bool is_impossible = name.empty() || name.size() > kLongestName ||
                             name.starts_with('=') ||
                             name.find_first_of(std::string_view(":\n\0", 3)) !=
                                 std::string_view::npos;
  if (is_impossible) {
    loop_.defer([shown = std::string(name.substr(0, 64)), done] {
      done(std::unexpected(refusal_for(ESRCH, shown)));
    });
    return;
  }
  ask(std::string(name), std::move(done));
}

void NameService::find(core::Uid uid, Done done) {
  ask("=" + std::to_string(uid.raw()), std::move(done));
}

void NameService::ask(std::string what, Done done) {
  const auto raw = std::as_bytes(std::span(what));
  std::vector<std::byte> body(raw.begin(), raw.end());
  const std::string shown = what.starts_with('=') ? what.substr(1) : what;
  pool_.request(
      std::move(body), {}, kPatience,
      [shown, done = std::move(done)](const auto& answer) {
        if (!answer)
          return done(std::unexpected(refusal_for(answer.error().code, shown)));
        auto user = decode_user(*answer);
        if (!user) return done(std::unexpected(refusal_for(EBADMSG, shown)));
        done(*std::move(user));
      });
}

int run_names_worker(int socket) {
  return serve_requests(socket, obey);
}

}  // namespace supervisor
