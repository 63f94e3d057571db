// SPDX-License-Identifier: Apache-2.0
#include "capi/calls.h"

#include <fcntl.h>

#include "core/job_sentence.h"
#include "core/limit_terms_text.h"

namespace capi {

namespace {

std::uint64_t time_of(core::RealTime time) {
  return time.raw() == 0 ? CORRAL_ABSENT : time.raw();
}

}  // namespace

int code_of(core::Refusal why) {
  switch (why) {
    case core::Refusal::kNoSuchJob:
      return -ESRCH;
    case core::Refusal::kNameTaken:
      return -EEXIST;
    case core::Refusal::kAccessDenied:
      return -EPERM;
    case core::Refusal::kInvalid:
      return -EINVAL;
    case core::Refusal::kNotSupported:
      return -EOPNOTSUPP;
    case core::Refusal::kSandboxed:
      return -EACCES;
    case core::Refusal::kNoSuchUser:
      return -ENOENT;
    case core::Refusal::kEnded:
      return -ESHUTDOWN;
    case core::Refusal::kTooMany:
      return -EAGAIN;
    case core::Refusal::kUnavailable:
      return -ECONNREFUSED;
    case core::Refusal::kNoSuchProcess:
      return -ESRCH;
    case core::Refusal::kProgramNotFound:
      return -ENOENT;
    case core::Refusal::kNotExecutable:
      return -ENOEXEC;
    case core::Refusal::kLaunchFailed:
      return -ECHILD;
  }
  return -EINVAL;
}

int refuse(corral& to, const core::Refused& refused) {
  to.error = refused.text;
  return code_of(refused.why);
}

int misused(corral& to, std::string what) {
  to.error = std::move(what);
  return -EINVAL;
}

int torn(corral& to) {
  to.error =
      "the program closed the descriptor of this connection, which is left "
      "alone; expected corral_close() and another corral_open()";
  return -ENOTCONN;
}

int check_open(corral& to, int fd, std::string_view what) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  if (::fcntl(fd, F_GETFD) >= 0) return 0;
  to.error = "descriptor " + std::to_string(fd) + ", " + std::string(what) +
             ", is not open";
  return -EBADF;
}

std::unexpected<core::Refused> no_size() {
  return std::unexpected(core::invalid(
      "the structure has no size, expected CORRAL_INIT(variable)"));
}

std::vector<std::string> texts_of(const char* const* list) {
  std::vector<std::string> texts;
  for (; list != nullptr && *list != nullptr; ++list)
    texts.emplace_back(*list);
  return texts;
}

core::Answer<void> take_limits(core::JobLimits& limits, core::TermsList& terms,
                               const char* const* list) {
  for (const std::string& text : texts_of(list)) {
    const auto limit = core::read_terms(text);
    if (!limit) return std::unexpected(core::invalid(limit.error()));
    if (limit->is_empty())
      return std::unexpected(
          core::invalid("limit '" + text +
                        "' takes one away, expected one that there is to be"));
    core::set_terms(limits, terms, *limit);
  }
  return {};
}

core::Answer<core::Stragglers> stragglers_of(int word, core::Stragglers usual) {
  switch (word) {
    case CORRAL_STRAGGLERS:
      return usual;
    case CORRAL_STRAGGLERS_END:
      return core::Stragglers::kEnd;
    case CORRAL_STRAGGLERS_KILL:
      return core::Stragglers::kKill;
    case CORRAL_STRAGGLERS_LINGER:
      return core::Stragglers::kLinger;
    default:
      return std::unexpected(core::invalid("stragglers " +
                                           std::to_string(word) +
                                           " is not known, expected 0 to 3"));
  }
}

core::Answer<core::AttachMode> mode_of(int word) {
  switch (word) {
    case CORRAL_MOVE:
      return core::AttachMode::kMove;
    case CORRAL_NESTED:
      return core::AttachMode::kNested;
    case CORRAL_LOGICAL:
      return core::AttachMode::kLogical;
    case CORRAL_TRANSFER:
      return core::AttachMode::kTransfer;
    default:
      return std::unexpected(core::invalid("mode " + std::to_string(word) +
                                           " is not known, expected 0 to 3"));
  }
}

core::Answer<core::KillPlan> plan_of(int first_signal, std::uint64_t grace_us) {
  if (!core::is_signal(first_signal))
    return std::unexpected(core::invalid("first signal " +
                                         std::to_string(first_signal) +
                                         " is none, expected 1 to 64"));
  core::KillPlan plan;
  plan.first_signal = core::SignalNumber(first_signal);
  plan.grace = core::Microseconds(grace_us);
  return plan;
}

corral_job job_of(const core::JobView& view) {
  const bool has_ended = view.state == core::JobState::kEnded;
  corral_job job = {};
  job.jid = view.jid.raw();
  set_text(job.name, view.name);
  job.owner = view.owner.raw();
  job.state = static_cast<int>(view.state);
  job.is_frozen = view.freezing == core::Freezing::kFrozen ? 1 : 0;
  job.main_pid = view.main ? view.main->raw() : 0;
  job.created_us = time_of(view.created.real);
  job.started_us = time_of(view.started.real);
  job.ended_us = has_ended ? time_of(view.ended.real) : CORRAL_ABSENT;
  job.has_status = has_ended && view.result.has_status ? 1 : 0;
  job.wait_status = job.has_status == 1 ? view.result.wait_status : 0;
  job.shell_code = has_ended ? core::shell_code(view.result) : 0;
  set_text(job.result, core::word_of(view.result.reason));
  set_text(job.sentence, core::sentence_of(view).view());
  return job;
}

}  // namespace capi
