// SPDX-License-Identifier: Apache-2.0
#include "bus/job_fields.h"

#include <cstring>

#include "bus/words.h"

namespace bus {

namespace {

using core::Counters;
using core::ExitRecord;
using core::JobView;
using Maybe = std::optional<Value>;

template <class T>
bool assign(T& to, const Value& value) {
  const T* const given = std::get_if<T>(&value);
  if (given != nullptr) to = *given;
  return given != nullptr;
}

/// For Strong and Amount, whose raw() the wire carries as `Wire`.
template <class Wire, class T>
bool assign_raw(T& to, const Value& value) {
  using Raw = decltype(to.raw());
  const Wire* const given = std::get_if<Wire>(&value);
  if (given != nullptr) to = T(static_cast<Raw>(*given));
  return given != nullptr;
}

template <class T>
bool assign_word(T& to, const Value& value,
                 std::optional<T> (*parse)(std::string_view)) {
  const auto* const word = std::get_if<std::string>(&value);
  const std::optional<T> parsed =
      word != nullptr ? parse(*word) : std::optional<T>{};
  if (parsed) to = *parsed;
  return parsed.has_value();
}

Maybe text(std::string_view view) {
  if (view.empty()) return std::nullopt;
  return std::string(view);
}
Maybe positive(std::uint64_t number) {
  if (number == 0) return std::nullopt;
  return number;
}

// --- families of fields ---

template <std::string JobView::* kMember>
constexpr JobField text_field(const char* key) {
  return {key, [](const JobView& view) { return text(view.*kMember); },
          [](JobView& view, const Value& value) {
            return assign(view.*kMember, value);
          }};
}

template <std::uint32_t JobView::* kMember>
constexpr JobField count_field(const char* key) {
  return {key, [](const JobView& view) { return Maybe(view.*kMember); },
          [](JobView& view, const Value& value) {
            return assign(view.*kMember, value);
          }};
}

/// A moment is 0 until it comes.
template <core::Moment JobView::* kMember>
constexpr JobField real_field(const char* key) {
  return {
      key,
      [](const JobView& view) { return positive((view.*kMember).real.raw()); },
      [](JobView& view, const Value& value) {
        return assign_raw<std::uint64_t>((view.*kMember).real, value);
      }};
}
template <core::Moment JobView::* kMember>
constexpr JobField boot_field(const char* key) {
  return {
      key,
      [](const JobView& view) { return positive((view.*kMember).boot.raw()); },
      [](JobView& view, const Value& value) {
        return assign_raw<std::uint64_t>((view.*kMember).boot, value);
      }};
}

/// A Maybe<Amount> of the totals.
template <auto kMember>
constexpr JobField amount_field(const char* key) {
  return {key,
          [](const JobView& view) {
            const auto& amount = view.totals.*kMember;
            return amount ? Maybe(amount->raw()) : std::nullopt;
          },
          [](JobView& view, const Value& value) {
            return assign_raw<std::uint64_t>((view.totals.*kMember).emplace(),
                                             value);
          }};
}
/// A Maybe<uint64> of the totals.
template <auto kMember>
constexpr JobField total_field(const char* key) {
  return {key,
          [](const JobView& view) {
            const auto& number = view.totals.*kMember;
            return number ? Maybe(*number) : std::nullopt;
          },
          [](JobView& view, const Value& value) {
            return assign((view.totals.*kMember).emplace(), value);
          }};
}

ExitRecord& main_record(JobView& view) {
  if (!view.main_exit) view.main_exit.emplace();
  return *view.main_exit;
}
bool main_has(const JobView& view, Counters counters) {
  return view.main_exit && view.main_exit->has(counters);
}

/// A counter of the main process's own record; `kUnit` is the wire's unit in
/// the record's.
template <Counters kBit, auto kMember, std::uint64_t kUnit = 1>
constexpr JobField main_field(const char* key) {
  return {key,
          [](const JobView& view) {
            if (!main_has(view, kBit)) return Maybe();
            return Maybe(*view.main_exit.*kMember * kUnit);
          },
          [](JobView& view, const Value& value) {
            const auto* const given = std::get_if<std::uint64_t>(&value);
            if (given == nullptr) return false;
            main_record(view).mark(kBit);
            main_record(view).*kMember = *given / kUnit;
            return true;
          }};
}

std::optional<core::LimitKind> parse_limit(std::string_view word) {
  if (word == core::name_of(core::LimitKind::kWallTime))
    return core::LimitKind::kWallTime;
  return std::nullopt;
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

Maybe main_command(const JobView& view) {
  if (!main_has(view, Counters::kStat)) return std::nullopt;
  const ExitRecord& record = *view.main_exit;
  return std::string(record.comm, ::strnlen(record.comm, sizeof record.comm));
}
bool set_main_command(JobView& view, const Value& value) {
  const auto* const command = std::get_if<std::string>(&value);
  if (command == nullptr) return false;
  ExitRecord& record = main_record(view);
  record.mark(Counters::kStat);
  (void)command->copy(record.comm, sizeof record.comm);
  return true;
}

constexpr JobField kFields[] = {
    {"Jid", [](const JobView& view) { return Maybe(view.jid.raw()); },
     [](JobView& view, const Value& value) {
       return assign_raw<std::uint64_t>(view.jid, value);
     }},
    {"Name", [](const JobView& view) { return Maybe(view.name); },
     [](JobView& view, const Value& value) {
       return assign(view.name, value);
     }},
    {"Uid", [](const JobView& view) { return Maybe(view.owner.raw()); },
     [](JobView& view, const Value& value) {
       return assign_raw<std::uint32_t>(view.owner, value);
     }},
    {"Kind", [](const JobView& view) { return text(word_of(view.kind)); },
     [](JobView& view, const Value& value) {
       return assign_word(view.kind, value, parse_kind);
     }},
    {"Engine",
     [](const JobView& view) { return text(core::name_of(view.engine)); },
     [](JobView& view, const Value& value) {
       return assign_word(view.engine, value, core::parse_engine);
     }},
    {"State",
     [](const JobView& view) { return text(core::name_of(view.state)); },
     [](JobView& view, const Value& value) {
       return assign_word(view.state, value, parse_state);
     }},
    {"Argv",
     [](const JobView& view) {
       return view.argv.empty() ? Maybe() : Maybe(view.argv);
     },
     [](JobView& view, const Value& value) {
       return assign(view.argv, value);
     }},
    text_field<&JobView::container>("ControlGroup"),
    {"MainPid",
     [](const JobView& view) {
       if (!view.main) return Maybe();
       return Maybe(static_cast<std::uint32_t>(view.main->raw()));
     },
     [](JobView& view, const Value& value) {
       return assign_raw<std::uint32_t>(view.main.emplace(), value);
     }},

    real_field<&JobView::created>("CreatedUSec"),
    boot_field<&JobView::created>("CreatedBootUSec"),
    real_field<&JobView::started>("StartedUSec"),
    boot_field<&JobView::started>("StartedBootUSec"),
    real_field<&JobView::ended>("EndedUSec"),
    boot_field<&JobView::ended>("EndedBootUSec"),

    {"Result",
     [](const JobView& view) {
       return text(core::word_of(view.result.reason));
     },
     [](JobView& view, const Value& value) {
       return assign_word(view.result.reason, value, parse_reason);
     }},
    {"Sentence",
     [](const JobView& view) {
       return text(core::sentence_of(view.result).view());
     },
     [](JobView& /*view*/, const Value& value) {
       return std::holds_alternative<std::string>(value);  // made from facts
     }},
    {"WaitStatus",
     [](const JobView& view) {
       return view.result.has_status ? Maybe(view.result.wait_status) : Maybe();
     },
     [](JobView& view, const Value& value) {
       view.result.has_status = assign(view.result.wait_status, value);
       return view.result.has_status;
     }},
    {"Detail",
     [](const JobView& view) { return text(view.result.detail.view()); },
     [](JobView& view, const Value& value) {
       const auto* const given = std::get_if<std::string>(&value);
       if (given != nullptr) view.result.detail = std::string_view(*given);
       return given != nullptr;
     }},
    {"CancelledBy",
     [](const JobView& view) {
       return is_cancelled(view) ? Maybe(view.result.by.raw()) : Maybe();
     },
     [](JobView& view, const Value& value) {
       return assign_raw<std::uint32_t>(view.result.by, value);
     }},
    {"Limit",
     [](const JobView& view) {
       return is_over_limit(view) ? text(core::name_of(view.result.limit.kind))
                                  : Maybe();
     },
     [](JobView& view, const Value& value) {
       return assign_word(view.result.limit.kind, value, parse_limit);
     }},
    {"LimitValue",
     [](const JobView& view) {
       return is_over_limit(view) ? Maybe(view.result.limit.value) : Maybe();
     },
     [](JobView& view, const Value& value) {
       return assign(view.result.limit.value, value);
     }},
    {"LimitBound",
     [](const JobView& view) {
       return is_over_limit(view) ? Maybe(view.result.limit.bound) : Maybe();
     },
     [](JobView& view, const Value& value) {
       return assign(view.result.limit.bound, value);
     }},
    {"LaunchStage",
     [](const JobView& view) {
       return is_launch_failure(view)
                  ? text(core::name_of(view.result.launch.stage))
                  : Maybe();
     },
     [](JobView& view, const Value& value) {
       return assign_word(view.result.launch.stage, value, parse_stage);
     }},
    {"LaunchErrno",
     [](const JobView& view) {
       return is_launch_failure(view) ? Maybe(view.result.launch.code)
                                      : Maybe();
     },
     [](JobView& view, const Value& value) {
       return assign(view.result.launch.code, value);
     }},

    count_field<&JobView::processes_seen>("ProcessesSeen"),
    total_field<&core::JobTotals::processes_not_seen>("ProcessesNotSeen"),
    count_field<&JobView::stragglers>("Stragglers"),
    text_field<&JobView::straggler_names>("StragglerNames"),
    amount_field<&core::JobTotals::user_time>("UserUSec"),
    amount_field<&core::JobTotals::system_time>("SystemUSec"),
    amount_field<&core::JobTotals::memory_peak>("MemoryPeakBytes"),
    amount_field<&core::JobTotals::read_bytes>("ReadBytes"),
    amount_field<&core::JobTotals::write_bytes>("WriteBytes"),
    total_field<&core::JobTotals::oom_kills>("OomKills"),

    {"MainCommand", main_command, set_main_command},
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

Dict dict_of(const core::JobView& view) {
  Dict dict;
  dict.reserve(std::size(kFields));
  for (const JobField& field : kFields)
    if (std::optional<Value> value = field.get(view))
      dict.push_back({field.key, *std::move(value)});
  return dict;
}

core::Answer<core::JobView> job_view_of(const Dict& dict) {
  core::JobView view;
  for (const JobField& field : kFields) {
    const Value* const value = find(dict, field.key);
    if (value == nullptr || field.set(view, *value)) continue;
    return std::unexpected(core::Refused{
        core::Refusal::kUnavailable,
        std::string("the instance's answer holds a '") + field.key +
            "' that this version does not know; are they of one version?"});
  }
  return view;
}

}  // namespace bus
