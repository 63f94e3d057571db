// SPDX-License-Identifier: Apache-2.0
// The small parts of an accounting run: minutes, states, words, pages, and
// files that are switched.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "accounting/append.h"
#include "accounting/cycle/fee_file.h"
#include "accounting/cycle/parts.h"
#include "accounting/cycle/run_state.h"
#include "accounting/cycle/stamp.h"
#include "accounting/cycle/switched_file.h"
#include "accounting/next_file.h"
#include "accounting/text/report_pages.h"
#include "sys/whole_file.h"

namespace {

namespace fs = std::filesystem;
using accounting::parse_stamp;
using accounting::Stamp;

/// A folder that is gone at the end.
struct Folder {
  Folder() {
    char name[] = "/tmp/corral-unit-cycle.XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() {
    std::error_code error;
    fs::remove_all(path, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string file(const std::string& name,
                                 const std::string& text = "") const {
    std::ofstream(path + "/" + name) << text;
    return path + "/" + name;
  }
  std::string path;
};

std::time_t utc(int year, int month, int day, int hour) {
  std::tm time = {};
  time.tm_year = year - 1900;
  time.tm_mon = month - 1;
  time.tm_mday = day;
  time.tm_hour = hour;
  return ::timegm(&time);
}

TEST_CASE("a minute is MMDD hhmm, or none") {
  CHECK(parse_stamp("0229", "2359"));
  for (const char* const date :
       {"0230", "1301", "0001", "101", "01011", "a101"})
    CHECK_FALSE(parse_stamp(date, "0000"));
  for (const char* const time : {"2400", "0060", "1", ""})
    CHECK_FALSE(parse_stamp("0101", time));
  CHECK(parse_stamp("1130", "1345")->shown() == "11/30 13:45");
}

TEST_CASE("a minute is the last one of its name") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const std::time_t now = utc(2026, 3, 1, 12);
  const auto moment = [&](const char* date, const char* time) {
    return Stamp{.date = date, .time = time}.moment(now);
  };
  CHECK(moment("0301", "1200") == now);
  CHECK(moment("0301", "1201") == utc(2025, 3, 1, 12) + 60);
  CHECK(moment("1231", "0000") == utc(2025, 12, 31, 0));
  CHECK(moment("0229", "0000") == utc(2024, 2, 29, 0));
  CHECK_FALSE(moment("0000", "0000"));
}

TEST_CASE("states have names, in their order") {
  for (int i = 0; i <= static_cast<int>(accounting::RunState::kComplete); ++i) {
    const auto state = static_cast<accounting::RunState>(i);
    CHECK(accounting::state_of(accounting::name_of(state)) == state);
  }
  CHECK_FALSE(accounting::state_of("BUILT"));
  CHECK(accounting::name_of(accounting::RunState::kReport) == "REPORT");
}

TEST_CASE("statefile and clastdate: absent, whole or wrong") {
  const Folder folder;
  accounting::Places places;
  places.root = folder.path;
  fs::create_directory(places.nite());
  CHECK(accounting::read_state(places) == accounting::RunState::kComplete);
  CHECK(accounting::write_state(places, accounting::RunState::kDrep));
  CHECK(accounting::read_state(places) == accounting::RunState::kDrep);
  std::ofstream(places.nite() + "/statefile") << "";
  CHECK_FALSE(accounting::read_state(places));
  CHECK(accounting::read_last_runs(places)->last == Stamp());
  CHECK(accounting::write_last_runs(
      places, {.last = *parse_stamp("1130", "1345"), .before = {}}));
  CHECK(accounting::read_last_runs(places)->last.text() == "11301345");
  std::ofstream(places.nite() + "/clastdate") << "1130\n";
  CHECK_FALSE(accounting::read_last_runs(places));
}

TEST_CASE("words have blanks between") {
  CHECK(accounting::split_words("  -a\t-b c ") ==
        std::vector<std::string>{"-a", "-b", "c"});
  CHECK(accounting::split_words(" ").empty());
}

std::string text_of(const std::string& path) {
  return *sys::read_whole_file(path, 100);
}

TEST_CASE("fees that were charged are taken away as a whole or not at all") {
  const Folder folder;
  fs::create_directory(folder.path + "/day");
  const std::string path = folder.file("day/fee", "oldlater");
  fs::permissions(path, fs::perms(0640));
  accounting::Places places;
  places.root = folder.path;
  // What has the old file open sees it whole: nothing is written into it.
  const int before = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  auto fees = accounting::FeeFile::hold(places);
  REQUIRE(fees);
  CHECK(fees->size() == 8);
  const std::uint64_t number = fees->number();
  REQUIRE(fees->remove(places, "old"));
  char seen[9] = {};
  CHECK(::pread(before, seen, 8, 0) == 8);
  CHECK(std::string(seen) == "oldlater");
  ::close(before);
  CHECK(text_of(path) == "later");
  CHECK(fs::status(path).permissions() == fs::perms(0640));
  auto again = accounting::FeeFile::hold(places);
  REQUIRE(again);
  CHECK(again->number() != number);
  REQUIRE(again->remove(places, "old"));
  CHECK(text_of(path) == "later");
  // Who waited for the lock of the old one has no longer what is charged.
  const int old = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(accounting::is_fee_file(path, old));
  fs::rename(path, path + "1");
  CHECK_FALSE(accounting::is_fee_file(path, old));
  CHECK(folder.file("day/fee") == path);
  CHECK_FALSE(accounting::is_fee_file(path, old));
  ::close(old);
}

TEST_CASE("pages of 66 lines; a form feed ends one; nothing is no page") {
  CHECK(accounting::on_pages("", "T", "5").empty());
  const std::string page = accounting::on_pages("one\n", "T", "5");
  CHECK(accounting::lines_of(page).size() == 66);
  CHECK(page.starts_with("\n\n5" + std::string(32, ' ') + "T" +
                         std::string(32, ' ') + "Page 1\n\n\none\n"));
  CHECK(accounting::lines_of(
            accounting::on_pages(std::string(57, '\n'), "T", "5"))
            .size() == 132);
  const std::string two = accounting::on_pages("one\n\ftwo\n", "T", "5");
  CHECK(accounting::lines_of(two)[66 + 5] == "two");
}

TEST_CASE("columns are those of pr(1): they go down, and long lines are cut") {
  CHECK(accounting::in_columns("1\n2\n3\n4\n5\n", 3, 12) ==
        "1   3\t5\n2   4\n");
  CHECK(accounting::in_columns("1\n2\n3\n4\n", 3, 12) == "1   3\t4\n2\n");
  CHECK(accounting::in_columns("a b\nc d\n", 2, 48) == "a b\t\t\tc d\n");
  std::string many;
  for (int i = 1; i <= 205; ++i)
    many += std::to_string(i) + "\n";
  const std::string pages = accounting::in_columns(many, 3, 72);
  CHECK(accounting::lines_of(pages).size() == 69);
  CHECK(pages.ends_with("200\t\t\t203\t\t\t205\n201\n"));
  CHECK(accounting::in_columns("abcdef\n", 3, 12) == "abc\n");
}

TEST_CASE("a switched file takes the next free number") {
  const Folder folder;
  accounting::Places places;
  places.root = folder.path;
  const std::string path = folder.file("pacct", "records");
  (void)folder.file("pacct1");
  CHECK(accounting::switch_file(places, path) == path + "2");
  CHECK(fs::file_size(path + "2") == 7);
  CHECK(fs::file_size(path) == 216);
  CHECK(accounting::opening_record(path).size() == 216);
  CHECK(accounting::opening_record(path + "2").empty());
  // Somebody made the new file meanwhile: it is his.
  const std::string other = folder.file("other", "his");
  CHECK(accounting::begin_next(places, other));
  CHECK(fs::file_size(other) == 3);
  CHECK(*accounting::rename_to_next(folder.path + "/none") == 0);
}

TEST_CASE("who has a file open for writing is seen") {
  const Folder folder;
  const std::string path = folder.file("pacct", "records");
  const auto reader = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
  REQUIRE(reader);
  const bool is_told = !accounting::has_writer(reader->get());
  {
    const auto writer = accounting::open_for_append(AT_FDCWD, path.c_str());
    CHECK(accounting::has_writer(reader->get()));
  }
  // Where the kernel tells nothing it is believed.
  CHECK(accounting::has_writer(reader->get()) == !is_told);
}

}  // namespace
