// SPDX-License-Identifier: Apache-2.0
// corral attach, corral detach: processes that exist already come into jobs and
// leave them. A process is meant by its number as it is when the command
// starts: from then on a pidfd stands for it.
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_selection.h"
#include "cli/limit_notes.h"
#include "cli/output.h"
#include "core/limit_terms_text.h"
#include "core/try.h"
#include "sys/pid_fd.h"

namespace cli {
namespace {

struct Process {
  core::Pid pid;
  sys::PidFd pidfd;
};

core::Answer<Process> open_process(std::string_view word) {
  const core::Pid pid = TRY(parse_pid(word));
  auto pidfd = sys::PidFd::open(pid);
  if (pidfd) return Process{.pid = pid, .pidfd = *std::move(pidfd)};
  if (pidfd.error().code == EINVAL || pidfd.error().code == ENOENT)
    return refuse(core::Refusal::kInvalid,
                  "process " + std::to_string(pid.raw()) +
                      " is a thread of a process, expected the process");
  if (pidfd.error().code == ESRCH)
    return refuse(core::Refusal::kNoSuchProcess,
                  "there is no process " + std::to_string(pid.raw()));
  return refuse(core::Refusal::kUnavailable, pidfd.error().message().c_str());
}

core::Answer<std::vector<Process>> open_all(
    const std::vector<std::string>& words, std::size_t first) {
  std::vector<Process> processes;
  for (std::size_t i = first; i < words.size(); ++i)
    processes.push_back(TRY(open_process(words[i])));
  return processes;
}

core::Answer<core::JobSpec> new_job(bus::Client& client,
                                    const Arguments& arguments) {
  core::JobSpec spec;
  spec.kind = core::JobKind::kAttached;
  spec.stragglers = core::Stragglers::kLinger;
  spec.name = arguments.value("name").value_or("");
  for (const std::string& limit : arguments.values("limit"))
    (void)core::parse_terms_list(spec.limits, spec.terms, limit);
  spec.accepts_less = arguments.has("accept-less");
  // Who is not moved needs no container.
  if (arguments.value("mode") == "logical")
    spec.engine = core::has_cgroup(TRY(client.instance()).engine)
                      ? core::Engine::kCgroup2
                      : core::Engine::kSubreaper;
  if (const auto parent = arguments.value("parent"))
    spec.parent = TRY(select_job(client, *parent));
  return spec;
}

/// Who makes a job within another means to take its processes from there.
core::AttachMode mode_of(const Arguments& arguments) {
  if (const auto word = arguments.value("mode"))
    return *core::parse_attach_mode(*word);
  return arguments.has("parent") ? core::AttachMode::kNested
                                 : core::AttachMode::kMove;
}

core::Answer<core::JobId> target_job(bus::Client& client,
                                     const Arguments& arguments) {
  if (!arguments.has("new"))
    return select_job(client, arguments.operands().front());
  const core::JobSpec spec = TRY(new_job(client, arguments));
  const core::JobId jid = TRY(client.create(spec)).jid;
  if (spec.accepts_less) tell_not_held(client, jid);
  return jid;
}

struct Attached {
  core::JobId jid;
  std::vector<core::Pid> pids;
  /// Why those behind `pids` were not attached.
  std::optional<core::Refused> fault = {};
};

/// A new job of which nobody knows is ended where it is empty; with processes
/// in it, it is said to be there. Without an answer nobody knows whether it is
/// empty: then it is given up by itself.
void settle_new_job(bus::Client& client, Attached& done) {
  const std::string name = core::job_text(done.jid);
  if (done.pids.empty() && done.fault->why == core::Refusal::kUnavailable)
    return;
  if (done.pids.empty())
    (void)client.end(done.jid,
                     {.first_signal = {}, .grace = core::Microseconds()});
  else
    done.fault->text += "; the new " + name + " stays, with " +
                        std::to_string(done.pids.size()) +
                        " that came in before";
}

core::Answer<Attached> attach_all(bus::Client& client,
                                  const Arguments& arguments) {
  const bool is_new = arguments.has("new");
  // Before the job is made: what is no process makes none.
  const auto processes = TRY(open_all(arguments.operands(), is_new ? 0 : 1));
  if (processes.empty())
    return refuse(core::Refusal::kInvalid, "no process was named");
  Attached done{.jid = TRY(target_job(client, arguments)), .pids = {}};
  for (const Process& process : processes) {
    const auto attached =
        client.attach(done.jid, process.pidfd.get(), mode_of(arguments));
    if (!attached) {
      done.fault = attached.error();
      break;
    }
    done.pids.push_back(process.pid);
  }
  if (done.fault && is_new) settle_new_job(client, done);
  if (done.fault && (!is_new || done.pids.empty()))
    return std::unexpected(*std::move(done.fault));
  return done;
}

int detach_jobs(bus::Client& client, const Arguments& arguments) {
  int code = kSuccess;
  for (const std::string& word : arguments.operands()) {
    const auto jid = select_job(client, word);
    const auto count =
        jid ? client.detach_all(*jid)
            : core::Answer<std::uint32_t>(std::unexpected(jid.error()));
    if (!count)
      code = complain(count.error());
    else if (arguments.has("json"))
      print(detached_json(*jid, *count));
  }
  return code;
}

}  // namespace

int attach_processes(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  const auto done = attach_all(*client, arguments);
  if (!done) return complain(done.error());
  if (arguments.has("json"))
    print(attached_json(done->jid, done->pids));
  else if (arguments.has("new"))
    print(std::string(core::display(done->jid).view()) + "\n");
  return done->fault ? complain(*done->fault) : kSuccess;
}

int detach_processes(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  if (arguments.has("job")) return detach_jobs(*client, arguments);
  int code = kSuccess;
  for (const std::string& word : arguments.operands()) {
    const auto process = open_process(word);
    const auto jid =
        process ? client->detach(process->pidfd.get())
                : core::Answer<core::JobId>(std::unexpected(process.error()));
    if (!jid)
      code = complain(jid.error());
    else if (arguments.has("json"))
      print(attached_json(*jid, {process->pid}));
  }
  return code;
}

}  // namespace cli
