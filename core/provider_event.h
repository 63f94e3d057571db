// SPDX-License-Identifier: Apache-2.0
// Aggregate providers: programs outside the supervisor that group processes by
// numbers of their own and are told what becomes of them (the idea is PAGG's,
// process aggregates, of Linux 2.4). These are the lines that they read
// (docs/PROVIDERS.md). Allocation free.
//
//   provider    a registration under a name; `job` is one that is always there
//   aggregate   a number of the provider's own; of `job` it is the jid
//   place       an aggregate of a provider: a process is in any number of them
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ids.h"
#include "core/job_news.h"

namespace core {

/// The provider whose aggregates are the jobs.
inline constexpr std::string_view kJobProvider = "job";

enum class ProviderEventKind : std::uint8_t {
  kAttach,  ///< a process came in otherwise than by a fork of a member
  kFork,
  kExec,
  kExit,
  kDetach,  ///< it left alive
  kJob,     ///< a job of the aggregate changed its state
  kLast = kJob,
};

constexpr std::string_view name_of(ProviderEventKind kind) {
  constexpr std::string_view kNames[] = {"attach", "fork",   "exec",
                                         "exit",   "detach", "job"};
  return kNames[static_cast<unsigned>(kind)];
}

/// Some kinds of events.
class ProviderEvents {
 public:
  constexpr void add(ProviderEventKind kind) { bits_ |= bit_of(kind); }
  constexpr void add(ProviderEvents others) { bits_ |= others.bits_; }
  [[nodiscard]] constexpr bool has(ProviderEventKind kind) const {
    return (bits_ & bit_of(kind)) != 0;
  }
  [[nodiscard]] static constexpr ProviderEvents all() {
    ProviderEvents events;
    for (unsigned i = 0; i <= static_cast<unsigned>(ProviderEventKind::kLast);
         ++i)
      events.add(static_cast<ProviderEventKind>(i));
    return events;
  }
  /// Those that only the kernel can tell of.
  [[nodiscard]] constexpr bool needs_source() const {
    return has(ProviderEventKind::kFork) || has(ProviderEventKind::kExec) ||
           has(ProviderEventKind::kExit);
  }
  friend constexpr bool operator==(ProviderEvents, ProviderEvents) = default;

 private:
  static constexpr std::uint32_t bit_of(ProviderEventKind kind) {
    return std::uint32_t{1} << static_cast<unsigned>(kind);
  }
  std::uint32_t bits_ = 0;
};

constexpr std::optional<ProviderEventKind> parse_provider_event(
    std::string_view word) {
  for (unsigned i = 0; i <= static_cast<unsigned>(ProviderEventKind::kLast);
       ++i)
    if (word == name_of(static_cast<ProviderEventKind>(i)))
      return static_cast<ProviderEventKind>(i);
  return std::nullopt;
}

/// Who tells of forks, execs and exits.
enum class EventSource : std::uint8_t {
  kNone,       ///< nobody: exits are told by who reaps, the rest is not
  kEbpf,       ///< programs in the kernel, which see the members only
  kConnector,  ///< the proc connector, which tells of every process
};
constexpr std::string_view name_of(EventSource source) {
  switch (source) {
    case EventSource::kNone:
      return "none";
    case EventSource::kEbpf:
      return "ebpf";
    case EventSource::kConnector:
      return "proc-connector";
  }
  return "none";
}

constexpr std::optional<EventSource> parse_event_source(std::string_view word) {
  for (const EventSource source :
       {EventSource::kNone, EventSource::kEbpf, EventSource::kConnector})
    if (word == name_of(source)) return source;
  return std::nullopt;
}

/// What happened to a process of an aggregate.
struct ProviderEvent {
  ProviderEventKind kind = ProviderEventKind::kAttach;
  RealTime when;
  JobId jid;  ///< by which it is a member; kNoJob: by itself
  Pid pid;
  Pid other;  ///< kFork: the child; kAttach: its parent, if that is known
  Maybe<std::int32_t> status;  ///< kExit: as wait(2) gives it
  Text<16> command;            ///< kAttach, kExec, kExit; empty: not known
};

namespace detail {

inline NewsLine begin_provider_line(ProviderEventKind kind,
                                    std::uint64_t number, RealTime when,
                                    std::uint64_t aggregate) {
  NewsLine line("{");
  json_text(line, "event", name_of(kind));
  json_number(line, "number", number);
  json_number(line, "time_us", when.raw());
  json_text(line, "aggregate", display(JobId(aggregate)).view());
  return line;
}

inline void json_pid(NewsLine& line, const char* key, Pid pid) {
  Maybe<std::uint64_t> number;
  if (pid.raw() > 0) number = static_cast<std::uint64_t>(pid.raw());
  json_maybe(line, key, number);
}

inline void json_end_status(NewsLine& line, Maybe<std::int32_t> status) {
  const bool exited = status && status_is_exit(*status);
  json_key(line, "exit_code");
  if (exited)
    line.append_number(exit_code_of(*status));
  else
    line.append("null");
  const Text<16> signal = status && !exited
                              ? Text<16>(signal_name(signal_of(*status)).view())
                              : Text<16>();
  json_text_or_null(line, "signal", signal.view());
}

}  // namespace detail

/// The event as a line, ended by a newline. `number` counts the provider's.
inline NewsLine provider_line(std::uint64_t number, std::uint64_t aggregate,
                              const ProviderEvent& event) {
  using Kind = ProviderEventKind;
  NewsLine line =
      detail::begin_provider_line(event.kind, number, event.when, aggregate);
  const Text<18> jid = event.jid == kNoJob ? Text<18>() : display(event.jid);
  detail::json_text_or_null(line, "jid", jid.view());
  detail::json_pid(line, "pid", event.pid);
  if (event.kind == Kind::kFork) detail::json_pid(line, "child", event.other);
  if (event.kind == Kind::kAttach)
    detail::json_pid(line, "parent", event.other);
  if (event.kind == Kind::kAttach || event.kind == Kind::kExec ||
      event.kind == Kind::kExit)
    detail::json_text_or_null(line, "command", event.command.view());
  if (event.kind == Kind::kExit) detail::json_end_status(line, event.status);
  line.append("}\n");
  return line;
}

/// A job of the aggregate and its state; of one that has ended also how.
inline NewsLine provider_line(std::uint64_t number, std::uint64_t aggregate,
                              RealTime when, const Job& job) {
  NewsLine line = detail::begin_provider_line(ProviderEventKind::kJob, number,
                                              when, aggregate);
  detail::json_job(line, job);
  if (job.state == JobState::kEnded) {
    detail::json_result(line, job.result);
    detail::json_key(line, "shell_code");
    line.append_number(shell_code(job.result));
  }
  line.append("}\n");
  return line;
}

/// The first line of a registration. `why`: the source is no better.
inline NewsLine provider_begin_line(std::string_view provider,
                                    EventSource source, std::string_view why) {
  NewsLine line("{");
  detail::json_text(line, "event", "begin");
  detail::json_number(line, "format", 1);
  detail::json_text(line, "provider", provider);
  detail::json_text(line, "source", name_of(source));
  detail::json_text_or_null(line, "why", why);
  line.append("}\n");
  return line;
}

}  // namespace core
