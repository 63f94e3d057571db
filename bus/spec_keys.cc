// SPDX-License-Identifier: Apache-2.0
#include "bus/spec_keys.h"

#include <algorithm>

#include "bus/limit_keys.h"
#include "bus/utf8.h"
#include "bus/value_text.h"
#include "bus/words.h"
#include "core/charge.h"
#include "core/job_name.h"
#include "core/job_tag.h"
#include "core/job_token.h"
#include "core/limit_terms_text.h"
#include "sys/foreign_fds.h"
#include "sys/lifeline.h"
#include "sys/unique_fd.h"

namespace bus {

namespace {

using core::JobSpec;
using Maybe = std::optional<Value>;

constexpr std::uint64_t kMostTime = 1'000'000ULL * 86400 * 365 * 100;
constexpr std::int32_t kMostResource = 15;  // RLIM_NLIMITS - 1

bool set_name(SpecDraft& draft, const Value& value) {
  const auto* const name = std::get_if<std::string>(&value);
  if (name == nullptr || (!name->empty() && !core::is_job_name(*name)))
    return false;
  draft.spec.name = *name;
  return true;
}
bool set_token(SpecDraft& draft, const Value& value) {
  const auto* const token = std::get_if<std::string>(&value);
  if (token == nullptr || !core::is_token(*token)) return false;
  draft.spec.token = *token;
  return true;
}
bool set_argv(SpecDraft& draft, const Value& value) {
  const auto* const argv = std::get_if<TextList>(&value);
  if (argv == nullptr || argv->empty() || argv->size() > kMostArguments)
    return false;
  draft.spec.argv = *argv;
  return true;
}
bool is_assignment(const std::string& text) {
  const std::size_t at = text.find('=');
  return at != std::string::npos && at > 0;
}
bool set_env(SpecDraft& draft, const Value& value) {
  const auto* const env = std::get_if<TextList>(&value);
  if (env == nullptr || env->size() > kMostArguments ||
      !std::ranges::all_of(*env, is_assignment))
    return false;
  draft.spec.env = *env;
  return true;
}
bool set_cwd(SpecDraft& draft, const Value& value) {
  const auto* const cwd = std::get_if<std::string>(&value);
  if (cwd == nullptr || !cwd->starts_with('/') || cwd->size() > 4095)
    return false;
  draft.spec.cwd = *cwd;
  return true;
}
bool set_user(SpecDraft& draft, const Value& value) {
  const auto* const user = std::get_if<std::string>(&value);
  if (user == nullptr || user->empty() || user->size() > 256) return false;
  draft.spec.user = *user;
  return true;
}
bool set_umask(SpecDraft& draft, const Value& value) {
  const auto* const mask = std::get_if<std::uint32_t>(&value);
  if (mask == nullptr || *mask > 0777) return false;
  draft.spec.umask = *mask;
  return true;
}
bool is_rlimit(const core::ResourceLimit& limit) {
  return limit.resource >= 0 && limit.resource <= kMostResource &&
         limit.soft <= limit.hard;
}
bool set_rlimits(SpecDraft& draft, const Value& value) {
  const auto* const limits = std::get_if<RlimitList>(&value);
  if (limits == nullptr || limits->size() > kMostResource + 1 ||
      !std::ranges::all_of(*limits, is_rlimit))
    return false;
  draft.spec.rlimits = *limits;
  return true;
}
template <class T>
bool set_word(T& to, const Value& value,
              std::optional<T> (*parse)(std::string_view)) {
  const auto* const word = std::get_if<std::string>(&value);
  const std::optional<T> parsed =
      word != nullptr ? parse(*word) : std::optional<T>{};
  if (parsed) to = *parsed;
  return parsed.has_value();
}
bool set_kind(SpecDraft& draft, const Value& value) {
  // Sessions are opened otherwise (OpenSession).
  return set_word(draft.spec.kind, value, parse_kind) &&
         draft.spec.kind != core::JobKind::kSession;
}
bool set_parent(SpecDraft& draft, const Value& value) {
  const auto* const jid = std::get_if<std::uint64_t>(&value);
  if (jid == nullptr || *jid == 0 || *jid == UINT64_MAX) return false;
  draft.spec.parent = core::JobId(*jid);
  return true;
}
bool set_array(SpecDraft& draft, const Value& value) {
  const auto* const text = std::get_if<std::string>(&value);
  auto range = text != nullptr ? core::parse_array_range(*text) : std::nullopt;
  if (range) draft.spec.array = *std::move(range);
  return text != nullptr && !draft.spec.array.is_empty();
}
bool set_tags(SpecDraft& draft, const Value& value) {
  const auto* const tags = std::get_if<TextList>(&value);
  if (tags == nullptr || tags->empty() || !core::are_tags(*tags)) return false;
  draft.spec.tags = *tags;
  return true;
}
template <std::string JobSpec::* kMember>
bool set_charge(SpecDraft& draft, const Value& value) {
  const auto* const name = std::get_if<std::string>(&value);
  if (name == nullptr || !core::is_charge_name(*name)) return false;
  draft.spec.*kMember = *name;
  return true;
}
bool set_requested(SpecDraft& draft, const Value& value) {
  const auto* const jid = std::get_if<std::uint64_t>(&value);
  if (jid == nullptr || *jid == UINT64_MAX ||
      core::sequence_of(core::JobId(*jid)) == 0)
    return false;
  draft.spec.requested = core::JobId(*jid);
  return true;
}
bool set_began(SpecDraft& draft, const Value& value) {
  const auto* const began = std::get_if<std::uint64_t>(&value);
  if (began == nullptr || *began == 0 || *began > INT64_MAX) return false;
  draft.spec.began = core::RealTime(*began);
  return true;
}
bool set_domain(SpecDraft& draft, const Value& value) {
  const auto* const word = std::get_if<std::string>(&value);
  if (word == nullptr || !core::is_job_name(*word)) return false;
  draft.spec.domain = *word;
  return true;
}
bool set_engine(SpecDraft& draft, const Value& value) {
  return set_word(draft.spec.engine.emplace(), value, core::parse_engine);
}
bool set_stragglers(SpecDraft& draft, const Value& value) {
  return set_word(draft.spec.stragglers, value, core::parse_stragglers);
}
bool set_signal(core::SignalNumber& to, const Value& value) {
  const auto* const number = std::get_if<std::int32_t>(&value);
  if (number == nullptr || !core::is_signal(*number)) return false;
  to = core::SignalNumber(*number);
  return true;
}
bool set_time(core::Microseconds& to, const Value& value) {
  const auto* const time = std::get_if<std::uint64_t>(&value);
  if (time == nullptr || *time > kMostTime) return false;
  to = core::Microseconds(*time);
  return true;
}
bool set_first_signal(SpecDraft& draft, const Value& value) {
  return set_signal(draft.spec.kill_plan.first_signal, value);
}
bool set_grace(SpecDraft& draft, const Value& value) {
  return set_time(draft.spec.kill_plan.grace, value);
}
template <core::LimitKind kKind>
bool set_limit(SpecDraft& draft, const Value& value) {
  const auto* const bound = std::get_if<std::uint64_t>(&value);
  if (bound == nullptr || *bound == 0 || *bound > core::largest_bound(kKind))
    return false;
  core::set_bound(draft.spec.limits, kKind, *bound);
  return true;
}
template <core::LimitKind kKind>
Maybe get_limit(const JobSpec& spec) {
  const auto bound = core::bound_of(spec.limits, kKind);
  return bound ? Maybe(*bound) : Maybe();
}
bool set_limits_list(SpecDraft& draft, const Value& value) {
  const auto* const list = std::get_if<TextList>(&value);
  return list != nullptr &&
         take_limits_list(draft.spec.limits, draft.spec.terms, *list);
}
Maybe get_limits_list(const JobSpec& spec) {
  TextList list = limits_list(spec.limits, spec.terms);
  return list.empty() ? Maybe() : Maybe(std::move(list));
}
template <bool JobSpec::* kMember>
bool set_flag(SpecDraft& draft, const Value& value) {
  const auto* const flag = std::get_if<bool>(&value);
  if (flag != nullptr) draft.spec.*kMember = *flag;
  return flag != nullptr;
}
template <core::Handle core::LaunchHandles::* kHandle>
bool set_handle(SpecDraft& draft, const Value& value) {
  const auto* const number = std::get_if<FdNumber>(&value);
  if (number == nullptr) return false;
  auto copy = sys::duplicate_foreign(number->fd);
  if (!copy) return false;
  draft.handles.*kHandle = (*std::move(copy)).to_handle();
  return true;
}

bool set_lifetime(SpecDraft& draft, const Value& value) {
  const auto* const number = std::get_if<FdNumber>(&value);
  return number != nullptr && sys::is_lifeline(number->fd) &&
         set_handle<&core::LaunchHandles::lifetime>(draft, value);
}

template <std::string JobSpec::* kMember>
Maybe get_text(const JobSpec& spec) {
  if ((spec.*kMember).empty()) return std::nullopt;
  return spec.*kMember;
}
template <TextList JobSpec::* kMember>
Maybe get_list(const JobSpec& spec) {
  if ((spec.*kMember).empty()) return std::nullopt;
  return spec.*kMember;
}
template <bool JobSpec::* kMember>
Maybe get_flag(const JobSpec& spec) {
  return spec.*kMember ? Maybe(true) : Maybe();
}
Maybe get_nothing(const JobSpec& /*spec*/) {
  return std::nullopt;
}

constexpr const char* kSignalExpected = "a signal number from 1 to 64 (i)";
constexpr const char* kTimeExpected =
    "microseconds, at most a hundred years (t)";

constexpr const char* kTimeLimitExpected =
    "microseconds, more than 0 and at most ten years (t)";
constexpr const char* kAmountExpected = "a number, more than 0 (t)";

constexpr SpecKey kKeys[] = {
    {.key = "Name",
     .expected = core::kJobNameExpected,
     .set = set_name,
     .get = get_text<&JobSpec::name>},
    {.key = "Argv",
     .expected = "a list of 1 to 1048576 arguments (as or aay)",
     .set = set_argv,
     .get = get_list<&JobSpec::argv>},
    {.key = "Env",
     .expected = "a list of NAME=value (as or aay)",
     .set = set_env,
     .get = get_list<&JobSpec::env>},
    {.key = "Cwd",
     .expected = "an absolute path of at most 4095 bytes (s or ay)",
     .set = set_cwd,
     .get = get_text<&JobSpec::cwd>},
    {.key = "User",
     .expected = "a user's name or number (s)",
     .set = set_user,
     .get = get_text<&JobSpec::user>},
    {.key = "Umask",
     .expected = "a mask of file modes, at most 0777 octal (u)",
     .set = set_umask,
     .get = [](const JobSpec& spec) { return Maybe(spec.umask); }},
    {.key = "Rlimits",
     .expected = "at most 16 of (resource 0 to 15, soft limit, hard limit not "
                 "below it) "
                 "(a(itt))",
     .set = set_rlimits,
     .get =
         [](const JobSpec& spec) {
           return spec.rlimits.empty() ? Maybe() : Maybe(spec.rlimits);
         }},
    {.key = "Kind",
     .expected = "'foreground', 'detached', 'array' or 'attached' (s)",
     .set = set_kind,
     .get =
         [](const JobSpec& spec) {
           return Maybe(std::string(word_of(spec.kind)));
         }},
    {.key = "Parent",
     .expected = "a job's id (t)",
     .set = set_parent,
     .get =
         [](const JobSpec& spec) {
           return spec.parent == core::kNoJob ? Maybe()
                                              : Maybe(spec.parent.raw());
         }},
    {.key = "Tags",
     .expected = core::kTagExpected,
     .set = set_tags,
     .get = get_list<&JobSpec::tags>},
    {.key = "Project",
     .expected = core::kChargeNameExpected,
     .set = set_charge<&JobSpec::project>,
     .get = get_text<&JobSpec::project>},
    {.key = "Account",
     .expected = core::kChargeNameExpected,
     .set = set_charge<&JobSpec::account>,
     .get = get_text<&JobSpec::account>},
    {.key = "Jid",
     .expected = "a jid whose sequence is not 0 (t)",
     .set = set_requested,
     .get =
         [](const JobSpec& spec) {
           return spec.requested == core::kNoJob ? Maybe()
                                                 : Maybe(spec.requested.raw());
         }},
    {.key = "ArrayRange",
     .expected = core::kArrayExpected,
     .set = set_array,
     .get =
         [](const JobSpec& spec) {
           return spec.array.is_empty() ? Maybe()
                                        : Maybe(core::text_of(spec.array));
         }},
    {.key = "Engine",
     .expected = "'cgroup2', 'subreaper' or 'pidns' (s)",
     .set = set_engine,
     .get =
         [](const JobSpec& spec) {
           return spec.engine ? Maybe(std::string(core::name_of(*spec.engine)))
                              : Maybe();
         }},
    {.key = "Stragglers",
     .expected = "'end', 'kill' or 'linger' (s)",
     .set = set_stragglers,
     .get =
         [](const JobSpec& spec) {
           return Maybe(std::string(name_of(spec.stragglers)));
         }},
    {.key = "FirstSignal",
     .expected = kSignalExpected,
     .set = set_first_signal,
     .get =
         [](const JobSpec& spec) {
           return Maybe(spec.kill_plan.first_signal.raw());
         }},
    {.key = "GraceUSec",
     .expected = kTimeExpected,
     .set = set_grace,
     .get =
         [](const JobSpec& spec) { return Maybe(spec.kill_plan.grace.raw()); }},
    {.key = key_of(core::LimitKind::kWallTime),
     .expected = kTimeLimitExpected,
     .set = set_limit<core::LimitKind::kWallTime>,
     .get = get_limit<core::LimitKind::kWallTime>},
    {.key = key_of(core::LimitKind::kCpuTime),
     .expected = kTimeLimitExpected,
     .set = set_limit<core::LimitKind::kCpuTime>,
     .get = get_limit<core::LimitKind::kCpuTime>},
    {.key = key_of(core::LimitKind::kMemory),
     .expected = kAmountExpected,
     .set = set_limit<core::LimitKind::kMemory>,
     .get = get_limit<core::LimitKind::kMemory>},
    {.key = key_of(core::LimitKind::kProcesses),
     .expected = kAmountExpected,
     .set = set_limit<core::LimitKind::kProcesses>,
     .get = get_limit<core::LimitKind::kProcesses>},
    {.key = key_of(core::LimitKind::kOpenFiles),
     .expected = kAmountExpected,
     .set = set_limit<core::LimitKind::kOpenFiles>,
     .get = get_limit<core::LimitKind::kOpenFiles>},
    {.key = kLimitsKey,
     .expected = core::kLimitTermsExpect,
     .set = set_limits_list,
     .get = get_limits_list},
    {.key = kAcceptsLessKey,
     .expected = "a boolean (b)",
     .set = set_flag<&JobSpec::accepts_less>,
     .get = get_flag<&JobSpec::accepts_less>},
    {.key = "Domain",
     .expected = "a domain's name (s)",
     .set = set_domain,
     .get = get_text<&JobSpec::domain>},
    {.key = "Delegate",
     .expected = "a boolean (b)",
     .set = set_flag<&JobSpec::delegates>,
     .get = get_flag<&JobSpec::delegates>},
    {.key = "BeganUSec",
     .expected = "microseconds since 1970 until now (t)",
     .set = set_began,
     .get =
         [](const JobSpec& spec) {
           return spec.began ? Maybe(spec.began->raw()) : Maybe();
         }},
    {.key = "Token",
     .expected = core::kTokenExpected,
     .set = set_token,
     .get = get_text<&JobSpec::token>},
    {.key = "StandardInput",
     .expected = "a descriptor (h)",
     .set = set_handle<&core::LaunchHandles::standard_input>,
     .get = get_nothing},
    {.key = "StandardOutput",
     .expected = "a descriptor (h)",
     .set = set_handle<&core::LaunchHandles::standard_output>,
     .get = get_nothing},
    {.key = "StandardError",
     .expected = "a descriptor (h)",
     .set = set_handle<&core::LaunchHandles::standard_error>,
     .get = get_nothing},
    {.key = kLifetimeKey,
     .expected = sys::kLifelineExpected,
     .set = set_lifetime,
     .get = get_nothing},
};

std::size_t total_size(const TextList& list) {
  std::size_t size = 0;
  for (const std::string& text : list)
    size += text.size() + 1;
  return size;
}

/// What must hold between keys.
core::Answer<void> check_whole(const JobSpec& spec) {
  if (spec.argv.empty() && core::has_command(spec.kind))
    return std::unexpected(core::invalid("key 'Argv' is missing"));
  const std::size_t size = total_size(spec.argv) + total_size(spec.env);
  if (size > kMostArgumentBytes)
    return std::unexpected(core::invalid(
        "arguments and environment are " + std::to_string(size) +
        " bytes, expected at most " + std::to_string(kMostArgumentBytes)));
  return {};
}

}  // namespace

std::span<const SpecKey> spec_keys() {
  return kKeys;
}

core::Answer<void> take(const SpecKey& key, const DictEntry& entry,
                        SpecDraft& draft) {
  if (key.set(draft, entry.value)) return {};
  const auto* const list = std::get_if<TextList>(&entry.value);
  if (entry.key == kLimitsKey && list != nullptr)
    return std::unexpected(core::invalid(fault_of_limits(*list)));
  return refuse_value(entry, key.expected);
}

core::Answer<SpecDraft> spec_of(const Dict& dict) {
  SpecDraft draft;
  for (const DictEntry& entry : dict) {
    const auto* const key = std::ranges::find_if(
        kKeys, [&](const SpecKey& row) { return entry.key == row.key; });
    if (key == std::end(kKeys))
      return std::unexpected(core::invalid("key '" + to_utf8(entry.key) +
                                           "' is not known, its type is " +
                                           signature_of(entry.value)));
    TRY(take(*key, entry, draft));
  }
  TRY(check_whole(draft.spec));
  return draft;
}

Dict dict_of(const JobSpec& spec) {
  Dict dict;
  for (const SpecKey& key : kKeys)
    if (std::optional<Value> value = key.get(spec))
      dict.push_back({key.key, *std::move(value)});
  return dict;
}

core::Answer<core::KillPlanChange> plan_change_of(const Dict& dict) {
  core::KillPlanChange change;
  for (const DictEntry& entry : dict) {
    if (entry.key == "FirstSignal") {
      if (!set_signal(change.first_signal.emplace(), entry.value))
        return refuse_value(entry, kSignalExpected);
    } else if (entry.key == "GraceUSec") {
      if (!set_time(change.grace.emplace(), entry.value))
        return refuse_value(entry, kTimeExpected);
    } else {
      return std::unexpected(core::invalid(
          "key '" + to_utf8(entry.key) +
          "' is not known, expected 'FirstSignal' or 'GraceUSec'"));
    }
  }
  return change;
}

Dict dict_of(const core::KillPlanChange& change) {
  Dict dict;
  if (change.first_signal)
    dict.push_back({.key = "FirstSignal", .value = change.first_signal->raw()});
  if (change.grace)
    dict.push_back({.key = "GraceUSec", .value = change.grace->raw()});
  return dict;
}

}  // namespace bus
