// SPDX-License-Identifier: Apache-2.0
// The layouts against real files of the published daemon: every record decodes,
// and what csacom made of the same file agrees. (Sizes and offsets are asserted
// in accounting/csa_layout.h itself.)
#include "accounting/csa_layout.h"

#include <algorithm>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "accounting/csa_file.h"
#include "record_samples.h"

namespace {

using accounting::Group;
using accounting::csa::RecordType;

std::map<RecordType, int> count_types(const samples::ReadFile& file) {
  std::map<RecordType, int> counts;
  for (const Group& group : file.groups)
    ++counts[group.type()];
  return counts;
}

}  // namespace

TEST_CASE("every record of the published daemon's files is read") {
  const auto first = samples::read_groups(samples::golden("pacct1"));
  CHECK(first.damages.empty());
  auto counts = count_types(first);
  CHECK(counts[RecordType::kCsa] == 150);
  CHECK(counts[RecordType::kStartOfJob] == 12);
  CHECK(counts[RecordType::kEndOfJob] == 11);
  CHECK(counts[RecordType::kConfiguration] == 5);
  CHECK(counts[RecordType::kWorkload] == 9);
  CHECK(first.groups.size() == 187);
  for (const Group& group : first.groups) {
    CHECK_FALSE(group.site);
    if (group.process) {
      CHECK(group.memory);
      CHECK(group.io);
      CHECK(group.delay);
    }
  }
  const auto second = samples::read_groups(samples::golden("pacct2"));
  CHECK(second.damages.empty());
  counts = count_types(second);
  CHECK(counts[RecordType::kCsa] == 7);
  CHECK(counts[RecordType::kStartOfJob] == 1);
  CHECK(counts[RecordType::kEndOfJob] == 2);
  CHECK(counts[RecordType::kConfiguration] == 2);
}

TEST_CASE("records have the values that csacom shows of them") {
  const auto file = samples::read_groups(samples::golden("pacct1"));
  REQUIRE(file.groups.size() > 5);
  const auto& configuration = file.groups[0].configuration;
  REQUIRE(configuration);
  CHECK(std::string(configuration->name.sysname) == "Linux");
  CHECK(std::string(configuration->name.nodename) == "vm");
  CHECK(std::string(configuration->name.machine) == "x86_64");
  const auto& start = file.groups[2].start;
  REQUIRE(start);
  CHECK(start->jid == 0xf);
  CHECK(start->uid == 65534);
  const auto& process = file.groups[4].process;
  REQUIRE(process);
  CHECK(std::string(process->comm) == "true");
  CHECK(process->jid == 0xe);
  CHECK(process->etime == 2398);
  CHECK(process->stime == 0);
  CHECK(process->utime == 4000);
  CHECK(process->second.size == 240);
  CHECK(file.groups[4].memory->core.himem == 1112);
  CHECK(file.groups[4].memory->minflt == 51);
  CHECK(file.groups[4].io->chr == 3072);
  const bool has_requested_job =
      std::ranges::any_of(file.groups, [](const Group& group) {
        return group.start && group.start->jid == 0xab001f00000042;
      });
  CHECK(has_requested_job);
}
