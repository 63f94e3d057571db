// SPDX-License-Identifier: Apache-2.0
// Any bytes as an accounting file of which `corral report` adds up the use, by
// every key. The first byte says where the file is cut, and whether checksums
// are believed to be right, as a mutation seldom makes one that is.
//
// Whatever the key, each process and each job is counted once, and the rows
// add up to the same; jobs that ended before a moment and those that did not
// are all jobs; what an index keeps of a part takes its place, and so do the
// records of one job that it points to.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "accounting/csa_group.h"
#include "accounting/index/part_fold.h"
#include "accounting/index/use_index.h"
#include "accounting/job_facts.h"
#include "accounting/use_fold.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;

constexpr unsigned kBelieves = 1;
constexpr UseKey kKeys[] = {
    UseKey::kJob,     UseKey::kUser,    UseKey::kGroup,
    UseKey::kProject, UseKey::kAccount, UseKey::kCommand,
    UseKey::kDay,     UseKey::kHour,    UseKey::kNode};

void must(bool holds) {
  if (!holds) std::abort();
}

/// As a reader finds them who goes on behind damage at the next byte.
std::vector<Group> groups_of(std::span<const std::byte> bytes, bool believes) {
  std::vector<Group> groups;
  for (std::uint64_t at = 0; at < bytes.size();) {
    ParseResult result = parse_group(bytes.subspan(at), true);
    if (result.verdict != ParseVerdict::kGroup) {
      ++at;
      continue;
    }
    result.group.offset = at;
    if (believes) result.group.is_sound = true;
    at += result.group.size;
    groups.push_back(std::move(result.group));
  }
  return groups;
}

/// No more than the largest that there is: a sum that turns round is wrong.
std::uint64_t plus(std::uint64_t one, std::uint64_t other) {
  return other > UINT64_MAX - one ? UINT64_MAX : one + other;
}

/// A sum that was reckoned here.
struct Sum {
  std::uint64_t value = 0;
  std::uint64_t known = 0;
  std::uint64_t unknown = 0;
  std::uint64_t partly = 0;

  void add(const UseSum& sum, bool is_largest) {
    value = is_largest ? std::max(value, sum.value) : plus(value, sum.value);
    known += sum.known;
    unknown += sum.unknown;
    partly += sum.partly;
  }
  void add(const std::optional<std::uint64_t>& count) {
    value = plus(value, count.value_or(0));
    ++(count ? known : unknown);
  }
  friend bool operator==(const Sum&, const Sum&) = default;
};

struct Totals {
  std::uint64_t jobs = 0;
  std::uint64_t open = 0;
  std::uint64_t processes = 0;
  std::array<Sum, std::size(kUseSums)> sums;

  void add(const UseRow& row) {
    jobs += row.jobs;
    open += row.open;
    processes += row.processes;
    for (std::size_t i = 0; i < std::size(kUseSums); ++i)
      sums[i].add(row.*kUseSums[i], kUseSums[i] == &UseRow::memory_bytes);
  }
  friend bool operator==(const Totals&, const Totals&) = default;
};

Totals totals_of(const UseRows& rows) {
  Totals totals;
  for (const UseRow& row : rows)
    totals.add(row);
  return totals;
}

UseRows rows_of(std::span<const Group> groups, UseKey key,
                const UseFilter& filter = {}) {
  UseFold fold(key, filter);
  for (const Group& group : groups)
    fold.add(group);
  return std::move(fold).finish();
}

/// What the records themselves say, without the fold.
struct Told {
  std::uint64_t processes = 0;  ///< of whatever job, or of none
  std::uint64_t processes_of_jobs = 0;
  std::uint64_t jobs = 0;
  std::uint64_t open = 0;
  Sum user_us;  ///< of all processes
  Sum storage_read_bytes;

  explicit Told(std::span<const Group> groups) {
    std::set<std::uint64_t> alive;
    for (const Group& group : groups)
      if (group.is_sound && !group.is_torn && !group.configuration)
        add(group, alive);
    open = alive.size();
    jobs += open;
  }

 private:
  void add(const Group& group, std::set<std::uint64_t>& alive) {
    const RecordView view = view_of(group);
    const std::uint64_t jid = view.jid.value_or(0);
    if (group.process) {
      ++processes;
      user_us.add(view.user_us);
      storage_read_bytes.add(view.storage_read_bytes);
      processes_of_jobs += jid != 0 ? 1U : 0U;
    }
    if (jid == 0) return;
    if (group.process || group.start || group.end) alive.insert(jid);
    if (!group.process && group.end) jobs += alive.erase(jid);
  }
};

/// Each once, by whatever key. Returns how many jobs there are.
void count_once(std::span<const Group> groups) {
  const Told told(groups);
  const Totals by_job = totals_of(rows_of(groups, UseKey::kJob));
  must(by_job.jobs == told.jobs && by_job.open == told.open &&
       by_job.processes == told.processes_of_jobs);
  for (const UseKey key : kKeys) {
    const Totals totals = totals_of(rows_of(groups, key));
    if (key != UseKey::kCommand) {
      must(totals == by_job);
      continue;
    }
    must(totals.processes == told.processes && totals.jobs == 0);
    must(totals.sums[1] == told.user_us);
    must(totals.sums[6] == told.storage_read_bytes);
  }
}

bool is_same(const UseSum& one, const UseSum& other) {
  return one.value == other.value && one.known == other.known &&
         one.unknown == other.unknown && one.partly == other.partly;
}

/// A name, a user and bounds are a row's only where it is one job's.
bool is_same(const UseRow& one, const UseRow& other, UseKey key) {
  for (const auto sum : kUseSums)
    if (!is_same(one.*sum, other.*sum)) return false;
  const bool is_same_job =
      one.name == other.name && one.uid == other.uid &&
      one.asked == other.asked &&
      one.is_memory_of_process == other.is_memory_of_process;
  return one.key == other.key && (is_same_job || key != UseKey::kJob) &&
         one.jobs == other.jobs && one.open == other.open &&
         one.processes == other.processes;
}

void must_be_same(const UseRows& rows, const UseRows& others, UseKey key) {
  must(rows.size() == others.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    must(is_same(rows[i], others[i], key));
}

/// What an index keeps of the groups since the last time.
void add_parts(UseFold& fold, index::PartFold::Parts parts) {
  if (fold.is_of_commands()) {
    for (const CommandPart& part : parts.commands)
      fold.add(part);
    return;
  }
  for (const index::JobBunch& bunch : parts.jobs)
    must(index::unpack(bunch, [&](const JobPart& part) { fold.add(part); }));
}

/// The first `until` by an index that was brought up to date once on the way.
void index_a_part(std::span<const Group> groups, std::size_t until,
                  const UseFilter& filter) {
  std::vector<index::PartFold::Parts> parts;
  index::PartFold made({}, 0);
  for (std::size_t i = 0; i < until; ++i) {
    if (i == until / 2) parts.push_back(made.take());
    made.add(groups[i]);
  }
  parts.push_back(made.take());
  for (const UseKey key : kKeys) {
    UseFold indexed(key, filter);
    for (const index::PartFold::Parts& part : parts)
      add_parts(indexed, part);
    indexed.go_on(made.node());
    for (const Group& group : groups.subspan(until))
      indexed.add(group);
    must_be_same(rows_of(groups, key, filter), std::move(indexed).finish(),
                 key);
  }
}

/// The time of some group as an index knows it.
std::uint64_t some_moment(std::span<const Group> groups, std::size_t at) {
  if (groups.empty()) return 0;
  const RecordView view = view_of(groups[std::min(at, groups.size() - 1)]);
  return time_of(view) / index::kSlotUs * index::kSlotUs;
}

/// Before it, and since then: together all.
void part_by_time(std::span<const Group> groups, std::uint64_t moment) {
  for (const UseKey key : {UseKey::kJob, UseKey::kCommand}) {
    Totals totals = totals_of(
        rows_of(groups, key, {.uid = {}, .since_us = {}, .until_us = moment}));
    for (const UseRow& row :
         rows_of(groups, key, {.uid = {}, .since_us = moment, .until_us = {}}))
      totals.add(row);
    must(totals == totals_of(rows_of(groups, key)));
  }
}

/// With units: what is billed changes nothing else, and each job is billed in
/// one row.
void bill(std::span<const Group> groups) {
  const UseBilling billing = {
      .units = [](const Group&) { return std::optional(0.5); },
      .weight = [](const csa::Workload&) { return 2.0; }};
  for (const UseKey key : {UseKey::kJob, UseKey::kUser, UseKey::kCommand}) {
    UseFold fold(key, {});
    fold.bill_by(billing);
    for (const Group& group : groups)
      fold.add(group);
    const UseRows rows = std::move(fold).finish();
    must_be_same(rows_of(groups, key), rows, key);
    for (const UseRow& row : rows)
      must(row.units.known + row.units.unknown ==
           (key == UseKey::kCommand ? row.processes : row.jobs));
  }
}

bool is_same(const JobFacts& one, const JobFacts& other) {
  const auto shape = [](const JobFacts& job) {
    std::vector<std::pair<std::string, std::size_t>> processes;
    for (const JobProcess& process : job.processes)
      processes.emplace_back(process.name, process.depth);
    return processes;
  };
  return one.jid == other.jid && one.name == other.name &&
         one.node == other.node && one.uid == other.uid &&
         one.gid == other.gid && one.started_us == other.started_us &&
         one.ended_us == other.ended_us && one.lost == other.lost &&
         one.asked.size() == other.asked.size() &&
         one.changes.size() == other.changes.size() &&
         is_same(one.user_us, other.user_us) &&
         is_same(one.system_us, other.system_us) &&
         one.memory_bytes == other.memory_bytes && shape(one) == shape(other);
}

/// Reads a job by where the index says that it is.
std::vector<JobFacts> job_by_place(std::span<const Group> groups,
                                   const index::PartFold& made,
                                   const index::PlaceRow& place) {
  JobFinder finder({.jid = place.jid, .name = {}});
  finder.go_on(place.node, place.lost);
  for (const Group& group : groups)
    if (group.offset >= place.first && group.offset <= place.last)
      finder.add(group);
  finder.go_on(made.node(), made.lost());
  return std::move(finder).finish();
}

void find_jobs(std::span<const Group> groups) {
  index::PartFold made({}, 0);
  for (const Group& group : groups)
    made.add(group);
  const std::vector<index::PlaceRow> places = made.take().places;
  std::uint64_t processes = 0;
  for (const index::PlaceRow& place : places) {
    must(place.first <= place.last);
    JobFinder finder({.jid = place.jid, .name = {}});
    for (const Group& group : groups)
      finder.add(group);
    const std::vector<JobFacts> jobs = std::move(finder).finish();
    must(std::ranges::equal(jobs, job_by_place(groups, made, place),
                            [](const auto& one, const auto& other) {
                              return is_same(one, other);
                            }));
    for (const JobFacts& job : jobs)
      processes += job.processes.size();
  }
  must(processes == Told(groups).processes_of_jobs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const bool believes = (data[0] & kBelieves) != 0;
  const std::vector<Group> groups = groups_of(bytes, believes);
  const std::size_t until = groups.size() * (data[0] / 2U) / (UINT8_MAX / 2U);
  const std::uint64_t moment = some_moment(groups, until);
  count_once(groups);
  index_a_part(groups, until, {});
  index_a_part(groups, until, {.uid = {}, .since_us = moment, .until_us = {}});
  part_by_time(groups, moment);
  bill(groups);
  find_jobs(groups);
  return 0;
}
