// SPDX-License-Identifier: Apache-2.0
// corral session: what a login service does about its sessions (pam_corral(8)
// runs it), and what there are.
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_list.h"
#include "cli/job_selection.h"
#include "cli/job_text.h"
#include "cli/output.h"
#include "cli/table_view.h"
#include "cli/terminal_text.h"
#include "cli/value_types.h"
#include "core/limit_terms_text.h"
#include "core/try.h"
#include "sys/pid_fd.h"

namespace cli {
namespace {

using Done = core::Answer<void>;

core::Answer<core::SessionRequest> request_of(const Arguments& arguments) {
  core::SessionRequest request;
  request.user = arguments.value("user").value_or("");
  request.service = arguments.value("service").value_or("");
  request.domain = arguments.value("domain").value_or("");
  request.project = arguments.value("project").value_or("");
  request.account = arguments.value("account").value_or("");
  request.nests = arguments.value("nest").value_or("keep") == "new";
  if (const auto word = arguments.value("mode"))
    request.mode = *core::parse_attach_mode(*word);
  if (request.mode != core::AttachMode::kMove &&
      request.mode != core::AttachMode::kLogical)
    return refuse(core::Refusal::kInvalid,
                  "option '--mode' is '" +
                      std::string(*arguments.value("mode")) +
                      "', expected move or logical for a session");
  if (const auto word = arguments.value("stragglers"))
    request.stragglers = *core::parse_stragglers(*word);
  if (const auto grace = arguments.value("grace"))
    request.kill_plan.grace = *parse_duration(*grace);
  for (const std::string& limit : arguments.values("limit"))
    (void)core::parse_terms_list(request.limits, request.terms, limit);
  request.accepts_less = arguments.has("accept-less");
  return request;
}

/// Who called us, unless another is named.
core::Answer<sys::PidFd> leader_of(const Arguments& arguments) {
  core::Pid pid(::getppid());
  if (const auto word = arguments.value("leader")) pid = TRY(parse_pid(*word));
  auto pidfd = sys::PidFd::open(pid);
  if (pidfd) return *std::move(pidfd);
  return refuse(core::Refusal::kNoSuchProcess,
                "there is no process " + std::to_string(pid.raw()));
}

Done open(bus::Client& client, const Arguments& arguments) {
  if (arguments.operands().size() > 1)
    return refuse(core::Refusal::kInvalid,
                  "'" + arguments.operands()[1] +
                      "' is one word too many; 'session open' takes options");
  const core::SessionRequest request = TRY(request_of(arguments));
  const sys::PidFd leader = TRY(leader_of(arguments));
  const core::OpenedSession opened =
      TRY(client.open_session(request, leader.get()));
  if (arguments.has("json")) {
    print(opened_json(opened));
    return {};
  }
  // The form that pam_corral reads.
  print(std::string(core::display(opened.jid).view()) +
        (opened.is_existing ? " existing\n" : " opened\n"));
  return {};
}

Done close(bus::Client& client, const Arguments& arguments) {
  const auto& words = arguments.operands();
  if (words.size() < 2)
    return refuse(core::Refusal::kInvalid,
                  "no session was named; 'corral session show' lists them");
  for (std::size_t i = 1; i < words.size(); ++i) {
    const core::JobId jid = TRY(select_job(client, words[i]));
    TRY(client.close_session(jid));
  }
  return {};
}

void print_sessions(const std::vector<core::JobView>& sessions) {
  TableView table({{.title = "JID"},
                   {.title = "USER"},
                   {.title = "SERVICE"},
                   {.title = "DOMAIN"},
                   {.title = "LEADER"},
                   {.title = "STATE"}});
  for (const core::JobView& job : sessions)
    table.add({{.text = std::string(core::display(job.jid).view())},
               {.text = user_name(job.owner)},
               {.text = job.service},
               {.text = job.domain},
               {.text = job.main ? std::to_string(job.main->raw()) : ""},
               {.text = std::string(state_word(job))}});
  print(table.render(screen_of(STDOUT_FILENO), TableView::Header::kShown));
}

Done show(bus::Client& client, const Arguments& arguments) {
  const auto& words = arguments.operands();
  std::vector<core::JobView> sessions;
  if (words.size() > 1) {
    sessions =
        TRY(named_jobs(client, {words.begin() + 1, words.end()}, select_job));
    for (const core::JobView& job : sessions)
      if (job.kind != core::JobKind::kSession)
        return refuse(core::Refusal::kInvalid,
                      "job " + std::string(core::display(job.jid).view()) +
                          " is no session; 'corral show' shows it");
  } else {
    sessions = TRY(all_jobs(client, {}));
  }
  std::erase_if(sessions, [](const core::JobView& job) {
    return job.kind != core::JobKind::kSession;
  });
  if (arguments.has("json"))
    print(jobs_json(sessions));
  else
    print_sessions(sessions);
  return {};
}

struct Verb {
  std::string_view word;
  Done (*run)(bus::Client& client, const Arguments& arguments);
};
// NOLINTNEXTLINE(modernize-use-designated-initializers): a table
constexpr Verb kVerbs[] = {{"open", open}, {"close", close}, {"show", show}};

}  // namespace

int handle_session(const Arguments& arguments) {
  const std::string& word = arguments.operands().front();
  for (const Verb& verb : kVerbs) {
    if (verb.word != word) continue;
    // Said before an instance is looked for: it is wrong with each.
    if (verb.run == open && !arguments.value("user"))
      return complain("whose session it is was not said; '--user NAME' does",
                      kMisused);
    auto client = connect(which_instance(arguments));
    if (!client) return complain(client.error());
    const Done done = verb.run(*client, arguments);
    return done ? kSuccess : complain(done.error());
  }
  return complain("'" + word +
                      "' is nothing to do with sessions, expected 'open', "
                      "'close' or 'show'",
                  kMisused);
}

}  // namespace cli
