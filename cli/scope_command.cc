// SPDX-License-Identifier: Apache-2.0
#include "cli/scope_command.h"

#include "core/job_result.h"
#include "core/limit_text.h"

namespace cli {
namespace {

class Words {
 public:
  explicit Words(const std::string& program) : words_{program} {}
  void add(std::string_view option) { words_.emplace_back(option); }
  void add(std::string_view option, std::string_view value) {
    words_.emplace_back(option);
    words_.emplace_back(value);
  }
  void add(std::string_view option, std::uint64_t value) {
    add(option, std::to_string(value));
  }
  std::vector<std::string> take() && { return std::move(words_); }

 private:
  std::vector<std::string> words_;
};

std::uint64_t milliseconds_of(core::Microseconds time) {
  return (time.raw() + 999) / 1000;
}

void add_mode(Words& words, const Supervised& job) {
  words.add("--scope", std::to_string(job.link));
  if (job.container >= 0)
    words.add("--cgroup-fd", std::to_string(job.container));
  for (const int join : job.joins)
    words.add("--join-fd", std::to_string(join));
  words.add("--jid", core::display(job.jid).view().substr(2));
  words.add("--engine", core::name_of(job.engine));
}

void add_mode(Words& words, const Recorded& recorded) {
  words.add("--record", recorded.pacct);
  if (!recorded.cgroup_base.empty())
    words.add("--cgroup-base", recorded.cgroup_base);
  if (recorded.engine) words.add("--engine", core::name_of(*recorded.engine));
}

void add_identity(Words& words, const Identity& identity) {
  words.add("--uid", identity.uid.raw());
  words.add("--gid", identity.gid.raw());
  std::string groups;
  for (const core::Gid group : identity.groups) {
    if (!groups.empty()) groups += ',';
    groups += std::to_string(group.raw());
  }
  words.add("--groups", groups);
}

/// The ending of the job: only what differs from the scope's own defaults, for
/// a short command line in ps(1).
void add_ending(Words& words, const core::JobSpec& spec) {
  if (spec.stragglers != core::Stragglers::kEnd)
    words.add("--stragglers", core::name_of(spec.stragglers));
  constexpr core::KillPlan kDefault;
  if (spec.kill_plan.grace != kDefault.grace)
    words.add("--grace", milliseconds_of(spec.kill_plan.grace));
  if (spec.kill_plan.first_signal != kDefault.first_signal)
    words.add("--signal",
              core::signal_name(spec.kill_plan.first_signal.raw()).view());
}

/// Under an instance those that it leaves to the scope; alone all of them.
void add_limits(Words& words, const ScopeSetting& setting,
                const core::JobSpec& spec) {
  const auto* const supervised = std::get_if<Supervised>(&setting.mode);
  const auto limits = core::limit_text(
      supervised != nullptr ? supervised->limits : spec.limits);
  if (limits.empty()) return;
  words.add("--limit", limits.view());
  if (supervised == nullptr && !spec.accepts_less) words.add("--strict-limits");
}

}  // namespace

std::vector<std::string> scope_words(const std::string& program,
                                     const RunRequest& request,
                                     const ScopeSetting& setting) {
  Words words(program);
  std::visit([&words](const auto& mode) { add_mode(words, mode); },
             setting.mode);
  if (!request.spec.name.empty()) words.add("--name", request.spec.name);
  words.add("--reraise");
  add_ending(words, request.spec);
  add_limits(words, setting, request.spec);
  if (setting.report_fd >= 0 && request.report != ReportForm::kNone)
    words.add(
        request.report == ReportForm::kJson ? "--report-json" : "--report",
        std::to_string(setting.report_fd));
  if (setting.identity) add_identity(words, *setting.identity);
  if (request.cwd) words.add("--cwd", *request.cwd);
  words.add("--");
  for (const std::string& word : request.spec.argv)
    words.add(word);
  return std::move(words).take();
}

}  // namespace cli
