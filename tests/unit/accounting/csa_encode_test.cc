// SPDX-License-Identifier: Apache-2.0
// What is encoded is what is read again; what was not collected is absent, not
// zero; and the records keep to the rules of the published writer.
#include "accounting/csa_encode.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "accounting/charge_encode.h"
#include "accounting/record_view.h"
#include "record_samples.h"

namespace {

using namespace accounting;
using samples::Bytes;

Group only_group(const RecordBytes& record) {
  const ParseResult result = parse_group(record.view(), true);
  REQUIRE(result.verdict == ParseVerdict::kGroup);
  CHECK(result.group.size == record.size);
  CHECK(result.group.is_sound);
  CHECK_FALSE(result.group.is_torn);
  return result.group;
}

csa::Head head_at(const RecordBytes& record, std::size_t offset) {
  csa::Head head;
  std::memcpy(&head, record.data + offset, sizeof head);
  return head;
}

}  // namespace

TEST_CASE("a start of a job comes back") {
  const auto start = samples::start_of_job(3);
  const Group group = only_group(encode(start));
  REQUIRE(group.start);
  CHECK(group.start->jid == start.jid.raw());
  CHECK(group.start->uid == 1000);
  CHECK(group.start->btime == 1795303530);
  CHECK(group.start->type == 1);
  CHECK(group.name == "a job's name");
  REQUIRE(group.site);
  CHECK(group.site->key == 3);
  CHECK(group.site->head.instance == samples::kInstance);
}

TEST_CASE("a job that goes on from a checkpoint is told as a restart") {
  const auto start = samples::start_of_job(3);
  const Group plain = only_group(encode(start, "", "", std::nullopt));
  CHECK(accounting::view_of(plain).kind == "start");
  CHECK_FALSE(accounting::view_of(plain).began_us);
  const Group group = only_group(
      encode(start, "physics", "", core::RealTime(1795000000000000)));
  REQUIRE(group.start);
  CHECK(group.start->btime == 1795000000);
  CHECK(group.start->rstime == 1795303530);
  CHECK(group.project == "physics");
  const accounting::RecordView view = accounting::view_of(group);
  CHECK(view.kind == "restart");
  CHECK(view.began_us == std::uint64_t{1795000000000000});
  CHECK(view.started_us == std::uint64_t{1795303530000000});
}

TEST_CASE("what a job is charged to comes back") {
  const auto start = samples::start_of_job(3);
  const Group group =
      only_group(encode(start, "physics", "grant", std::nullopt));
  CHECK(group.name == "a job's name");
  CHECK(group.project == "physics");
  CHECK(group.account == "grant");
  const Group none = only_group(encode(start, "", "", std::nullopt));
  CHECK(none.project.empty());
  CHECK(none.size == only_group(encode(start)).size);
  RecordBytes process = encode(samples::process_end(4));
  accounting::charge(process, 4711);
  const Group charged = only_group(process);
  REQUIRE(charged.process);
  CHECK(charged.process->prid == 4711);
  CHECK(accounting::view_of(charged).project_id == 4711);
  RecordBytes end = encode(samples::end_of_job(5));
  accounting::charge(end, 4712);
  REQUIRE(only_group(end).end);
  CHECK(only_group(end).end->prid == 4712);
}

TEST_CASE("a process's end comes back, every counter in its place") {
  const auto end = samples::process_end(4);
  const core::ExitRecord& record = end.record;
  const Group group = only_group(encode(end));
  REQUIRE(group.process);
  REQUIRE(group.memory);
  REQUIRE(group.io);
  CHECK_FALSE(group.delay);
  CHECK(group.process->stat == 42);
  CHECK(group.process->nice == 10);
  CHECK(group.process->uid == 1000);
  CHECK(group.process->gid == 1001);
  CHECK(group.process->jid == record.jid);
  CHECK(group.process->pid == 101);
  CHECK(group.process->ppid == 100);
  CHECK(group.process->btime == 1795303530);
  CHECK(group.process->etime == 2500000);
  CHECK(group.process->utime == 1500000);
  CHECK(group.process->stime == 250000);
  CHECK(std::string(group.process->comm) == "cc1plus");
  CHECK(group.process->head.flag == (csa::kForked | csa::kMoreFollow));
  CHECK(group.memory->core.himem == 20480);
  CHECK(group.memory->minflt == 17);
  CHECK(group.memory->majflt == 18);
  CHECK(group.io->chr == 21);
  CHECK(group.io->chw == 22);
  CHECK(group.io->scr == 23);
  CHECK(group.io->scw == 24);
  const auto site = site_as<SiteProcess>(group, SiteKind::kProcess);
  REQUIRE(site);
  CHECK(site->present == 0x3F);
  CHECK(site->wait_status == 42 << 8);
  CHECK(site->sequence == 11);
  CHECK(site->order == 12);
  CHECK(site->start_boot_us == 5100000);
  CHECK(site->end_boot_us == 7600000);
  CHECK(site->end_real_us == 1795303532623456);
  CHECK(site->nvcsw == 19);
  CHECK(site->nivcsw == 20);
  CHECK(site->read_bytes == 25);
  CHECK(site->write_bytes == 26);
  CHECK(site->nice == 10);
  CHECK(site->kernel_flags == 0x40);
  CHECK((site->marks & kMarkInclusive) != 0);
  CHECK(site->key == 4);
}

TEST_CASE("an end of a job comes back") {
  const auto end = samples::end_of_job(5);
  const Group group = only_group(encode(end));
  REQUIRE(group.end);
  CHECK(group.end->jid == end.jid.raw());
  CHECK(group.end->uid == 1000);
  CHECK(group.end->gid == 1001);
  CHECK(group.end->btime == 1795303530);
  CHECK(group.end->etime == 1795303533);
  CHECK(group.end->corehimem == 33 << 10);
  CHECK(group.end->utime == 31);
  CHECK(group.detail == "uid 7 (alice)");
  const auto site = site_as<SiteEnd>(group, SiteKind::kEnd);
  REQUIRE(site);
  CHECK(site->present == 0x1FF);
  CHECK(site->wait_status == 15);
  CHECK(site->reason == static_cast<int>(core::Reason::kOverLimit));
  CHECK(site->limit_value == 3000000);
  CHECK(site->limit_bound == 2000000);
  CHECK(site->by_uid == 7);
  CHECK(site->wall_us == 3000000);
  CHECK(site->user_us == 31);
  CHECK(site->system_us == 0);
  CHECK(site->memory_peak == 33 << 20);
  CHECK(site->read_bytes == 34);
  CHECK(site->write_bytes == 35);
  CHECK(site->oom_kills == 0);
  CHECK(site->not_seen == 37);
  CHECK(site->processes_seen == 38);
  CHECK(site->stragglers == 39);
  CHECK(site->engine == static_cast<int>(core::Engine::kCgroup2));
}

TEST_CASE("what was not collected is absent, not zero") {
  auto end = samples::process_end(6);
  end.record.present = 0;
  const RecordBytes record = encode(end);
  const Group group = only_group(record);
  CHECK_FALSE(group.memory);
  CHECK_FALSE(group.io);
  REQUIRE(group.process);
  CHECK((group.process->head.flag & csa::kMoreFollow) == 0);
  CHECK(group.process->second.size == 0);
  CHECK(group.process->utime == 0);
  CHECK(group.process->stime == 0);
  CHECK(group.process->uid == kUnknownId);
  CHECK(std::string(group.process->comm) == "?");
  CHECK(group.process->btime > 0);
  CHECK(site_as<SiteProcess>(group, SiteKind::kProcess)->present == 0);

  auto job = samples::end_of_job(7);
  job.totals = {};
  job.result.has_status = false;
  job.started = {};
  const auto site = site_as<SiteEnd>(only_group(encode(job)), SiteKind::kEnd);
  REQUIRE(site);
  CHECK(site->present == 0);

  job.totals.system_time = core::Microseconds(0);
  const auto zero = site_as<SiteEnd>(only_group(encode(job)), SiteKind::kEnd);
  CHECK(zero->present == static_cast<std::uint32_t>(EndField::kSystemTime));
}

TEST_CASE("records are linked as the published writer links them") {
  auto end = samples::process_end(8);
  RecordBytes record = encode(end);
  CHECK(head_at(record, 0).size == 136);
  CHECK(head_at(record, 0).revision == 06000);
  CHECK(head_at(record, 8).magic == 0xCEB5);
  CHECK(head_at(record, 8).type == 3);  // 1 (base) | memory 1 | I/O 2
  CHECK(head_at(record, 8).size == 112 + 56);
  CHECK(head_at(record, 136).type == 2);
  CHECK(head_at(record, 136).flag == csa::kMoreFollow);
  CHECK(head_at(record, 248).type == 4);
  CHECK(head_at(record, 248).revision == 07000);
  CHECK(head_at(record, 248).flag == 0);
  end.record.present &= ~static_cast<std::uint32_t>(core::Counters::kIo);
  record = encode(end);
  CHECK(head_at(record, 8).size == 112);
  CHECK(head_at(record, 136).flag == 0);
  end.record.present &= ~static_cast<std::uint32_t>(core::Counters::kUsage);
  end.record.mark(core::Counters::kIo);
  record = encode(end);
  CHECK(head_at(record, 8).size == 56);
  CHECK(head_at(record, 136).type == 4);
}

TEST_CASE("a death by signal is told by flags, and whole in the site record") {
  auto end = samples::process_end(9);
  end.record.wait_status = 139;  // SIGSEGV, core dumped
  const Group group = only_group(encode(end));
  CHECK(group.process->stat == 0);
  CHECK((group.process->head.flag & csa::kBySignal) != 0);
  CHECK((group.process->head.flag & csa::kCore) != 0);
  CHECK(site_as<SiteProcess>(group, SiteKind::kProcess)->wait_status == 139);
}

TEST_CASE("texts of every length come back as far as they fit") {
  for (std::size_t size = 0; size <= 96; ++size) {
    auto end = samples::end_of_job(10);
    const std::string text(size, 'x');
    end.result.detail = core::Text<96>(std::string_view(text));
    CHECK(only_group(encode(end)).detail == text);
  }
}

TEST_CASE("a change of any bit of an append is noticed") {
  const RecordBytes record = encode(samples::end_of_job(11));
  for (std::size_t i = 0; i < record.size * 8; ++i) {
    RecordBytes changed = record;
    changed.data[i / 8] ^= std::byte(1U << (i % 8));
    const ParseResult result = parse_group(changed.view(), true);
    const bool is_believed = result.verdict == ParseVerdict::kGroup &&
                             result.group.is_sound && !result.group.is_torn &&
                             result.group.size == record.size;
    CHECK_FALSE(is_believed);
  }
}

TEST_CASE("every record is one that the published reader steps over") {
  for (const RecordBytes& record :
       {encode(samples::start_of_job(1)), encode(samples::process_end(1)),
        encode(samples::end_of_job(1)), encode(Loss{}), encode(FileOpened{})}) {
    std::size_t at = 0;
    while (at < record.size) {
      const csa::Head head = head_at(record, at);
      CHECK(head.magic == csa::kMagic);
      CHECK(head.size % 8 == 0);
      CHECK(head.size <= 216);
      CHECK(head.size == csa::size_of(csa::RecordType(head.type)));
      CHECK(head.revision == csa::revision_of(csa::RecordType(head.type)));
      at += head.size;
    }
    CHECK(at == record.size);
  }
}

TEST_CASE("a loss comes back with its count") {
  Loss loss;
  loss.last = {samples::kInstance, 90};
  loss.first_key = 81;
  loss.count = 10;
  loss.code = 28;
  loss.when = core::RealTime(1795303530123456);
  const Group group = only_group(encode(loss));
  const auto site = site_as<SiteLoss>(group, SiteKind::kLoss);
  REQUIRE(site);
  CHECK(site->count == 10);
  CHECK(site->first_key == 81);
  CHECK(site->key == 90);
  CHECK(site->code == 28);
}
