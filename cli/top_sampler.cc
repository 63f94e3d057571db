// SPDX-License-Identifier: Apache-2.0
#include "cli/top_sampler.h"

#include <unistd.h>

#include <string>

#include "cli/job_list.h"
#include "core/number_text.h"
#include "core/try.h"
#include "sys/read_file.h"

namespace cli {
namespace {

/// The resident memory of a process: the second number of /proc/PID/statm, in
/// pages (proc(5)).
std::uint64_t resident_of(core::Pid pid) {
  const std::string path = "/proc/" + std::to_string(pid.raw()) + "/statm";
  char buffer[128];
  const auto text = sys::read_small_file(path.c_str(), buffer);
  if (!text) return 0;  // it has gone
  const std::size_t begin = text->find(' ');
  if (begin == std::string_view::npos) return 0;
  const std::string_view rest = text->substr(begin + 1);
  const auto pages =
      core::parse_number(rest.substr(0, rest.find(' ')), UINT32_MAX);
  return pages.value_or(0) * static_cast<std::uint64_t>(::getpagesize());
}

bool lacks_counters(const core::UsageView& usage) {
  return !usage.memory || !usage.processes || !usage.totals.user_time;
}

void add_up(TopSample& sample,
            const std::vector<core::ProcessView>& processes) {
  std::uint64_t cpu = 0;
  std::uint64_t memory = 0;
  for (const core::ProcessView& process : processes) {
    cpu += process.cpu_us;
    memory += resident_of(process.pid);
  }
  core::UsageView& usage = sample.usage;
  sample.is_sum = !usage.memory;
  if (!usage.memory) usage.memory = core::Bytes(memory);
  if (!usage.processes) usage.processes = processes.size();
  if (usage.totals.user_time) return;
  usage.totals.user_time = core::Microseconds(cpu);
  usage.totals.system_time = core::Microseconds(0);  // it is in there
}

/// Nothing: the job has gone meanwhile.
core::Answer<std::optional<TopSample>> sample(bus::Client& client,
                                              core::JobView job) {
  const auto usage = client.usage(job.jid);
  if (!usage && usage.error().why == core::Refusal::kNoSuchJob)
    return std::nullopt;
  if (!usage) return std::unexpected(usage.error());
  TopSample sample{.job = std::move(job), .usage = *usage, .is_sum = false};
  if (!lacks_counters(sample.usage)) return sample;
  const auto processes = client.processes(sample.job.jid);
  if (client.is_silent()) return std::unexpected(processes.error());
  if (processes) add_up(sample, *processes);
  return sample;
}

}  // namespace

core::Answer<TopSamples> sample_jobs(bus::Client& client) {
  TopSamples samples;
  for (core::JobView& job : TRY(all_jobs(client, {}))) {
    const core::JobId jid = job.jid;
    if (auto one = TRY(sample(client, std::move(job))))
      samples.emplace(jid, *std::move(one));
  }
  return samples;
}

}  // namespace cli
