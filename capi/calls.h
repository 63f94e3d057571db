// SPDX-License-Identifier: Apache-2.0
// What the calls of libcorral have in common: a connection, how a refusal
// becomes a number, and structures of which the caller's version may be
// another.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus/client.h"
#include "capi/corral/corral.h"
#include "core/try.h"

// NOLINTBEGIN(readability-identifier-naming): C's names
struct corral {
  std::optional<bus::Client> client;
  std::string error;
};
// NOLINTEND(readability-identifier-naming)

#define CORRAL_API __attribute__((visibility("default")))

namespace capi {

[[nodiscard]] int code_of(core::Refusal why);

/// The call's number, with its sentence for corral_error().
[[nodiscard]] int refuse(corral& to, const core::Refused& refused);
[[nodiscard]] int misused(corral& to, std::string what);
/// The program closed the descriptor of its connection.
[[nodiscard]] int torn(corral& to);
/// 0, or the number for a descriptor that is not open; `what` it was to be.
[[nodiscard]] int check_open(corral& to, int fd, std::string_view what);

/// Runs `call(client)`, which returns a number or a refusal.
template <class Call>
int with_client(corral* to, const Call& call) {
  if (to == nullptr) return -EINVAL;
  try {
    to->error.clear();
    if (to->client->has_lost_socket()) return torn(*to);
    const core::Answer<int> answer = call(*to->client);
    return answer ? *answer : refuse(*to, answer.error());
  } catch (const std::exception&) {
    return -ENOMEM;
  }
}

/// For what answers nothing.
template <class Call>
int do_with_client(corral* to, const Call& call) {
  return with_client(to, [&call](bus::Client& client) -> core::Answer<int> {
    TRY(call(client));
    return 0;
  });
}

std::unexpected<core::Refused> no_size();

/// Fills what the caller's version of the structure has.
template <class T>
core::Answer<int> give(T* to, T from) {
  if (to == nullptr || to->size < sizeof to->size || to->size > 65536)
    return no_size();
  from.size = to->size;
  const std::size_t known = std::min(to->size, sizeof(T));
  std::memcpy(to, &from, known);
  // A later version's: nothing is known of it.
  std::memset(reinterpret_cast<char*>(to) + known, 0, to->size - known);
  return 0;
}

/// What the caller's version of it says, the rest as of CORRAL_INIT. Nothing:
/// it is smaller than the first version was.
template <class T>
std::optional<T> take(const T* from, std::size_t least) {
  if (from == nullptr || from->size < least || from->size > 65536)
    return std::nullopt;
  T whole = {};
  std::memcpy(&whole, from, std::min(from->size, sizeof whole));
  return whole;
}

template <std::size_t N>
void set_text(char (&to)[N], std::string_view text) {
  const std::size_t size = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), size);
  to[size] = '\0';
}

/// A list that NULL ends; NULL is an empty one.
[[nodiscard]] std::vector<std::string> texts_of(const char* const* list);

/// Takes limits as corral(1) writes them. A refusal names the first that is
/// none.
[[nodiscard]] core::Answer<void> take_limits(core::JobLimits& limits,
                                             core::TermsList& terms,
                                             const char* const* list);

[[nodiscard]] core::Answer<core::Stragglers> stragglers_of(
    int word, core::Stragglers usual);
[[nodiscard]] core::Answer<core::AttachMode> mode_of(int word);
[[nodiscard]] core::Answer<core::KillPlan> plan_of(int first_signal,
                                                   std::uint64_t grace_us);

/// What corral_show() tells of it.
[[nodiscard]] corral_job job_of(const core::JobView& view);

}  // namespace capi
