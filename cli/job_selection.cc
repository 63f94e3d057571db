// SPDX-License-Identifier: Apache-2.0
#include "cli/job_selection.h"

#include <unistd.h>

#include <cstdint>

#include "core/array_range.h"
#include "core/ids.h"
#include "core/job_name.h"
#include "core/number_text.h"
#include "core/try.h"

namespace cli {
namespace {

std::unexpected<core::Refused> no_such_job(std::string_view word) {
  return refuse(core::Refusal::kNoSuchJob,
                "there is no job '" + std::string(word) +
                    "'; 'corral ps -a' lists those that there are");
}

core::Answer<core::JobId> select_self(bus::Client& client) {
  auto jid = client.find_by_pid(core::Pid(::getpid()));
  if (jid || jid.error().why != core::Refusal::kNoSuchJob) return jid;
  return refuse(core::Refusal::kNoSuchJob,
                "this process is in no job of the instance");
}

}  // namespace

core::Answer<core::Pid> parse_pid(std::string_view word) {
  const auto number = core::parse_number(word, INT32_MAX);
  if (number && *number > 0)
    return core::Pid(static_cast<std::int32_t>(*number));
  return refuse(core::Refusal::kInvalid,
                "'" + std::string(word) +
                    "' is no process id, expected a number from 1 to "
                    "2147483647");
}

core::Answer<core::JobId> select_job(bus::Client& client,
                                     std::string_view word) {
  if (word == core::kSelf) return select_self(client);
  if (core::parse_member_word(word)) return client.find(word);
  // What can be no name is not asked for as one.
  if (core::is_job_name(word)) {
    auto named = client.find(word);
    if (named || named.error().why != core::Refusal::kNoSuchJob) return named;
  }
  const auto jid = core::parse_job_id(word);
  if (!jid) return no_such_job(word);
  const auto view = client.show(*jid);
  if (view) return *jid;
  if (view.error().why == core::Refusal::kNoSuchJob) return no_such_job(word);
  return std::unexpected(view.error());
}

}  // namespace cli
