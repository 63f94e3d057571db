// SPDX-License-Identifier: Apache-2.0
// What clients are told of jobs as it happens: one line of JSON for each event
// (bus/interfaces/org.corral.Manager1.xml, Subscribe). Allocation free.
//
// The keys are those of `corral show --json` and of the end-of-job report for
// the same facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/job_machine.h"
#include "core/job_report_json.h"

namespace core {

/// What a client can ask to be told of.
enum class NewsClass : std::uint8_t {
  kJob = 0,    ///< made, changed, ended
  kLimit = 1,  ///< a limit was passed
  kLast = kLimit,
};
inline constexpr unsigned kNewsClasses =
    static_cast<unsigned>(NewsClass::kLast) + 1;

constexpr std::string_view name_of(NewsClass of) {
  return of == NewsClass::kLimit ? "limit" : "job";
}
constexpr std::optional<NewsClass> parse_news_class(std::string_view word) {
  for (unsigned i = 0; i < kNewsClasses; ++i)
    if (word == name_of(static_cast<NewsClass>(i)))
      return static_cast<NewsClass>(i);
  return std::nullopt;
}

enum class NewsKind : std::uint8_t {
  kNew,
  kChanged,
  kEnded,
  kLimit,
  kSoftLimit
};

constexpr NewsClass class_of(NewsKind kind) {
  const bool is_limit =
      kind == NewsKind::kLimit || kind == NewsKind::kSoftLimit;
  return is_limit ? NewsClass::kLimit : NewsClass::kJob;
}
constexpr std::string_view name_of(NewsKind kind) {
  switch (kind) {
    case NewsKind::kNew:
      return "new";
    case NewsKind::kChanged:
      return "changed";
    case NewsKind::kEnded:
      return "ended";
    case NewsKind::kLimit:
      return "limit";
    case NewsKind::kSoftLimit:
      return "soft-limit";
  }
  return "unknown";
}

using NewsLine = ReportJson;

namespace detail {

inline void json_number(NewsLine& line, const char* key, std::uint64_t number) {
  json_maybe(line, key, Maybe<std::uint64_t>(number));
}

inline void json_job(NewsLine& line, const Job& job) {
  json_text(line, "jid", display(job.jid).view());
  json_text_or_null(line, "name", job.spec.name);
  json_number(line, "owner", job.owner.raw());
  json_text(line, "state", name_of(job.state));
  json_text(line, "freezer_state", name_of(job.freezing));
  Maybe<std::uint64_t> main;
  if (job.main && job.main->raw() > 0 && !job.main_has_ended)
    main = static_cast<std::uint64_t>(job.main->raw());
  json_maybe(line, "main_pid", main);
}

inline void json_limit_hit(NewsLine& line, const LimitHit& hit) {
  json_key(line, "limit");
  line.append(R"({"kind":")").append(name_of(hit.kind));
  line.append(R"(","word":")").append(row_of(hit.kind).word);
  line.append(R"(","value":)").append_unsigned(hit.value);
  line.append(",\"bound\":").append_unsigned(hit.bound);
  line.append_char('}');
}

}  // namespace detail

/// The event as a line, ended by a newline. `number` counts the events of one
/// run of the supervisor; `soft` is what kSoftLimit tells of.
inline NewsLine news_line(NewsKind kind, std::uint64_t number, RealTime when,
                          const Job& job, const LimitHit& soft = {}) {
  NewsLine line("{");
  detail::json_text(line, "event", name_of(kind));
  detail::json_number(line, "number", number);
  detail::json_number(line, "time_us", when.raw());
  detail::json_job(line, job);
  if (kind == NewsKind::kNew) {
    detail::json_text(line, "kind", name_of(job.spec.kind));
    detail::json_text(line, "engine", name_of(job.engine));
  }
  if (kind == NewsKind::kEnded) {
    detail::json_result(line, job.result);
    detail::json_key(line, "shell_code");
    line.append_number(shell_code(job.result));
  }
  if (kind == NewsKind::kLimit && job.limit_hit)
    detail::json_limit_hit(line, *job.limit_hit);
  if (kind == NewsKind::kSoftLimit) {
    detail::json_limit_hit(line, soft);
    detail::json_text(
        line, "signal",
        signal_name(terms_of(job.spec.limits, job.spec.terms, soft.kind)
                        .soft_signal()
                        .raw())
            .view());
  }
  line.append("}\n");
  return line;
}

/// The first line of a subscription: the format, and the next event's number.
inline NewsLine begin_line(std::uint64_t next) {
  NewsLine line("{");
  detail::json_text(line, "event", "begin");
  detail::json_number(line, "format", 1);
  detail::json_number(line, "number", next);
  line.append("}\n");
  return line;
}

/// Stands where `count` events were not told: their reader was too slow.
inline NewsLine lost_line(std::uint64_t count) {
  NewsLine line("{");
  detail::json_text(line, "event", "lost");
  detail::json_number(line, "count", count);
  line.append("}\n");
  return line;
}

}  // namespace core
