// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/daemon_use.h"

#include <algorithm>
#include <cstring>

#include "accounting/bounded_sum.h"
#include "accounting/text/report_text.h"

namespace accounting::csadrep {

namespace {

/// struct wm_hdr: says what comes next, and how many.
struct Heading {
  char name[8];
  std::int32_t count;
};
static_assert(sizeof(Heading) == 12);

template <std::size_t N>
void copy_name(char (&to)[N], std::string_view from) {
  std::memset(to, 0, N);
  std::memcpy(to, from.data(), std::min(N, from.size()));
}

template <class Value>
void append(std::string& bytes, const Value& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_heading(std::string& bytes, char number, std::size_t count) {
  Heading heading = {.name = {' ', 'W', 'K', 'M', 'G', ' ', number, ' '},
                     .count = static_cast<std::int32_t>(count)};
  append(bytes, heading);
}

void lower(std::uint64_t& lowest, std::uint64_t value) {
  if ((lowest == 0 || value < lowest) && value > 0) lowest = value;
}

/// Takes values from the front of a file's bytes.
class Source {
 public:
  Source(std::string_view bytes, const std::string& name)
      : bytes_(bytes), name_(name) {}

  template <class Value>
  Outcome<void> take(Value& value) {
    if (bytes_.size() < sizeof value) return fault();
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return {};
  }
  /// The number behind a heading.
  Outcome<std::size_t> heading(char number) {
    Heading heading = {};
    TRY(take(heading));
    const bool is_right = std::memcmp(heading.name, " WKMG ", 6) == 0 &&
                          heading.name[6] == number && heading.count >= 0;
    if (!is_right) return fault();
    return static_cast<std::size_t>(heading.count);
  }
  [[nodiscard]] std::unexpected<Stop> fault() const {
    return stop("An error occurred during the reading of file '" + name_ +
                    "' binary input.",
                0);
  }
  template <class Value>
  Outcome<void> list(char number, std::vector<Value>& values) {
    const std::size_t count = TRY(heading(number));
    for (std::size_t i = 0; i < count; ++i) {
      Value value;
      TRY(take(value));
      values.push_back(value);
    }
    return {};
  }

 private:
  std::string_view bytes_;
  const std::string& name_;
};

}  // namespace

void Times::add(const Times& other) {
  system += other.system;
  user += other.user;
  cpu_delay += other.cpu_delay;
  block_delay += other.block_delay;
  swap_delay += other.swap_delay;
}

Outcome<std::size_t> DaemonUse::queue_named(std::string_view name) {
  for (std::size_t i = 0; i < queues_.size(); ++i)
    if (text_of(queues_[i].use.name) == name) return i;
  if (queues_.size() >= kMostQueues)
    return std::unexpected(
        Stop{.text = "MAX_QUEUE exceeded. Overflow of the WKMG queue table can "
                     "be corrected by recompiling with a larger MAX_QUEUE "
                     "value.\n",
             .code = 3});
  queues_.push_back({});
  copy_name(queues_.back().use.name, name);
  return queues_.size() - 1;
}

Outcome<void> DaemonUse::add_request(const csa::Workload& record, JobUse& job,
                                     RequestProgress& progress) {
  const std::size_t index = TRY(queue_named(text_of(record.quename)));
  Queue& queue = queues_[index];
  const auto system = static_cast<std::uint64_t>(record.stime);
  const auto user = static_cast<std::uint64_t>(record.utime);
  batch.system += system;
  batch.user += user;
  const std::uint64_t all_system = job.times.system + system;
  const std::uint64_t all_user = job.times.user + user;
  queue.use.system += all_system;
  queue.use.user += all_user;
  system_ += all_system;
  user_ += all_user;
  queue.use.core_himem += job.core_himem;
  queue.use.virt_himem += job.virt_himem;
  lower(queue.use.core_lowest, job.core_himem);
  lower(queue.use.virt_lowest, job.virt_himem);
  queue.use.core_highest = std::max(queue.use.core_highest, job.core_himem);
  queue.use.virt_highest = std::max(queue.use.virt_highest, job.virt_himem);
  add_bounded(queue.use.wait, record.qwtime);
  const bool is_first = progress.seen == 0;
  auto machine =
      std::ranges::find_if(queue.machines, [&](const MachineUse& known) {
        return text_of(known.name) == text_of(record.machname);
      });
  if (machine == queue.machines.end()) {
    machine = queue.machines.insert(queue.machines.begin(), MachineUse());
    copy_name(machine->name, text_of(record.machname));
  }
  if (is_first) {
    ++queue.use.jobs;
    ++machine->jobs;
    RequestUse request{.uid = record.uid,
                       .arrayid = record.arrayid,
                       .core_himem = job.core_himem,
                       .virt_himem = job.virt_himem,
                       .cpu_delay = job.times.cpu_delay,
                       .block_delay = job.times.block_delay,
                       .swap_delay = job.times.swap_delay,
                       .reqid = record.reqid};
    copy_name(request.name, text_of(record.reqname));
    copy_name(request.machine, text_of(record.machname));
    queue.requests.insert(queue.requests.begin(), request);
    progress.queue = index;
  }
  RequestUse& request = queues_[progress.queue].requests.front();
  request.system += all_system;
  request.user += all_user;
  if (++progress.seen == progress.all) {
    // The published program reckons here with 32 bits.
    const auto cpu = static_cast<std::int32_t>(request.cpu());
    if (cpu > 0) lower(queue.use.cpu_lowest, static_cast<std::uint64_t>(cpu));
    queue.use.cpu_highest =
        std::max(queue.use.cpu_highest, static_cast<std::uint64_t>(cpu));
  }
  job = {};
  return {};
}

std::string DaemonUse::to_bytes() const {
  std::string bytes;
  append(bytes, interactive_jobs);
  append(bytes, batch_jobs);
  append(bytes, interactive);
  append(bytes, batch);
  append_heading(bytes, '1', 0);
  append(bytes, system_);
  append(bytes, user_);
  const auto queue_at = [this](std::size_t i) {
    return i < queues_.size() ? queues_[i] : Queue();
  };
  for (std::size_t i = 0; i < kMostQueues; ++i)
    append(bytes, queue_at(i).use);
  append_heading(bytes, '2', kMostQueues);
  for (std::size_t i = 0; i < kMostQueues; ++i) {
    const Queue queue = queue_at(i);
    append_heading(bytes, '3', queue.machines.size());
    for (const MachineUse& machine : queue.machines)
      append(bytes, machine);
  }
  append_heading(bytes, '4', 0);
  for (std::size_t i = 0; i < kMostQueues; ++i) {
    const Queue queue = queue_at(i);
    append_heading(bytes, '5', queue.requests.size());
    for (const RequestUse& request : queue.requests)
      append(bytes, request);
  }
  return bytes;
}

void DaemonUse::merge(std::size_t index, const Queue& other) {
  QueueUse& to = queues_[index].use;
  const QueueUse& from = other.use;
  to.system += from.system;
  to.user += from.user;
  add_bounded(to.jobs, from.jobs);
  add_bounded(to.wait, from.wait);
  to.core_himem += from.core_himem;
  to.virt_himem += from.virt_himem;
  const auto merge_range = [](std::uint64_t& lowest, std::uint64_t& highest,
                              std::uint64_t low, std::uint64_t high) {
    highest = std::max(highest, high);
    if (lowest == 0 || lowest > low) lowest = low;
  };
  merge_range(to.core_lowest, to.core_highest, from.core_lowest,
              from.core_highest);
  merge_range(to.virt_lowest, to.virt_highest, from.virt_lowest,
              from.virt_highest);
  merge_range(to.cpu_lowest, to.cpu_highest, from.cpu_lowest, from.cpu_highest);
  auto& machines = queues_[index].machines;
  for (const MachineUse& machine : other.machines) {
    const auto known =
        std::ranges::find_if(machines, [&](const MachineUse& candidate) {
          return text_of(candidate.name) == text_of(machine.name);
        });
    if (known == machines.end())
      machines.push_back(machine);
    else
      add_bounded(known->jobs, machine.jobs);
  }
  auto& requests = queues_[index].requests;
  requests.insert(requests.end(), other.requests.begin(), other.requests.end());
}

Outcome<void> DaemonUse::add_bytes(std::string_view bytes,
                                   const std::string& name) {
  Source source(bytes, name);
  DaemonUse other;
  TRY(source.take(other.interactive_jobs));
  TRY(source.take(other.batch_jobs));
  TRY(source.take(other.interactive));
  TRY(source.take(other.batch));
  (void)TRY(source.heading('1'));
  TRY(source.take(other.system_));
  TRY(source.take(other.user_));
  other.queues_.resize(kMostQueues);
  for (Queue& queue : other.queues_)
    TRY(source.take(queue.use));
  const std::size_t count = TRY(source.heading('2'));
  if (count != kMostQueues) return source.fault();
  for (Queue& queue : other.queues_)
    TRY(source.list('3', queue.machines));
  (void)TRY(source.heading('4'));
  for (Queue& queue : other.queues_)
    TRY(source.list('5', queue.requests));
  add_bounded(interactive_jobs, other.interactive_jobs);
  add_bounded(batch_jobs, other.batch_jobs);
  interactive.add(other.interactive);
  batch.add(other.batch);
  system_ += other.system_;
  user_ += other.user_;
  for (const Queue& queue : other.queues_) {
    const std::string_view queue_name = text_of(queue.use.name);
    if (queue_name.empty()) continue;
    merge(TRY(queue_named(queue_name)), queue);
  }
  return {};
}

}  // namespace accounting::csadrep
