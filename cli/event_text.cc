// SPDX-License-Identifier: Apache-2.0
#include "cli/event_text.h"

#include <nlohmann/json.hpp>

#include "cli/job_text.h"
#include "cli/terminal_text.h"
#include "core/job_news.h"
#include "core/limit_terms_text.h"

namespace cli {
namespace {

using Json = nlohmann::json;

std::string text_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}
std::uint64_t number_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number_unsigned() ? at->get<std::uint64_t>()
                                                      : 0;
}

std::string amount_of(std::string_view kind, std::uint64_t value) {
  for (const core::LimitKind known : core::kLimitKinds) {
    if (kind != core::name_of(known)) continue;
    switch (core::row_of(known).unit) {
      case core::LimitUnit::kBytes:
        return short_size(core::Bytes(value));
      case core::LimitUnit::kMicroseconds:
        return short_time(core::Microseconds(value));
      default:
        return core::shown_bound(known, value);
    }
  }
  return std::to_string(value);  // of a newer instance
}

std::string describe_limit(const Json& json) {
  const auto at = json.find("limit");
  if (at == json.end() || !at->is_object()) return "passed a limit";
  const std::string kind = text_at(*at, "kind");
  const std::string signal = text_at(json, "signal");
  const std::string text =
      std::string("passed its ") + (signal.empty() ? "" : "soft ") +
      "limit of " + kind + " of " + amount_of(kind, number_at(*at, "bound")) +
      " with " + amount_of(kind, number_at(*at, "value"));
  return signal.empty() ? text : text + ", and was sent " + signal;
}

std::string describe_change(const Json& json) {
  const std::string frozen = text_at(json, "freezer_state");
  std::string text = text_at(json, "state");
  if (frozen != "running" && !frozen.empty()) text += ", " + frozen;
  const std::uint64_t main = number_at(json, "main_pid");
  if (main != 0) text += ", main process " + std::to_string(main);
  return text;
}

std::string describe(const Json& json, const std::string& event) {
  if (event == "new") return "new, " + text_at(json, "kind");
  if (event == "changed") return describe_change(json);
  if (event == "limit" || event == "soft-limit") return describe_limit(json);
  if (event == "ended") return "ended: " + text_at(json, "sentence");
  return event;  // of a newer instance
}

/// "12:30:01": local time.
std::string clock_of(std::uint64_t time_us) {
  const std::string date = date_of(core::RealTime(time_us));
  return date.substr(date.find(' ') + 1);
}

std::string line_for_people(const Json& json, const std::string& event,
                            core::JobId jid) {
  std::string text = clock_of(number_at(json, "time_us")) + " ";
  text += core::display(jid).view();
  const std::string name = text_at(json, "name");
  if (!name.empty()) text += " '" + name + "'";
  const auto owner = static_cast<std::uint32_t>(number_at(json, "owner"));
  text += " " + user_name(core::Uid(owner)) + " " + describe(json, event);
  return printable(text);
}

}  // namespace

std::optional<EventFacts> read_event(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  EventFacts facts;
  facts.event = text_at(json, "event");
  facts.jid = core::parse_job_id(text_at(json, "jid"));
  if (facts.jid)
    facts.text = line_for_people(json, facts.event, *facts.jid);
  else if (facts.event == "lost")
    facts.text = std::to_string(number_at(json, "count")) +
                 " events were not told: this reader was too slow";
  return facts;
}

std::string ended_line(const core::JobView& job) {
  core::Job ended;
  ended.jid = job.jid;
  ended.spec.name = job.name;
  ended.owner = job.owner;
  ended.state = job.state;
  ended.main_has_ended = true;
  ended.result = job.result;
  return std::string(
      core::news_line(core::NewsKind::kEnded, 0, job.ended.real, ended).view());
}

}  // namespace cli
