// SPDX-License-Identifier: Apache-2.0
// Every structure lists its fields once, in a fields() of two lines, for
// writing and for reading alike: the two cannot disagree, nor can a field be
// forgotten.
#include "core/event_codec.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "core/event_fields.h"

namespace core {

namespace {

enum class ItemKind : std::uint8_t { kEvent = 1, kSnapshot = 2, kCounters = 3 };

// The largest value of each enumeration: beyond it, bytes are refused.
constexpr auto last_of(Engine) {
  return Engine::kLast;
}
constexpr auto last_of(Collector) {
  return Collector::kLast;
}
constexpr auto last_of(JobKind) {
  return JobKind::kLast;
}
constexpr auto last_of(Stragglers) {
  return Stragglers::kLinger;
}
constexpr auto last_of(JobState) {
  return JobState::kLast;
}
constexpr auto last_of(Freezing) {
  return Freezing::kLast;
}
constexpr auto last_of(KillStep) {
  return KillStep::kFrozenKilled;
}
constexpr auto last_of(LaunchStage) {
  return LaunchStage::kLast;
}
constexpr auto last_of(LimitKind) {
  return LimitKind::kLast;
}
constexpr auto last_of(Reason) {
  return Reason::kLast;
}
constexpr auto last_of(JobTimer) {
  return JobTimer::kLast;
}
constexpr auto last_of(Job::Departure) {
  return Job::Departure::kLast;
}
constexpr auto last_of(SignalTarget) {
  return SignalTarget::kLast;
}
constexpr auto last_of(ItemKind) {
  return ItemKind::kCounters;
}

template <class T>
concept Enumeration = std::is_enum_v<T>;
template <class T>
concept Number = std::is_integral_v<T> && !std::is_same_v<T, bool>;
/// Strong, Amount, BootTime, RealTime: one number with a meaning.
template <class T>
concept Typed = requires(const T value) {
  { value.raw() } -> Number;
};

class Writer {
 public:
  explicit Writer(std::vector<std::byte>& bytes) : bytes_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... values) {
    (value(values), ...);
  }
  template <class... Fields>
  void since(std::uint8_t /*version*/, Fields&... values) {
    (value(values), ...);
  }

  template <Number T>
  void value(const T& number) {
    const auto raw = std::as_bytes(std::span(&number, 1));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  void value(const bool& flag) { value(std::uint8_t{flag}); }
  template <Enumeration T>
  void value(const T& name) {
    value(static_cast<std::underlying_type_t<T>>(name));
  }
  template <Typed T>
  void value(const T& typed) {
    value(typed.raw());
  }
  void value(const std::string& text) { write_text(text); }
  template <std::size_t N>
  void value(const Text<N>& text) {
    write_text(text.view());
  }
  void value(const ExitRecord& record) {
    const auto raw = std::as_bytes(std::span(&record, 1));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  template <class T>
  void value(const std::vector<T>& items) {
    write_size(items.size());
    for (const T& item : items)
      value(item);
  }
  template <class T>
  void value(const std::optional<T>& item) {
    value(item.has_value());
    if (item) value(*item);
  }
  template <class T>
  void value(const Rare<T>& item) {
    value(item.has_value());
    if (item) value(*item);
  }
  template <class T>
    requires(!Typed<T> && std::is_class_v<T>)
  void value(const T& structure) {
    fields(*this, structure);
  }

 private:
  void write_size(std::size_t size) { value(static_cast<std::uint32_t>(size)); }
  void write_text(std::string_view text) {
    write_size(text.size());
    const auto raw = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }

  std::vector<std::byte>& bytes_;
};

/// Reads until something does not fit; from then on nothing is read any more.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::uint8_t version)
      : rest_(bytes), version_(version) {}

  /// All was read, to the last byte.
  [[nodiscard]] bool is_done() const { return is_good_ && rest_.empty(); }

  template <class... Fields>
  void operator()(Fields&... values) {
    (value(values), ...);
  }
  template <class... Fields>
  void since(std::uint8_t version, Fields&... values) {
    if (version_ >= version) (value(values), ...);
  }

  template <Number T>
  void value(T& number) {
    const auto raw = take(sizeof number);
    if (is_good_) std::memcpy(&number, raw.data(), sizeof number);
  }
  void value(bool& flag) {
    std::uint8_t raw = 0;
    value(raw);
    is_good_ = is_good_ && raw <= 1;
    flag = is_good_ && raw == 1;
  }
  template <Enumeration T>
  void value(T& name) {
    std::underlying_type_t<T> raw = 0;
    value(raw);
    is_good_ = is_good_ && raw <= static_cast<decltype(raw)>(last_of(T{}));
    // kCgroup2 = 1 is the only first value that is not 0.
    if constexpr (std::is_same_v<T, Engine>) is_good_ = is_good_ && raw >= 1;
    if (is_good_) name = static_cast<T>(raw);
  }
  template <Typed T>
  void value(T& typed) {
    auto raw = typed.raw();
    value(raw);
    typed = T(raw);
  }
  void value(std::string& text) {
    const auto raw = take_text();
    text.assign(raw.begin(), raw.end());
  }
  template <std::size_t N>
  void value(Text<N>& text) {
    const auto raw = take_text();
    is_good_ = is_good_ && raw.size() <= N;
    text = Text<N>(is_good_ ? raw : std::string_view());
  }
  void value(ExitRecord& record) {
    const auto raw = take(sizeof record);
    if (is_good_) std::memcpy(&record, raw.data(), sizeof record);
  }
  template <class T>
  void value(std::vector<T>& items) {
    const std::size_t count = take_size();
    // One by one, and never more than there are bytes for: a count that lies
    // costs nothing.
    items.clear();
    for (std::size_t i = 0; i < count && is_good_; ++i)
      value(items.emplace_back());
  }
  template <class T>
  void value(std::optional<T>& item) {
    bool has_value = false;
    value(has_value);
    item.reset();
    if (has_value) value(item.emplace(T{}));
  }
  template <class T>
  void value(Rare<T>& item) {
    bool has_value = false;
    value(has_value);
    item.reset();
    if (has_value) value(item.emplace(T{}));
  }
  template <class T>
    requires(!Typed<T> && std::is_class_v<T>)
  void value(T& structure) {
    fields(*this, structure);
  }

 private:
  std::span<const std::byte> take(std::size_t size) {
    is_good_ = is_good_ && size <= rest_.size();
    if (!is_good_) return {};
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::size_t take_size() {
    std::uint32_t size = 0;
    value(size);
    return size;
  }
  std::string_view take_text() {
    const auto raw = take(take_size());
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }

  std::span<const std::byte> rest_;
  std::uint8_t version_;
  bool is_good_ = true;
};

/// The place in this list, from 1, is an event's number in the journal, for
/// ever: new events come at the end.
template <class... Events>
struct EventList {
  template <class Event>
  static constexpr std::uint8_t number_of() {
    std::uint8_t number = 0;
    bool is_found = false;
    ((is_found = is_found || (++number, std::is_same_v<Event, Events>)), ...);
    return is_found ? number : 0;
  }
};
using Numbered =
    EventList<event::Created, event::ContainerMade, event::ContainerFailed,
              event::StartRecorded, event::Launched, event::LaunchFailed,
              event::ProcessExited, event::MainStopped, event::ReaperLost,
              event::MainStatusLearned, event::Emptied, event::Populated,
              event::EndRequested, event::Signalled, event::TimerFired,
              event::OutOfMemory, event::EndRecorded, event::ContainerRemoved,
              event::FreezeRequested, event::FreezeDone, event::LimitsChanged,
              event::CpuRead, event::LimitPassed, event::Attached,
              event::Detached, event::JobDetached, event::SessionClosed,
              event::CollectorLost, event::MemberMade, event::MemberEnded,
              event::MemberDropped, event::FollowedEnded>;

template <class Event>
inline constexpr std::uint8_t kNumberOf = Numbered::number_of<Event>();

/// Reads the event whose number it is, of all that EventBody can hold.
template <class... Events>
bool read_body(Reader& reader, std::uint8_t number,
               std::variant<Events...>& body) {
  static_assert(((kNumberOf<Events> != 0) && ...), "an event has no number");
  return ((kNumberOf<Events> == number &&
           (reader.value(body.template emplace<Events>()), true)) ||
          ...);
}

Writer begin_item(ItemKind kind, std::vector<std::byte>& bytes) {
  Writer writer(bytes);
  writer(kEventCodecVersion, kind);
  return writer;
}

Result<JournalItem> refuse_version(std::uint8_t version) {
  Text<96> subject("version ");
  subject.append_unsigned(version).append("; this program knows ");
  subject.append_unsigned(kOldestEventCodec).append(" to ");
  subject.append_unsigned(kEventCodecVersion);
  return fail(EPROTONOSUPPORT, "read journal item", subject.view());
}

}  // namespace

void encode(const JobEvent& event, std::vector<std::byte>& bytes) {
  Writer writer = begin_item(ItemKind::kEvent, bytes);
  writer(event.job, event.when);
  std::visit(
      [&](const auto& body) {
        writer(kNumberOf<std::remove_cvref_t<decltype(body)>>, body);
      },
      event.body);
}

void encode(const JobSnapshot& snapshot, std::vector<std::byte>& bytes) {
  begin_item(ItemKind::kSnapshot, bytes).value(snapshot);
}

void encode(const InstanceCounters& counters, std::vector<std::byte>& bytes) {
  begin_item(ItemKind::kCounters, bytes).value(counters);
}

namespace {

Result<JournalItem> decode_event(Reader& reader) {
  JobEvent event;
  std::uint8_t number = 0;
  reader(event.job, event.when, number);
  if (!read_body(reader, number, event.body) || !reader.is_done())
    return fail(EBADMSG, "read journal item", "event");
  return event;
}

template <class Item>
Result<JournalItem> decode_as(Reader& reader, const char* what) {
  Item item;
  reader.value(item);
  if (!reader.is_done()) return fail(EBADMSG, "read journal item", what);
  return item;
}

}  // namespace

Result<JournalItem> decode(std::span<const std::byte> bytes) {
  if (bytes.empty()) return fail(EBADMSG, "read journal item", "no bytes");
  const auto version = std::to_integer<std::uint8_t>(bytes[0]);
  if (version < kOldestEventCodec || version > kEventCodecVersion)
    return refuse_version(version);
  Reader reader(bytes.subspan(1), version);
  ItemKind kind{};
  reader(kind);
  switch (kind) {
    case ItemKind::kEvent:
      return decode_event(reader);
    case ItemKind::kSnapshot:
      return decode_as<JobSnapshot>(reader, "job");
    case ItemKind::kCounters:
      return decode_as<InstanceCounters>(reader, "counters");
  }
  return fail(EBADMSG, "read journal item", "unknown kind");
}

}  // namespace core
