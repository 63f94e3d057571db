// SPDX-License-Identifier: Apache-2.0
#include "bus/manager_methods.h"

#include <algorithm>
#include <cerrno>

#include "bus/dict_codec.h"
#include "bus/event_stream.h"
#include "bus/job_fields.h"
#include "bus/names.h"
#include "bus/spec_keys.h"
#include "bus/utf8.h"
#include "bus/value_text.h"
#include "core/charge.h"
#include "core/job_tag.h"
#include "core/limit_text.h"

namespace bus {

namespace {

/// A page is written in well under a millisecond; a longer list is more calls.
constexpr std::uint32_t kMostJobsOfPage = 100;
constexpr std::uint32_t kMostRowsOfPage = 1000;

void answer_created(const ReplyTo& reply,
                    const core::Answer<core::CreatedJob>& created) {
  if (!created) return reply.refuse(created.error());
  Dict extra = {
      {.key = "Engine", .value = std::string(core::name_of(created->engine))}};
  if (created->link.is_open())
    extra.push_back({"Link", FdNumber{created->link.number()}});
  if (created->container.is_open())
    extra.push_back({"Container", FdNumber{created->container.number()}});
  // There are as many hierarchies as keys (sys/limit_facts.h).
  for (std::size_t i = 0;
       i < std::min(created->joins.size(), std::size(kJoinKeys)); ++i)
    extra.push_back(
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): it is a Handle
        {.key = kJoinKeys[i], .value = FdNumber{created->joins[i].number()}});
  if (const auto limits = core::limit_text(created->scope_limits);
      !limits.empty())
    extra.push_back(
        {.key = kScopeLimitsKey, .value = std::string(limits.view())});
  if (!created->process_limits.empty())
    extra.push_back(
        {.key = kProcessLimitsKey, .value = created->process_limits});
  reply.answer([&](sd_bus_message* message) {
    const int r = ::sd_bus_message_append(message, "to", created->jid.raw(),
                                          job_path(created->jid).c_str());
    return r < 0 ? r : append_dict(linked_sd_bus(), message, extra);
  });
}

void answer_job(const Call& call, const core::Answer<core::JobId>& jid) {
  if (!jid) return call.reply().refuse(jid.error());
  call.reply().answer([&](sd_bus_message* message) {
    return ::sd_bus_message_append(message, "to", jid->raw(),
                                   job_path(*jid).c_str());
  });
}

/// A key of a filter. `set` is false for another type or a value that is none.
struct FilterKey {
  const char* key;
  const char* type;
  const char* expected;
  bool (*set)(core::JobFilter& filter, const Value& value);
};

template <std::string core::JobFilter::* kMember>
bool set_charge(core::JobFilter& filter, const Value& value) {
  const auto* const name = std::get_if<std::string>(&value);
  if (name == nullptr || !core::is_charge_name(*name)) return false;
  filter.*kMember = *name;
  return true;
}

constexpr FilterKey kFilterKeys[] = {
    {.key = "Uid",
     .type = "u",
     .expected = "a user's number (u)",
     .set =
         [](core::JobFilter& filter, const Value& value) {
           const auto* const uid = std::get_if<std::uint32_t>(&value);
           if (uid != nullptr) filter.owner = core::Uid(*uid);
           return uid != nullptr;
         }},
    {.key = "WithEnded",
     .type = "b",
     .expected = "a boolean (b)",
     .set =
         [](core::JobFilter& filter, const Value& value) {
           const auto* const with_ended = std::get_if<bool>(&value);
           if (with_ended != nullptr) filter.with_ended = *with_ended;
           return with_ended != nullptr;
         }},
    {.key = "Array",
     .type = "t",
     .expected = "a jid, not 0 (t)",
     .set =
         [](core::JobFilter& filter, const Value& value) {
           const auto* const array = std::get_if<std::uint64_t>(&value);
           if (array != nullptr) filter.array = core::JobId(*array);
           return array != nullptr && *array != 0;
         }},
    {.key = "Tags",
     .type = "as",
     .expected = core::kTagExpected,
     .set =
         [](core::JobFilter& filter, const Value& value) {
           const auto* const tags = std::get_if<TextList>(&value);
           if (tags == nullptr || !core::are_tags(*tags)) return false;
           filter.tags = *tags;
           return true;
         }},
    {.key = "Project",
     .type = "s",
     .expected = core::kChargeNameExpected,
     .set = set_charge<&core::JobFilter::project>},
    {.key = "Account",
     .type = "s",
     .expected = core::kChargeNameExpected,
     .set = set_charge<&core::JobFilter::account>},
};

std::string filter_keys_text() {
  std::string text;
  for (const FilterKey& key : kFilterKeys)
    text.append(text.empty() ? "'" : ", '")
        .append(key.key)
        .append("' (")
        .append(key.type)
        .append(")");
  return text;
}

core::Answer<core::JobFilter> filter_of(const Dict& dict) {
  core::JobFilter filter;
  for (const DictEntry& entry : dict) {
    const auto* const key =
        std::ranges::find(kFilterKeys, entry.key, &FilterKey::key);
    if (key == std::end(kFilterKeys))
      return std::unexpected(core::invalid(
          "key '" + to_utf8(entry.key) + "' (" + signature_of(entry.value) +
          ") is not known, expected one of " + filter_keys_text()));
    if (!key->set(filter, entry.value))
      return refuse_value(entry, key->expected);
  }
  return filter;
}

int append_page(sd_bus_message* message, const core::JobPage& page) {
  int r = ::sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "a{sv}");
  for (const core::JobView& view : page.jobs) {
    if (r < 0) return r;
    r = append_dict(linked_sd_bus(), message, dict_of(view));
  }
  if (r >= 0) r = ::sd_bus_message_close_container(message);
  const int has_more = page.has_more ? 1 : 0;
  return r < 0 ? r : ::sd_bus_message_append(message, "b", has_more);
}

/// The facts that a list shows; an ended job has a result.
int append_row(sd_bus_message* message, const core::JobView& view) {
  const bool has_ended = view.state == core::JobState::kEnded;
  const std::string state(core::name_of(view.state));
  const std::string result(has_ended ? core::word_of(view.result.reason) : "");
  return ::sd_bus_message_append(
      message, "(tsussttt)", view.jid.raw(), view.name.c_str(),
      view.owner.raw(), state.c_str(), result.c_str(), view.created.real.raw(),
      view.started.real.raw(), view.ended.real.raw());
}

int append_rows(sd_bus_message* message, const core::JobPage& page) {
  int r =
      ::sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "(tsussttt)");
  for (const core::JobView& view : page.jobs) {
    if (r < 0) return r;
    r = append_row(message, view);
  }
  if (r >= 0) r = ::sd_bus_message_close_container(message);
  const int has_more = page.has_more ? 1 : 0;
  return r < 0 ? r : ::sd_bus_message_append(message, "b", has_more);
}

/// The arguments of the two lists: filter, after, most.
core::Answer<core::JobPage> read_page(const Call& call, std::uint32_t largest,
                                      core::Detail detail) {
  const Dict dict = TRY(read_dict(linked_sd_bus(), call.message.get()));
  core::JobFilter filter = TRY(filter_of(dict));
  filter.detail = detail;
  std::uint64_t after = 0;
  std::uint32_t most = 0;
  (void)::sd_bus_message_read(call.message.get(), "tu", &after, &most);
  return call.port().list(call.caller(), filter, core::JobId(after),
                          std::clamp<std::uint32_t>(most, 1, largest));
}

/// All classes if none is named.
core::Answer<NewsClasses> read_classes(sd_bus_message* message) {
  NewsClasses classes;
  bool is_empty = true;
  if (::sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "s") < 0)
    return std::unexpected(core::invalid("malformed arguments"));
  const char* word = nullptr;
  while (::sd_bus_message_read(message, "s", &word) > 0) {
    const auto of = core::parse_news_class(word);
    if (!of)
      return std::unexpected(core::invalid("class '" + std::string(word) +
                                           "' is not known, expected 'job' or "
                                           "'limit'"));
    classes.add(*of);
    is_empty = false;
  }
  for (unsigned i = 0; is_empty && i < core::kNewsClasses; ++i)
    classes.add(static_cast<core::NewsClass>(i));
  return classes;
}

void answer_nothing(const Call& call, const core::Answer<void>& answer) {
  if (answer)
    call.reply().answer();
  else
    call.reply().refuse(answer.error());
}

}  // namespace

void create_job(const Call& call) {
  const core::Answer<Dict> dict =
      read_dict(linked_sd_bus(), call.message.get());
  if (!dict) return call.reply().refuse(dict.error());
  core::Answer<SpecDraft> draft = spec_of(*dict);
  if (!draft) return call.reply().refuse(draft.error());
  core::JobSpec& spec = draft->spec;
  spec.uid = call.caller().uid;
  if (call.sender.gid) spec.gid = *call.sender.gid;
  spec.groups = call.sender.groups;
  call.port().create(
      call.caller(), std::move(spec), std::move(draft->handles),
      [reply = call.reply()](const core::Answer<core::CreatedJob>& created) {
        answer_created(reply, created);
      });
}

void get_job(const Call& call) {
  const auto view = call.port().show(call.caller(), call.read_jid());
  if (!view) return call.reply().refuse(view.error());
  call.reply().answer([&](sd_bus_message* message) {
    return ::sd_bus_message_append(message, "o", job_path(view->jid).c_str());
  });
}

void get_job_by_pid(const Call& call) {
  std::uint32_t pid = 0;
  (void)::sd_bus_message_read(call.message.get(), "u", &pid);
  if (pid == 0) pid = static_cast<std::uint32_t>(call.caller().pid.raw());
  if (pid == 0)
    return call.reply().refuse(
        {.why = core::Refusal::kNoSuchProcess,
         .text = "the process that made this connection has ended"});
  if (pid > INT32_MAX)
    return call.reply().refuse(
        core::invalid("process id " + std::to_string(pid) + " does not exist"));
  answer_job(
      call, call.port().find_by_pid(call.caller(),
                                    core::Pid(static_cast<std::int32_t>(pid))));
}

void find_job(const Call& call) {
  const char* name = "";
  (void)::sd_bus_message_read(call.message.get(), "s", &name);
  answer_job(call, call.port().find(call.caller(), name));
}

void list_jobs(const Call& call) {
  const auto page = read_page(call, kMostJobsOfPage, core::Detail::kAll);
  if (!page) return call.reply().refuse(page.error());
  call.reply().answer(
      [&](sd_bus_message* message) { return append_page(message, *page); });
}

void list_job_rows(const Call& call) {
  const auto page = read_page(call, kMostRowsOfPage, core::Detail::kRow);
  if (!page) return call.reply().refuse(page.error());
  call.reply().answer(
      [&](sd_bus_message* message) { return append_rows(message, *page); });
}

void subscribe(const Call& call) {
  const auto classes = read_classes(call.message.get());
  if (!classes) return call.reply().refuse(classes.error());
  const auto events =
      call.connection.events().subscribe(call.caller(), *classes);
  if (!events) return call.reply().refuse(events.error());
  call.reply().answer([&](sd_bus_message* message) {
    return ::sd_bus_message_append(message, "h", events->number());
  });
}

void reexec(const Call& call) {
  answer_nothing(call, call.port().reexec(call.caller()));
}

void shut_down(const Call& call) {
  answer_nothing(call, call.port().shut_down(call.caller()));
}

}  // namespace bus
