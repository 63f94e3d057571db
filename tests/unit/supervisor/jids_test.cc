// SPDX-License-Identifier: Apache-2.0
// A jid is given once, whatever crashes: blocks on the disk, the source that
// gives from them, and the ends of what a crash left open.
#include <fcntl.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "accounting/append.h"
#include "accounting/csa_encode.h"
#include "accounting/csa_group.h"
#include "accounting/scribe_lock.h"
#include "fake_world.h"
#include "supervisor/left_open.h"

namespace {

using supervisor::JidBlock;
using supervisor::JidSource;
using supervisor::kJidBlock;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/corral-jids-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(const char* name) const {
    return path_ + "/" + name;
  }
  [[nodiscard]] sys::Places places() const {
    sys::Places places;
    places.kind = sys::InstanceKind::kSystem;
    places.pacct = *this / "pacct";
    return places;
  }

 private:
  std::string path_;
};

void append_start(const std::string& pacct, std::uint64_t instance,
                  std::uint64_t key, core::JobId jid) {
  const auto file = accounting::open_for_append(AT_FDCWD, pacct.c_str());
  REQUIRE(file);
  REQUIRE(accounting::append_whole(
      file->get(),
      accounting::encode(
          accounting::StartOfJob{.key = {.instance = instance, .key = key},
                                 .jid = jid,
                                 .uid = core::Uid(5),
                                 .when = sys::now(),
                                 .name = {}})
          .view()));
}

template <class Predicate>
void run_until(supervisor::EventLoop& loop, Predicate is_true) {
  supervisor::Timer look(loop, [&] {
    if (is_true()) return loop.stop();
    look.set(sys::boot_now() + core::milliseconds(5));
  });
  supervisor::Timer patience(loop, [&] { loop.stop(); });
  look.set(sys::boot_now());
  patience.set(sys::boot_now() + core::seconds(30));
  loop.run();
  REQUIRE(is_true());
}

TEST_CASE("a block is on the disk, and the next is above it") {
  const Folder folder;
  const std::string path = folder / "jids";
  CHECK(supervisor::reserve_block(path, 7, 0) == JidBlock{0, kJidBlock});
  CHECK(supervisor::read_reserved(path, 7) == kJidBlock);
  CHECK(supervisor::reserve_block(path, 7, 0) ==
        JidBlock{kJidBlock, 2 * kJidBlock});
  CHECK(supervisor::reserve_block(path, 7, 9000)->after == 9000);
  CHECK_FALSE(std::filesystem::exists(path + ".new"));
  // Another hid's numbers are its own.
  CHECK(supervisor::read_reserved(path, 8).error().code == ENOENT);
  CHECK(supervisor::reserve_block(path, 8, 0)->after == 0);
  CHECK(supervisor::reserve_block(path, 8, UINT32_MAX - 5).error().code ==
        EOVERFLOW);
  CHECK_FALSE(supervisor::reserve_block(folder / "none/jids", 7, 0));
}

TEST_CASE("those who reserve at the same time get blocks of their own") {
  constexpr int kThreads = 4;
  constexpr std::uint32_t kEach = 50;
  const Folder folder;
  const std::string path = folder / "jids";
  std::vector<std::uint32_t> got[kThreads];
  std::vector<std::jthread> threads;
  for (auto& mine : got)
    threads.emplace_back([&mine, &path] {
      for (std::uint32_t i = 0; i < kEach; ++i)
        if (const auto block = supervisor::reserve_block(path, 7, 0))
          mine.push_back(block->after);
    });
  threads.clear();
  std::set<std::uint32_t> all;
  for (const auto& mine : got)
    all.insert(mine.begin(), mine.end());
  CHECK(all.size() == kThreads * kEach);
  CHECK(supervisor::read_reserved(path, 7) == kThreads * kEach * kJidBlock);
}

TEST_CASE("a file with one changed bit is not believed") {
  const Folder folder;
  const std::string path = folder / "jids";
  REQUIRE(supervisor::reserve_block(path, 7, 0));
  std::string text;
  std::getline(std::ifstream(path), text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] ^= 1;
    std::ofstream(path) << other << '\n';
    CHECK(supervisor::read_reserved(path, 7).error().code == EBADMSG);
  }
}

/// A source whose disk is the test.
struct Source {
  supervisor::EventLoop loop = *supervisor::EventLoop::make();
  std::vector<std::uint32_t> asked;
  std::vector<JidSource::Answer> answers;
  std::vector<JidBlock> remembered;
  JidSource jids{
      loop,
      {.reserve =
           [this](std::uint32_t above, JidSource::Answer answer) {
             asked.push_back(above);
             answers.push_back(std::move(answer));
           },
       .remember = [this](auto block) { remembered.push_back(block); },
       .remember_free = [](const auto&) { return core::Result<void>(); }}};
};

TEST_CASE("jids come from a block, and the next one is asked for in time") {
  Source source;
  CHECK_FALSE(source.jids.next());
  CHECK_FALSE(source.jids.next());
  CHECK(source.asked == std::vector<std::uint32_t>{0});
  int called = 0;
  source.jids.when_there([&] { ++called; });
  CHECK(source.jids.is_awaited());
  source.answers[0](JidBlock{0, kJidBlock});
  CHECK_FALSE(source.jids.is_awaited());
  run_until(source.loop, [&] { return called == 1; });
  for (std::uint32_t i = 1; i <= kJidBlock / 2; ++i)
    CHECK(source.jids.next() == i);
  CHECK(source.asked.size() == 1);
  CHECK(source.jids.next() == kJidBlock / 2 + 1);
  REQUIRE(source.asked.size() == 2);
  CHECK(source.asked[1] == kJidBlock);
  source.answers[1](JidBlock{kJidBlock, 2 * kJidBlock});
  for (std::uint32_t i = kJidBlock / 2 + 2; i <= kJidBlock + 5; ++i)
    CHECK(source.jids.next() == i);
  CHECK(source.remembered.size() == 2);
}

TEST_CASE("a supervisor goes on where the journal stops, not at the block") {
  Source source;
  source.jids.take_up(17, JidBlock{0, kJidBlock});
  CHECK(source.jids.next() == 18);
  CHECK(source.asked.empty());
  Source beyond;  // others gave more than the block has
  beyond.jids.take_up(5000, JidBlock{0, kJidBlock});
  CHECK_FALSE(beyond.jids.next());
  CHECK(beyond.asked == std::vector<std::uint32_t>{5000});
}

TEST_CASE("where nothing can be written jids go on from the clock") {
  Source source;
  CHECK_FALSE(source.jids.next());
  source.answers[0](core::fail(EROFS, "open"));
  const auto now = static_cast<std::uint32_t>(sys::real_now().raw() / 1000000U);
  const auto first = source.jids.next();
  REQUIRE(first);
  CHECK(*first > now - 100);
  CHECK(*first < now + 100);
  for (std::uint32_t i = 1; i < kJidBlock; ++i) {
    CHECK(source.jids.next() == *first + i);
    if (i == kJidBlock / 2 + 5) {
      REQUIRE(source.answers.size() == 2);
      source.answers[1](core::fail(EROFS, "open"));
    }
  }
  CHECK(source.asked.size() == 2);  // once ahead, not for each
  CHECK_FALSE(source.jids.next());
  REQUIRE(source.answers.size() == 3);
  source.answers[2](core::fail(EROFS, "open"));
  CHECK(source.jids.next() == *first + kJidBlock);
}

TEST_CASE("a disk that does not answer delays the first job, no more") {
  Source source;
  CHECK_FALSE(source.jids.next());
  bool is_called = false;
  source.jids.when_there([&] { is_called = true; });
  run_until(source.loop, [&] { return is_called; });  // 5 s
  const auto first = source.jids.next();
  REQUIRE(first);
  // The answer comes at last: it is below what was given.
  source.answers[0](JidBlock{0, kJidBlock});
  CHECK(source.jids.next() == *first + 1);
}

TEST_CASE("without a file of jids those of the accounting file are not given") {
  const Folder folder;
  supervisor::EventLoop loop = *supervisor::EventLoop::make();
  append_start(folder / "pacct", 1, 1, core::make_job_id(0, 41));
  append_start(folder / "pacct", 1, 2, core::make_job_id(9, 99));
  supervisor::Ledger ledger(loop, folder.places(), test::worker_program());
  std::optional<core::Result<JidBlock>> block;
  ledger.reserve(0, 3, [&](auto answer) { block = std::move(answer); });
  run_until(loop, [&] { return block.has_value(); });
  CHECK(**block == JidBlock{41, 41 + kJidBlock});
  CHECK(std::filesystem::exists(folder / ".corral-jids"));
}

/// A search in `folder` with a recorder that keeps what it is given.
struct Closing {
  explicit Closing(const Folder& folder)
      : ledger(loop, folder.places(), test::worker_program()) {}
  struct NoSink final : supervisor::EventSink {
    void post(core::JobId, core::EventBody) override {}
    void post_at(core::JobId, const core::Moment&, core::EventBody) override {}
    void settle() override {}
  } sink;
  supervisor::EventLoop loop = *supervisor::EventLoop::make();
  supervisor::Ledger ledger;
  supervisor::JobTable table;
  supervisor::Journal journal = *supervisor::Journal::create();
  supervisor::Recorder recorder{loop, sink, journal.epoch(), {.pacct = "/x"}};
  supervisor::History history;
  supervisor::LeftOpen left_open{{ledger, table, journal, recorder, history},
                                 0};
};

TEST_CASE("what a crash left open is closed once, and what lives is not") {
  const Folder folder;
  const auto jid = [](std::uint32_t n) { return core::make_job_id(0, n); };
  append_start(folder / "pacct", 1, 1, jid(1));
  append_start(folder / "pacct", 1, 2, jid(2));
  append_start(folder / "pacct", 1, 3, core::make_job_id(9, 3));
  append_start(folder / "pacct", 4, 1, jid(4));
  auto scribe = accounting::lock_instance(
      std::filesystem::path(folder / "pacct").parent_path(), 4);
  REQUIRE(scribe);
  Closing closing(folder);
  core::Job taken_over;
  taken_over.jid = jid(2);
  closing.table.insert(taken_over, 1);
  append_start(folder / "pacct", closing.journal.epoch(), 5, jid(5));
  closing.left_open.close_all();
  closing.left_open.close_all();
  run_until(closing.loop, [&] { return !closing.recorder.is_idle(); });
  const auto& pending = closing.recorder.pending();
  REQUIRE(pending.size() == 1);
  CHECK(pending[0].jid == jid(1));
  const auto parsed = accounting::parse_group(pending[0].bytes, true);
  REQUIRE(parsed.verdict == accounting::ParseVerdict::kGroup);
  const auto end = accounting::site_as<accounting::SiteEnd>(
      parsed.group, accounting::SiteKind::kEnd);
  REQUIRE(end);
  CHECK(end->reason == static_cast<std::uint8_t>(core::Reason::kCrashed));
  CHECK(end->present == 0);
  CHECK(parsed.group.end->uid == 5);
  // A scribe still writes: what it leaves the next supervisor looks for.
  CHECK_FALSE(closing.history.has_searched_crash);

  // That one finds the end in the journal, though not in the file.
  scribe->reset();
  auto restored = supervisor::replay(closing.journal);
  REQUIRE(restored);
  REQUIRE(restored->records.size() == 1);
  CHECK(restored->records[0].bytes == pending[0].bytes);
  Closing again(folder);
  again.journal = std::move(closing.journal);
  again.recorder.take(restored->records[0]);
  again.table.insert(taken_over, 1);
  again.left_open.close_all();
  run_until(again.loop, [&] { return again.history.has_searched_crash; });
  REQUIRE(again.recorder.pending().size() == 2);
  CHECK(again.recorder.pending()[1].jid == jid(4));
  CHECK(supervisor::replay(again.journal)->history.has_searched_crash);
}

TEST_CASE("reserved jids are in a journal and in its snapshot") {
  Closing closing{Folder()};
  for (const JidBlock& block : {JidBlock{0, 1024}, JidBlock{1024, 2048}})
    (void)*closing.journal.append(supervisor::encode_item(block));
  auto restored = supervisor::replay(closing.journal);
  REQUIRE(restored);
  CHECK(restored->history.jids == JidBlock{0, 2048});
  REQUIRE(closing.journal.compact(
      [&](supervisor::Journal& journal) {
        return supervisor::write_snapshot(journal, closing.table,
                                          restored->history, {});
      },
      [](int) -> core::Result<void> { return {}; }));
  CHECK(supervisor::replay(closing.journal)->history.jids == JidBlock{0, 2048});
}

}  // namespace
