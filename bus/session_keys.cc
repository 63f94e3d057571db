// SPDX-License-Identifier: Apache-2.0
#include "bus/session_keys.h"

#include <algorithm>

#include "bus/limit_keys.h"
#include "bus/spec_keys.h"
#include "bus/utf8.h"
#include "bus/value_text.h"
#include "core/job_name.h"
#include "sys/foreign_fds.h"
#include "sys/unique_fd.h"

namespace bus {

namespace {

using core::SessionRequest;

constexpr std::size_t kLongestService = 64;

/// A word for tables and files: a service's or a domain's name.
bool set_word(std::string& to, const Value& value) {
  const auto* const word = std::get_if<std::string>(&value);
  if (word == nullptr || word->size() > kLongestService ||
      !core::is_job_name(*word))
    return false;
  to = *word;
  return true;
}

struct SessionKey {
  const char* key;
  const char* expected;
  bool (*set)(SessionRequest& request, const Value& value);
};

constexpr SessionKey kKeys[] = {
    {.key = "Leader",
     .expected = "a pidfd (h)",
     .set =
         [](SessionRequest& request, const Value& value) {
           const auto* const number = std::get_if<FdNumber>(&value);
           if (number == nullptr) return false;
           auto copy = sys::duplicate_foreign(number->fd);
           if (!copy) return false;
           request.leader.pidfd = (*std::move(copy)).to_handle();
           return true;
         }},
    {.key = "LeaderPid",
     .expected = "a process id (u)",
     .set =
         [](SessionRequest& request, const Value& value) {
           const auto* const pid = std::get_if<std::uint32_t>(&value);
           if (pid == nullptr || *pid == 0 || *pid > INT32_MAX) return false;
           request.leader.pid = core::Pid(static_cast<std::int32_t>(*pid));
           return true;
         }},
    {.key = "Service",
     .expected = "a service's name (s)",
     .set =
         [](SessionRequest& request, const Value& value) {
           return set_word(request.service, value);
         }},
    {.key = "Domain",
     .expected = "a domain's name (s)",
     .set = [](SessionRequest& request,
               const Value& value) { return set_word(request.domain, value); }},
    {.key = "Mode",
     .expected = "'move' or 'logical' (s)",
     .set =
         [](SessionRequest& request, const Value& value) {
           const auto* const word = std::get_if<std::string>(&value);
           const auto mode =
               word != nullptr ? core::parse_attach_mode(*word) : std::nullopt;
           if (mode != core::AttachMode::kMove &&
               mode != core::AttachMode::kLogical)
             return false;
           request.mode = *mode;
           return true;
         }},
    {.key = "Nest",
     .expected = "a boolean (b)",
     .set =
         [](SessionRequest& request, const Value& value) {
           const auto* const nests = std::get_if<bool>(&value);
           if (nests != nullptr) request.nests = *nests;
           return nests != nullptr;
         }},
};

/// Those of a job's spec that mean the same for a session.
constexpr const char* kSpecKeys[] = {
    "User",    "Stragglers", "FirstSignal",   "GraceUSec", "Project",
    "Account", kLimitsKey,   kAcceptsLessKey, kLifetimeKey};
/// So do those of all limits.
bool is_spec_key(std::string_view key) {
  return std::ranges::find(kSpecKeys, key) != std::end(kSpecKeys) ||
         std::ranges::find(core::kLimitKinds, key, key_of) !=
             std::end(core::kLimitKinds);
}

std::string known_keys() {
  std::string text;
  for (const SessionKey& key : kKeys)
    text.append(text.empty() ? "'" : ", '").append(key.key).append("'");
  for (const char* const key : kSpecKeys)
    text.append(", '").append(key).append("'");
  return text;
}

core::Answer<void> take(const DictEntry& entry, SessionRequest& request,
                        SpecDraft& draft) {
  for (const SessionKey& key : kKeys) {
    if (entry.key != key.key) continue;
    if (key.set(request, entry.value)) return {};
    return refuse_value(entry, key.expected);
  }
  if (is_spec_key(entry.key))
    for (const SpecKey& key : spec_keys())
      if (entry.key == key.key) return bus::take(key, entry, draft);
  return std::unexpected(core::invalid(
      "key '" + to_utf8(entry.key) + "' is not known of a session, expected " +
      known_keys() + " or a limit's"));
}

core::JobSpec spec_of(const SessionRequest& request) {
  core::JobSpec spec;
  spec.user = request.user;
  spec.project = request.project;
  spec.account = request.account;
  spec.stragglers = request.stragglers;
  spec.kill_plan = request.kill_plan;
  spec.limits = request.limits;
  spec.terms = request.terms;
  spec.accepts_less = request.accepts_less;
  return spec;
}

}  // namespace

core::Answer<SessionRequest> session_of(const Dict& dict) {
  SessionRequest request;
  SpecDraft draft;
  draft.spec.stragglers = request.stragglers;
  for (const DictEntry& entry : dict)
    if (auto taken = take(entry, request, draft); !taken)
      return std::unexpected(std::move(taken).error());
  request.user = std::move(draft.spec.user);
  request.project = std::move(draft.spec.project);
  request.account = std::move(draft.spec.account);
  request.stragglers = draft.spec.stragglers;
  request.kill_plan = draft.spec.kill_plan;
  request.limits = draft.spec.limits;
  request.terms = draft.spec.terms;
  request.accepts_less = draft.spec.accepts_less;
  request.lifetime = std::move(draft.handles.lifetime);
  if (request.user.empty())
    return std::unexpected(core::invalid("key 'User' is missing"));
  if (!request.leader.pidfd.is_open() && request.leader.pid == core::Pid())
    return std::unexpected(
        core::invalid("key 'Leader' or 'LeaderPid' is missing"));
  return request;
}

Dict dict_of(const SessionRequest& request) {
  Dict dict;
  const core::JobSpec spec = spec_of(request);
  for (const SpecKey& key : spec_keys()) {
    if (!is_spec_key(key.key)) continue;
    if (auto value = key.get(spec))
      dict.push_back({.key = key.key, .value = *std::move(value)});
  }
  if (!request.service.empty())
    dict.push_back({.key = "Service", .value = request.service});
  if (!request.domain.empty())
    dict.push_back({.key = "Domain", .value = request.domain});
  if (request.mode != core::AttachMode::kMove)
    dict.push_back(
        {.key = "Mode", .value = std::string(core::name_of(request.mode))});
  if (request.nests) dict.push_back({.key = "Nest", .value = true});
  return dict;
}

}  // namespace bus
