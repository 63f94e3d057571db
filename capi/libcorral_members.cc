// SPDX-License-Identifier: Apache-2.0
// libcorral: members of jobs, limits, arrays and sessions.
#include <fcntl.h>

#include <cstdint>

#include "capi/calls.h"
#include "core/limit_terms_text.h"
#include "sys/pid_fd.h"

namespace {

using capi::do_with_client;
using capi::with_client;

/// Runs `call(client, pidfd)`.
template <class Call>
int with_process(corral* to, pid_t pid, const Call& call) {
  return do_with_client(to, [&](bus::Client& client) -> core::Answer<void> {
    const auto process = sys::PidFd::open(core::Pid(pid));
    if (!process)
      return std::unexpected(
          core::Refused{.why = core::Refusal::kNoSuchProcess,
                        .text = "there is no process " + std::to_string(pid)});
    return call(client, process->get());
  });
}

/// Runs `call(client)` if the pidfd is open.
template <class Call>
int with_pidfd(corral* to, int pidfd, const Call& call) {
  return with_client(to, [&](bus::Client& client) -> core::Answer<int> {
    const int code = capi::check_open(*to, pidfd, "a pidfd");
    if (code != 0) return code;
    TRY(call(client));
    return 0;
  });
}

core::Answer<core::JobFilter> filter_of(const corral_filter* given) {
  core::JobFilter filter;
  if (given == nullptr) return filter;
  const auto from = capi::take(given, sizeof given->size);
  if (!from) return capi::no_size();
  if (from->has_owner != 0) filter.owner = core::Uid(from->owner);
  filter.with_ended = from->with_ended != 0;
  filter.array = core::JobId(from->array);
  filter.tags = capi::texts_of(from->tags);
  if (from->project != nullptr) filter.project = from->project;
  if (from->account != nullptr) filter.account = from->account;
  return filter;
}

core::Answer<core::SessionRequest> request_of(const corral_session& from) {
  if (from.user == nullptr)
    return std::unexpected(core::invalid("a session needs a user"));
  core::SessionRequest request;
  request.user = from.user;
  if (from.service != nullptr) request.service = from.service;
  if (from.domain != nullptr) request.domain = from.domain;
  if (from.project != nullptr) request.project = from.project;
  if (from.account != nullptr) request.account = from.account;
  TRY(capi::take_limits(request.limits, request.terms, from.limits));
  request.accepts_less = from.accepts_less != 0;
  request.stragglers =
      TRY(capi::stragglers_of(from.stragglers, core::Stragglers::kLinger));
  if (from.has_plan != 0)
    request.kill_plan = TRY(capi::plan_of(from.first_signal, from.grace_us));
  request.mode = TRY(capi::mode_of(from.mode));
  request.nests = from.nests != 0;
  return request;
}

corral_array array_of(const core::ArrayView& view) {
  corral_array array = {};
  capi::set_text(array.range, view.range);
  array.members = view.size;
  array.made = view.made;
  array.living = view.living;
  array.ended = view.ended;
  array.failed = view.failed;
  array.dropped = view.dropped;
  return array;
}

std::string limits_text(const core::JobView& job) {
  std::string text;
  for (const core::LimitKind kind : core::kLimitKinds)
    if (const auto terms = core::terms_of(job.limits, job.terms, kind);
        !terms.is_empty())
      text.append(core::terms_text(terms)).append("\n");
  return text;
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): C's names
extern "C" {

CORRAL_API int corral_attach(corral* connection, corral_jid jid, pid_t pid,
                             corral_mode mode) {
  return with_process(connection, pid, [&](bus::Client& client, int pidfd) {
    const auto how = capi::mode_of(mode);
    return how ? client.attach(core::JobId(jid), pidfd, *how)
               : core::Answer<void>(std::unexpected(how.error()));
  });
}

CORRAL_API int corral_attach_pidfd(corral* connection, corral_jid jid,
                                   int pidfd, corral_mode mode) {
  return with_pidfd(
      connection, pidfd, [&](bus::Client& client) -> core::Answer<void> {
        return client.attach(core::JobId(jid), pidfd, TRY(capi::mode_of(mode)));
      });
}

CORRAL_API int corral_detach(corral* connection, pid_t pid, corral_jid* jid) {
  return with_process(
      connection, pid,
      [&](bus::Client& client, int pidfd) -> core::Answer<void> {
        const core::JobId left = TRY(client.detach(pidfd));
        if (jid != nullptr) *jid = left.raw();
        return {};
      });
}

CORRAL_API int corral_detach_pidfd(corral* connection, int pidfd,
                                   corral_jid* jid) {
  return with_pidfd(connection, pidfd,
                    [&](bus::Client& client) -> core::Answer<void> {
                      const core::JobId left = TRY(client.detach(pidfd));
                      if (jid != nullptr) *jid = left.raw();
                      return {};
                    });
}

CORRAL_API ssize_t corral_detach_all(corral* connection, corral_jid jid) {
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    return static_cast<int>(TRY(client.detach_all(core::JobId(jid))));
  });
}

CORRAL_API ssize_t corral_list_jobs(corral* connection,
                                    const corral_filter* filter,
                                    corral_jid after, corral_job* jobs,
                                    size_t room) {
  if (jobs == nullptr || room == 0) return -EINVAL;
  const auto most = static_cast<std::uint32_t>(std::min<size_t>(room, 100));
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const auto wanted = TRY(filter_of(filter));
    const std::size_t size = jobs->size;
    if (size < sizeof size || size > 65536) return capi::no_size();
    const auto page = TRY(client.list(wanted, core::JobId(after), most));
    auto* at = reinterpret_cast<char*>(jobs);
    int count = 0;
    for (const core::JobView& view : page.jobs) {
      if (count == static_cast<int>(most))
        break;  // it sent more than was asked
      ++count;
      auto* const job = reinterpret_cast<corral_job*>(at);
      job->size = size;
      TRY(capi::give(job, capi::job_of(view)));
      at += size;
    }
    return count;
  });
}

CORRAL_API int corral_set_limits(corral* connection, corral_jid jid,
                                 const char* const* limits, int accepts_less) {
  return do_with_client(
      connection, [&](bus::Client& client) -> core::Answer<void> {
        std::vector<core::LimitChange> changes;
        for (const std::string& text : capi::texts_of(limits)) {
          const auto change = core::read_terms(text);
          if (!change) return std::unexpected(core::invalid(change.error()));
          changes.push_back(*change);
        }
        return client.set_limits(core::JobId(jid), changes, accepts_less != 0);
      });
}

CORRAL_API ssize_t corral_get_limits(corral* connection, corral_jid jid,
                                     char* text, size_t room) {
  if (text == nullptr && room > 0) return -EINVAL;
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const std::string all = limits_text(TRY(client.show(core::JobId(jid))));
    if (room > 0) {
      const std::size_t size = std::min(all.size(), room - 1);
      std::memcpy(text, all.data(), size);
      text[size] = '\0';
    }
    return static_cast<int>(all.size());
  });
}

CORRAL_API int corral_show_array(corral* connection, corral_jid jid,
                                 corral_array* array) {
  return with_client(connection, [&](bus::Client& client) -> core::Answer<int> {
    const auto view = TRY(client.show(core::JobId(jid)));
    if (view.kind != core::JobKind::kArray)
      return std::unexpected(
          core::invalid("job " + std::string(core::display(view.jid).view()) +
                        " is no array"));
    return capi::give(array, array_of(view.array));
  });
}

CORRAL_API int corral_end_member(corral* connection, corral_jid array,
                                 uint32_t index, uint64_t grace_us) {
  core::KillPlanChange change;
  if (grace_us != CORRAL_ABSENT) change.grace = core::Microseconds(grace_us);
  return do_with_client(connection, [&](bus::Client& client) {
    return client.end_member(core::JobId(array), index, change);
  });
}

CORRAL_API int corral_open_session(corral* connection,
                                   const corral_session* session, int leader,
                                   corral_jid* jid, int* is_existing) {
  if (jid == nullptr) return -EINVAL;
  return with_pidfd(
      connection, leader, [&](bus::Client& client) -> core::Answer<void> {
        const auto whole =
            capi::take(session, sizeof session->size + sizeof session->user);
        if (!whole) return capi::no_size();
        const auto request = TRY(request_of(*whole));
        const int lifetime = whole->has_lifetime != 0 ? whole->lifetime : -1;
        const auto opened = TRY(client.open_session(request, leader, lifetime));
        *jid = opened.jid.raw();
        if (is_existing != nullptr) *is_existing = opened.is_existing ? 1 : 0;
        return {};
      });
}

CORRAL_API int corral_close_session(corral* connection, corral_jid jid) {
  return do_with_client(connection, [&](bus::Client& client) {
    return client.close_session(core::JobId(jid));
  });
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
