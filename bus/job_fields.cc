// SPDX-License-Identifier: Apache-2.0
#include "bus/job_fields.h"

#include <concepts>
#include <cstring>
#include <type_traits>

#include "bus/limit_keys.h"
#include "bus/words.h"
#include "core/job_sentence.h"

namespace bus {

namespace {

using core::ArrayMember;
using core::ArrayView;
using core::Counters;
using core::ExitRecord;
using core::JobLimits;
using core::JobResult;
using core::JobTotals;
using core::JobView;
using core::LaunchFailure;
using core::LimitHit;
using core::Moment;
using Maybe = std::optional<Value>;

// --- one member: what it is on the wire ---

/// Strong, Amount, BootTime, RealTime: numbers with a meaning.
template <class T>
concept Meaningful = requires(const T& member) { member.raw(); };
/// A signed number with a meaning (a process id) is unsigned on the wire.
template <Meaningful T>
using Wire = std::make_unsigned_t<decltype(T().raw())>;

/// The words of the enumerations.
std::string_view word_for(core::JobKind kind) {
  return word_of(kind);
}
std::string_view word_for(core::Engine engine) {
  return core::name_of(engine);
}
std::string_view word_for(core::JobState state) {
  return core::name_of(state);
}
std::string_view word_for(core::Freezing freezing) {
  return core::name_of(freezing);
}
std::string_view word_for(core::Reason reason) {
  return core::word_of(reason);
}
std::string_view word_for(core::LimitKind kind) {
  return core::name_of(kind);
}
std::string_view word_for(core::LaunchStage stage) {
  return core::name_of(stage);
}
template <class T>
bool take(T& member, std::optional<T> parsed) {
  if (parsed) member = *parsed;
  return parsed.has_value();
}
bool parse_word(core::JobKind& kind, std::string_view word) {
  return take(kind, parse_kind(word));
}
bool parse_word(core::Engine& engine, std::string_view word) {
  return take(engine, core::parse_engine(word));
}
bool parse_word(core::JobState& state, std::string_view word) {
  return take(state, parse_state(word));
}
bool parse_word(core::Freezing& freezing, std::string_view word) {
  return take(freezing, parse_freezing(word));
}
bool parse_word(core::Reason& reason, std::string_view word) {
  return take(reason, parse_reason(word));
}
bool parse_word(core::LimitKind& kind, std::string_view word) {
  return take(kind, parse_limit_kind(word));
}
bool parse_word(core::LaunchStage& stage, std::string_view word) {
  return take(stage, parse_stage(word));
}

/// Nothing for what is not there: an empty text or list, a time that has not
/// come, a counter that was not collected.
template <class T>
Maybe value_of(const T& member) {
  if constexpr (std::is_enum_v<T>) {
    return std::string(word_for(member));
  } else if constexpr (Meaningful<T>) {
    return static_cast<Wire<T>>(member.raw());
  } else {
    return member;
  }
}
Maybe value_of(core::BootTime time) {
  return time.raw() == 0 ? Maybe() : Maybe(time.raw());
}
Maybe value_of(core::RealTime time) {
  return time.raw() == 0 ? Maybe() : Maybe(time.raw());
}
Maybe value_of(const std::string& text) {
  return text.empty() ? Maybe() : Maybe(text);
}
Maybe value_of(const TextList& list) {
  return list.empty() ? Maybe() : Maybe(list);
}
template <std::size_t N>
Maybe value_of(const core::Text<N>& text) {
  return value_of(std::string(text.view()));
}
template <class T>
Maybe value_of(const std::optional<T>& member) {
  return member ? value_of(*member) : Maybe();
}

template <class T>
bool set_value(T& member, const Value& value) {
  if constexpr (std::is_enum_v<T>) {
    const auto* const word = std::get_if<std::string>(&value);
    return word != nullptr && parse_word(member, *word);
  } else if constexpr (Meaningful<T>) {
    const auto* const given = std::get_if<Wire<T>>(&value);
    if (given != nullptr) member = T(static_cast<decltype(T().raw())>(*given));
    return given != nullptr;
  } else {
    const T* const given = std::get_if<T>(&value);
    if (given != nullptr) member = *given;
    return given != nullptr;
  }
}
template <std::size_t N>
bool set_value(core::Text<N>& member, const Value& value) {
  const auto* const given = std::get_if<std::string>(&value);
  if (given != nullptr) member = std::string_view(*given);
  return given != nullptr;
}
template <class T>
bool set_value(std::optional<T>& member, const Value& value) {
  return set_value(member.emplace(), value);
}

// --- one field: a member, or a member of a member ---

bool is_always(const JobView& /*view*/) {
  return true;
}
bool is_cancelled(const JobView& view) {
  return view.result.reason == core::Reason::kCancelled;
}
bool is_over_limit(const JobView& view) {
  return view.result.reason == core::Reason::kOverLimit;
}
bool is_launch_failure(const JobView& view) {
  return view.result.reason == core::Reason::kLaunchFailed;
}
bool is_array(const JobView& view) {
  return !view.array.range.empty();
}
bool has_project_id(const JobView& view) {
  return view.project_id != 0;
}
bool has_lifetime(const JobView& view) {
  return view.has_lifetime;
}
bool has_followed(const JobView& view) {
  return view.followed != 0;
}
bool is_member(const JobView& view) {
  return view.member.array != core::kNoJob;
}
bool has_status(const JobView& view) {
  return view.result.has_status;
}

/// The member at the end of `kPath`, which means something when `kWhen` holds.
template <bool (*kWhen)(const JobView&), auto... kPath>
constexpr JobField field_when(const char* key) {
  return {.key = key,
          .get = [](const JobView& view) -> Maybe {
            if (!kWhen(view)) return std::nullopt;
            return value_of((view.*....*kPath));
          },
          .set =
              [](JobView& view, const Value& value) {
                return set_value((view.*....*kPath), value);
              }};
}
template <auto... kPath>
constexpr JobField field(const char* key) {
  return field_when<is_always, kPath...>(key);
}

/// A counter of the main process's own record; `kUnit` is the record's unit in
/// the wire's.
template <Counters kBit, auto kMember, std::uint64_t kUnit = 1>
constexpr JobField main_field(const char* key) {
  return {.key = key,
          .get = [](const JobView& view) -> Maybe {
            if (!view.main_exit || !view.main_exit->has(kBit))
              return std::nullopt;
            return *view.main_exit.*kMember * kUnit;
          },
          .set =
              [](JobView& view, const Value& value) {
                const auto* const given = std::get_if<std::uint64_t>(&value);
                if (given == nullptr) return false;
                if (!view.main_exit) view.main_exit.emplace();
                view.main_exit->mark(kBit);
                *view.main_exit.*kMember = *given / kUnit;
                return true;
              }};
}

Maybe get_main_command(const JobView& view) {
  if (!view.main_exit || !view.main_exit->has(Counters::kStat))
    return std::nullopt;
  const ExitRecord& record = *view.main_exit;
  return std::string(record.comm, ::strnlen(record.comm, sizeof record.comm));
}
bool set_main_command(JobView& view, const Value& value) {
  const auto* const command = std::get_if<std::string>(&value);
  if (command == nullptr) return false;
  if (!view.main_exit) view.main_exit.emplace();
  view.main_exit->mark(Counters::kStat);
  (void)command->copy(view.main_exit->comm, sizeof view.main_exit->comm);
  return true;
}

Maybe get_sentence(const JobView& view) {
  return std::string(core::sentence_of(view).view());
}
/// It is made from the other facts.
bool check_sentence(JobView& /*view*/, const Value& value) {
  return std::holds_alternative<std::string>(value);
}

bool set_status(JobView& view, const Value& value) {
  view.result.has_status = set_value(view.result.wait_status, value);
  return view.result.has_status;
}

constexpr JobField kFields[] = {
    field<&JobView::jid>("Jid"),
    field<&JobView::name>("Name"),
    field<&JobView::owner>("Uid"),
    field<&JobView::kind>("Kind"),
    field<&JobView::engine>("Engine"),
    field<&JobView::state>("State"),
    field<&JobView::freezing>("FreezerState"),
    field<&JobView::limits, &JobLimits::wall_time>(
        key_of(core::LimitKind::kWallTime)),
    field<&JobView::limits, &JobLimits::cpu_time>(
        key_of(core::LimitKind::kCpuTime)),
    field<&JobView::limits, &JobLimits::memory>(
        key_of(core::LimitKind::kMemory)),
    field<&JobView::limits, &JobLimits::processes>(
        key_of(core::LimitKind::kProcesses)),
    field<&JobView::limits, &JobLimits::open_files>(
        key_of(core::LimitKind::kOpenFiles)),
    {.key = kLimitsKey,
     .get = [](const JobView& view) -> Maybe {
       TextList list = limits_list(view.limits, view.terms);
       return list.empty() ? Maybe() : Maybe(std::move(list));
     },
     .set =
         [](JobView& view, const Value& value) {
           const auto* const list = std::get_if<TextList>(&value);
           return list != nullptr &&
                  take_limits_list(view.limits, view.terms, *list);
         }},
    {.key = "Parent",
     .get = [](const JobView& view) -> Maybe {
       if (view.parent == core::kNoJob) return std::nullopt;
       return view.parent.raw();
     },
     .set = [](JobView& view,
               const Value& value) { return set_value(view.parent, value); }},
    field_when<is_member, &JobView::member, &ArrayMember::array>("Array"),
    field_when<is_member, &JobView::member, &ArrayMember::index>("ArrayIndex"),
    field<&JobView::array, &ArrayView::range>("ArrayRange"),
    field_when<is_array, &JobView::array, &ArrayView::size>("ArraySize"),
    field_when<is_array, &JobView::array, &ArrayView::made>("MembersMade"),
    field_when<is_array, &JobView::array, &ArrayView::living>("MembersLiving"),
    field_when<is_array, &JobView::array, &ArrayView::ended>("MembersEnded"),
    field_when<is_array, &JobView::array, &ArrayView::failed>("MembersFailed"),
    field_when<is_array, &JobView::array, &ArrayView::dropped>(
        "MembersDropped"),
    field<&JobView::not_held>("NotHeld"),
    field<&JobView::tags>("Tags"),
    field<&JobView::project>("Project"),
    field<&JobView::account>("Account"),
    field_when<has_project_id, &JobView::project_id>("ProjectId"),
    field<&JobView::domain>("Domain"),
    field<&JobView::service>("Service"),
    field<&JobView::argv>("Argv"),
    field<&JobView::container>("ControlGroup"),
    field<&JobView::main>("MainPid"),

    field<&JobView::created, &Moment::real>("CreatedUSec"),
    field<&JobView::created, &Moment::boot>("CreatedBootUSec"),
    field<&JobView::started, &Moment::real>("StartedUSec"),
    field<&JobView::started, &Moment::boot>("StartedBootUSec"),
    field<&JobView::ended, &Moment::real>("EndedUSec"),
    field<&JobView::ended, &Moment::boot>("EndedBootUSec"),

    field<&JobView::result, &JobResult::reason>("Result"),
    {.key = "Sentence", .get = get_sentence, .set = check_sentence},
    {.key = "WaitStatus",
     .get =
         field_when<has_status, &JobView::result, &JobResult::wait_status>("")
             .get,
     .set = set_status},
    field<&JobView::result, &JobResult::detail>("Detail"),
    field_when<is_cancelled, &JobView::result, &JobResult::by>("CancelledBy"),
    field_when<is_over_limit, &JobView::result, &JobResult::limit,
               &LimitHit::kind>("Limit"),
    field_when<is_over_limit, &JobView::result, &JobResult::limit,
               &LimitHit::value>("LimitValue"),
    field_when<is_over_limit, &JobView::result, &JobResult::limit,
               &LimitHit::bound>("LimitBound"),
    field_when<is_launch_failure, &JobView::result, &JobResult::launch,
               &LaunchFailure::stage>("LaunchStage"),
    field_when<is_launch_failure, &JobView::result, &JobResult::launch,
               &LaunchFailure::code>("LaunchErrno"),

    field<&JobView::processes_seen>("ProcessesSeen"),
    field<&JobView::totals, &JobTotals::processes_not_seen>("ProcessesNotSeen"),
    field_when<has_followed, &JobView::followed>("Followed"),
    field_when<has_lifetime, &JobView::has_lifetime>("Lifetime"),
    field<&JobView::stragglers>("Stragglers"),
    field<&JobView::straggler_names>("StragglerNames"),
    field<&JobView::totals, &JobTotals::user_time>("UserUSec"),
    field<&JobView::totals, &JobTotals::system_time>("SystemUSec"),
    field<&JobView::totals, &JobTotals::memory_peak>("MemoryPeakBytes"),
    field<&JobView::totals, &JobTotals::read_bytes>("ReadBytes"),
    field<&JobView::totals, &JobTotals::write_bytes>("WriteBytes"),
    field<&JobView::totals, &JobTotals::oom_kills>("OomKills"),

    {.key = "MainCommand", .get = get_main_command, .set = set_main_command},
    main_field<Counters::kUsage, &ExitRecord::utime_us>("MainUserUSec"),
    main_field<Counters::kUsage, &ExitRecord::stime_us>("MainSystemUSec"),
    main_field<Counters::kUsage, &ExitRecord::maxrss_kib, 1024>(
        "MainMaxRSSBytes"),
    main_field<Counters::kUsage, &ExitRecord::minflt>("MainMinorFaults"),
    main_field<Counters::kUsage, &ExitRecord::majflt>("MainMajorFaults"),
    main_field<Counters::kUsage, &ExitRecord::nvcsw>("MainVoluntarySwitches"),
    main_field<Counters::kUsage, &ExitRecord::nivcsw>(
        "MainInvoluntarySwitches"),
    main_field<Counters::kIo, &ExitRecord::rchar>("MainReadBytes"),
    main_field<Counters::kIo, &ExitRecord::wchar>("MainWrittenBytes"),
    main_field<Counters::kIo, &ExitRecord::syscr>("MainReadCalls"),
    main_field<Counters::kIo, &ExitRecord::syscw>("MainWriteCalls"),
    main_field<Counters::kIo, &ExitRecord::read_bytes>("MainStorageReadBytes"),
    main_field<Counters::kIo, &ExitRecord::write_bytes>(
        "MainStorageWrittenBytes"),
};

}  // namespace

std::span<const JobField> job_fields() {
  return kFields;
}

Dict dict_of(const JobView& view) {
  Dict dict;
  dict.reserve(std::size(kFields));
  for (const JobField& field : kFields)
    if (std::optional<Value> value = field.get(view))
      dict.push_back({.key = field.key, .value = *std::move(value)});
  return dict;
}

core::Answer<JobView> job_view_of(const Dict& dict) {
  JobView view;
  for (const JobField& field : kFields) {
    const Value* const value = find(dict, field.key);
    if (value == nullptr || field.set(view, *value)) continue;
    return not_of_this_version(field.key);
  }
  return view;
}

}  // namespace bus
