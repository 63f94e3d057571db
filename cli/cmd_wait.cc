// SPDX-License-Identifier: Apache-2.0
// corral wait: until jobs have ended; exits as they did. The status line has a
// timer, so it exists only where a person looks at it.
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_list.h"
#include "cli/job_selection.h"
#include "cli/job_text.h"
#include "cli/output.h"
#include "cli/run_request.h"
#include "cli/terminal_text.h"
#include "cli/value_types.h"
#include "core/job_report_json.h"
#include "core/job_sentence.h"
#include "core/try.h"
#include "sys/clock.h"

namespace cli {
namespace {

constexpr core::Microseconds kStatusEvery = core::seconds(1);
constexpr int kTimeIsOver = 75;  // EX_TEMPFAIL of sysexits.h

std::string label_of(const core::JobView& job) {
  std::string label(core::display(job.jid).view());
  if (!job.name.empty()) label += " '" + printable(job.name) + "'";
  return label;
}

std::string status_line(bus::Client& client, const core::JobView& job) {
  std::string line = label_of(job) + " " + std::string(state_word(job));
  if (const auto age = age_of(job, sys::boot_now()))
    line += " for " + short_time(*age);
  if (const auto cpu = cpu_time_of(job)) line += ", cpu " + short_time(*cpu);
  if (job.totals.memory_peak)
    line += ", memory " + short_size(*job.totals.memory_peak);
  if (const auto processes = client.processes(job.jid))
    line += ", " + std::to_string(processes->size()) +
            (processes->size() == 1 ? " process" : " processes");
  return line;
}

/// A line that is written over itself on standard error.
class LiveLine {
 public:
  explicit LiveLine(const Screen& screen) : screen_(screen) {}
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  ~LiveLine() { show(""); }

  void show(std::string_view text) const {
    // One column stays free, so that the cursor does not wrap.
    const std::size_t width = screen_.width > 1 ? screen_.width - 1 : 79;
    const std::string line = "\r\x1B[K" + std::string(fit(text, width));
    (void)!::write(STDERR_FILENO, line.data(), line.size());
  }

 private:
  Screen screen_;
};

/// As it has ended; or as it is when the deadline has come.
core::Answer<core::JobView> wait_showing(bus::Client& client, core::JobId jid,
                                         std::optional<core::BootTime> deadline,
                                         const Screen& screen) {
  const LiveLine line(screen);
  while (true) {
    core::Microseconds patience = kStatusEvery;
    if (deadline) patience = std::min(patience, *deadline - sys::boot_now());
    auto ended = TRY(client.wait_for(jid, patience));
    if (ended) return *std::move(ended);
    if (deadline && sys::boot_now() >= *deadline) return client.show(jid);
    if (const auto job = client.show(jid)) line.show(status_line(client, *job));
  }
}

/// Likewise.
core::Answer<core::JobView> wait_quietly(
    bus::Client& client, core::JobId jid,
    std::optional<core::BootTime> deadline) {
  if (!deadline) return client.wait(jid);
  auto ended = TRY(client.wait_for(jid, *deadline - sys::boot_now()));
  if (ended) return *std::move(ended);
  return client.show(jid);
}

void say_end(const core::JobView& job, const Screen& screen) {
  std::string line =
      label_of(job) + " " + printable(core::sentence_of(job).view());
  if (const auto time = age_of(job, job.ended.boot))
    line += " after " + short_time(*time);
  const bool is_good = core::shell_code(job.result) == 0;
  line = coloured(screen, is_good ? Colour::kGood : Colour::kBad, line) + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

void report_end(const core::JobView& job, ReportForm form) {
  const core::JobReport report = report_of(job);
  if (form == ReportForm::kText) {
    const core::ReportText text = core::render(report);
    (void)!::write(STDERR_FILENO, text.c_str(), text.size());
  }
  if (form == ReportForm::kJson) {
    const core::ReportJson json = core::render_json(report);
    (void)!::write(STDERR_FILENO, json.c_str(), json.size());
  }
}

/// The exit code; nothing: the deadline has come.
std::optional<int> wait_for_one(bus::Client& client, core::JobId jid,
                                std::optional<core::BootTime> deadline,
                                const Arguments& arguments) {
  const Screen screen = screen_of(STDERR_FILENO);
  const bool is_live = screen.is_terminal && !arguments.has("quiet");
  const auto job = is_live ? wait_showing(client, jid, deadline, screen)
                           : wait_quietly(client, jid, deadline);
  if (!job) return complain(job.error());
  if (arguments.has("json")) print(job_json(*job));
  if (!has_ended(*job)) {
    complain(core::job_text(jid) + " still lives after " +
             std::string(*arguments.value("timeout")) +
             ", and is not waited for any longer");
    return std::nullopt;
  }
  const ReportForm form = report_form(arguments);
  if (is_live && form == ReportForm::kNone) say_end(*job, screen);
  report_end(*job, form);
  return core::shell_code(job->result);
}

}  // namespace

int wait_for_jobs(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  // A name that is wrong is said now, not when those before it have ended.
  std::vector<core::JobId> jobs;
  for (const std::string& word : arguments.operands()) {
    const auto jid = select_job(*client, word);
    if (!jid) return complain(jid.error());
    jobs.push_back(*jid);
  }
  std::optional<core::BootTime> deadline;
  if (const auto time = arguments.value("timeout"))
    deadline = sys::boot_now() + *parse_duration(*time);
  int code = kSuccess;
  bool is_over = false;
  for (const core::JobId jid : jobs) {  // when it is over, those that ended too
    const auto ended = wait_for_one(*client, jid, deadline, arguments);
    is_over |= !ended.has_value();
    code = ended.value_or(code);
  }
  return is_over ? kTimeIsOver : code;
}

}  // namespace cli
