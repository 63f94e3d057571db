// SPDX-License-Identifier: Apache-2.0
// What the recorder drops when nobody takes its records: the file tells how
// many, and of which keys, also after a compaction of the journal.
#include "supervisor/recorder.h"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "accounting/csa_encode.h"
#include "accounting/csa_file.h"
#include "fake_world.h"

namespace {

using supervisor::PendingRecord;
using supervisor::RecordKind;

constexpr std::uint64_t kInstance = 77;

class NoSink final : public supervisor::EventSink {
 public:
  void post(core::JobId, core::EventBody) override {}
  void post_at(core::JobId, const core::Moment&, core::EventBody) override {}
  void settle() override {}
};

PendingRecord record_of(std::uint64_t key, RecordKind kind) {
  accounting::RecordBytes bytes;
  const accounting::RecordKey full = {.instance = kInstance, .key = key};
  if (kind == RecordKind::kStart)
    bytes = accounting::encode(accounting::StartOfJob{
        .key = full, .jid = core::JobId(5), .uid = {}, .when = {}, .name = {}});
  else
    bytes = accounting::encode(
        accounting::ProcessEnd{.key = full, .record = {.jid = 5}});
  return {
      key, core::JobId(5), kind, {bytes.view().begin(), bytes.view().end()}};
}

std::optional<accounting::SiteLoss> loss_of(const PendingRecord& record) {
  const auto parsed = accounting::parse_group(record.bytes, true);
  REQUIRE(parsed.verdict == accounting::ParseVerdict::kGroup);
  return accounting::site_as<accounting::SiteLoss>(parsed.group,
                                                   accounting::SiteKind::kLoss);
}

struct Bench {
  explicit Bench(std::size_t most) {
    char name[] = "/tmp/corral-recorder-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    directory = name;
    recorder.emplace(
        loop, sink, kInstance,
        supervisor::RecorderSite{.pacct = pacct(),
                                 .most_pending = most,
                                 .scribe = test::worker_program()});
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    recorder.reset();
    std::filesystem::remove_all(directory);
  }
  [[nodiscard]] std::string pacct() const { return directory + "/pacct"; }
  void take(std::uint64_t key, RecordKind kind = RecordKind::kProcess) {
    recorder->take(record_of(key, kind));
  }

  std::string directory;
  NoSink sink;
  supervisor::EventLoop loop = *supervisor::EventLoop::make();
  std::optional<supervisor::Recorder> recorder;
};

TEST_CASE("what nobody takes is dropped beyond a bound, and its loss is kept") {
  Bench bench(4);
  bench.take(1, RecordKind::kStart);
  for (const std::uint64_t key : {2U, 3U})
    bench.take(key);
  bench.take(4, RecordKind::kEnd);
  CHECK(bench.recorder->counts().lost == 0);
  for (const std::uint64_t key : {7U, 8U, 9U})
    bench.take(key);
  const auto& pending = bench.recorder->pending();
  REQUIRE(pending.size() == 4);
  CHECK(pending[0].kind == RecordKind::kStart);
  CHECK(pending[1].kind == RecordKind::kEnd);
  CHECK(pending[2].kind == RecordKind::kLoss);
  CHECK(pending[3].key == 9);
  CHECK(bench.recorder->counts().lost == 4);
  const auto loss = loss_of(pending[2]);
  REQUIRE(loss);
  CHECK(loss->first_key == 2);
  CHECK(loss->key == 8);
  CHECK(pending[2].key == 8);
  CHECK(loss->count == 4);
  CHECK(loss->head.instance == kInstance);
  // The next supervisor learns it from a snapshot.
  const auto again =
      supervisor::decode_item(supervisor::encode_item(pending[2]));
  REQUIRE(again);
  const auto* const kept = std::get_if<PendingRecord>(&*again);
  REQUIRE(kept != nullptr);
  CHECK(kept->kind == RecordKind::kLoss);
  CHECK(kept->key == 8);
  CHECK(kept->bytes == pending[2].bytes);
}

TEST_CASE("a record that no scribe takes is a loss, and its job is told") {
  Bench bench(4);
  bench.take(1, RecordKind::kStart);
  for (const auto& [key, kind] :
       {std::pair{2U, RecordKind::kTold}, std::pair{3U, RecordKind::kEnd}}) {
    PendingRecord large = record_of(key, kind);
    large.bytes.resize(accounting::kLargestAppend + 1);
    bench.recorder->take(std::move(large));
  }
  CHECK(bench.recorder->counts().lost == 2);
  const auto& pending = bench.recorder->pending();
  REQUIRE(pending.size() == 3);
  CHECK(pending[1].kind == RecordKind::kLoss);
  CHECK(pending[2].kind == RecordKind::kEnd);
  for (std::size_t at = 1; at < 3; ++at) {
    const auto loss = loss_of(pending[at]);
    REQUIRE(loss);
    CHECK(loss->first_key == pending[at].key);
    CHECK(loss->key == pending[at].key);
    CHECK(loss->count == 1);
  }
}

TEST_CASE("starts and ends are not dropped, whatever waits") {
  Bench bench(3);
  for (std::uint64_t key = 1; key <= 10; ++key)
    bench.take(key, key % 2 == 0 ? RecordKind::kEnd : RecordKind::kStart);
  CHECK(bench.recorder->pending().size() == 10);
  CHECK(bench.recorder->counts().lost == 0);
}

TEST_CASE("the scribe that comes at last writes the loss in its place, once") {
  Bench bench(4);
  bench.take(1, RecordKind::kStart);
  for (std::uint64_t key = 2; key <= 9; ++key)
    bench.take(key);
  bench.recorder->start();
  supervisor::Timer look(bench.loop, [&] {
    if (bench.recorder->is_idle()) return bench.loop.stop();
    look.set(sys::boot_now() + core::milliseconds(5));
  });
  look.set(sys::boot_now());
  supervisor::Timer patience(bench.loop, [&] { bench.loop.stop(); });
  patience.set(sys::boot_now() + core::seconds(20));
  bench.loop.run();
  REQUIRE(bench.recorder->is_idle());
  CHECK(bench.recorder->counts().lost == 6);
  auto file = sys::open_at(AT_FDCWD, bench.pacct().c_str(), O_RDONLY);
  REQUIRE(file);
  accounting::CsaReader reader(*std::move(file));
  std::vector<std::uint64_t> keys;
  std::optional<accounting::SiteLoss> loss;
  for (;;) {
    const auto group = reader.next();
    REQUIRE(group);
    if (!*group) break;
    if (accounting::kind_of((*group)->site->head) !=
        accounting::SiteKind::kOpened)
      keys.push_back((*group)->site->key);
    if (const auto found = accounting::site_as<accounting::SiteLoss>(
            **group, accounting::SiteKind::kLoss))
      loss = found;
  }
  CHECK(keys == std::vector<std::uint64_t>{1, 7, 8, 9});
  REQUIRE(loss);
  CHECK(loss->first_key == 2);
  CHECK(loss->key == 7);
  CHECK(loss->count == 6);
}

}  // namespace
