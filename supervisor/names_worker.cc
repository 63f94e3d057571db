// SPDX-License-Identifier: Apache-2.0
#include "supervisor/names_worker.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "core/number_text.h"
#include "core/refused_user.h"

namespace supervisor {

namespace {

// The request is the word of a user, a uid's number after '=', or a group's
// name after '%'. The answer is a UserHead, the groups, and three texts; of a
// group its gid alone.

constexpr std::size_t kMostWorkers = 4;
constexpr core::Microseconds kPatience = core::seconds(10);
constexpr std::size_t kLongestName = 1024;

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

core::Result<void> obey(const WorkerRequest& request,
                        std::vector<std::byte>& answer) {
  const std::string what(reinterpret_cast<const char*>(request.body.data()),
                         request.body.size());
  if (what.starts_with('%')) {
    User user;
    user.gid = TRY(sys::find_group(what.substr(1)));
    encode_user(user, answer);
    return {};
  }
  if (!what.starts_with('=')) {
    encode_user(TRY(sys::find_user(what)), answer);
    return {};
  }
  // What is no number is nobody.
  const std::string_view text = std::string_view(what).substr(1);
  const auto uid = static_cast<std::uint32_t>(
      core::parse_number(text, UINT32_MAX).value_or(UINT32_MAX));
  encode_user(TRY(sys::find_user(core::Uid(uid))), answer);
  return {};
}

core::Refused refusal_for(int code, std::string_view shown) {
  if (code != ETIME) return core::refused_user(code, shown);
  return {.why = core::Refusal::kUnavailable,
          .text = "looking up user '" + std::string(shown) +
                  "' took more than 10 s; is a name service of "
                  "/etc/nsswitch.conf down?"};
}

}  // namespace

NameService::NameService(EventLoop& loop, std::string program)
    : loop_(loop),
      pool_(loop,
            {.name = "names",
             .words = {"corrald", "--worker=names"},
             .program = std::move(program)},
            kMostWorkers) {}

void NameService::find_group(
    std::string_view name, std::function<void(core::Answer<core::Gid>)> done) {
  // It came from a file of the site's (units/site_settings.cc checks its form).
  ask("%" + std::string(name),
      [shown = std::string(name), done = std::move(done)](const auto& found) {
        if (found) return done(found->gid);
        core::Refused refused = found.error();
        if (refused.why == core::Refusal::kNoSuchUser)
          refused.text = "there is no group '" + shown + "'";
        done(std::unexpected(std::move(refused)));
      });
}

void NameService::find(std::string_view name, Done done) {
  // What passwd(5) cannot hold need not be asked for; '=' and '%' are ours.
  const bool is_impossible = name.empty() || name.size() > kLongestName ||
                             name.starts_with('=') || name.starts_with('%') ||
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
