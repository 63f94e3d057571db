// SPDX-License-Identifier: Apache-2.0
// What people see: tables, trees, times, sizes, names from elsewhere.
#include <doctest/doctest.h>

#include "cli/job_text.h"
#include "cli/process_tree.h"
#include "cli/table_view.h"
#include "cli/terminal_text.h"

using cli::Colour;
using cli::Screen;
using cli::TableView;

TEST_CASE("columns are as wide as their contents") {
  TableView table({{.title = "JID"},
                   {.title = "CPU", .align = cli::Align::kRight},
                   {.title = "COMMAND"}});
  table.add({{.text = "0x1"}, {.text = "1.5s"}, {.text = "make -j4"}});
  table.add({{.text = "0x22"}, {.text = ""}, {.text = "true"}});
  CHECK(table.render({}, TableView::Header::kShown) ==
        "JID    CPU  COMMAND\n"
        "0x1   1.5s  make -j4\n"
        "0x22     -  true\n");
  CHECK(table.render({}, TableView::Header::kHidden) ==
        "0x1   1.5s  make -j4\n"
        "0x22     -  true\n");
}

TEST_CASE("the last column is cut to the screen") {
  TableView table({{.title = "A"}, {.title = "COMMAND"}});
  table.add({{.text = "x"}, {.text = "a long command"}});
  CHECK(table.render(Screen{.is_terminal = true, .width = 9},
                     TableView::Header::kHidden) == "x  a long\n");
}

TEST_CASE("wide characters count as two columns, combining ones as none") {
  CHECK(cli::columns_of("abc") == 3);
  CHECK(cli::columns_of("\u65E5\u672C") == 4);
  CHECK(cli::columns_of("e\u0301") == 1);
  CHECK(cli::fit("\u65E5\u672C", 3) == "\u65E5");
}

TEST_CASE("names from elsewhere cannot move the cursor") {
  CHECK(cli::printable("a\x1B[2Jb") == "a\\x1b[2Jb");
  CHECK(cli::printable("a\nb\tc\x7F") == "a\\x0ab\\x09c\\x7f");
  CHECK(cli::printable("\xC2\x9B"
                       "31m") == "\\xc2\\x9b31m");  // CSI as one character
  CHECK(cli::printable("\xFF\xC0\x80 ok") == "\\xff\\xc0\\x80 ok");
  CHECK(cli::printable("\xE6\x97") == "\\xe6\\x97");  // cut short
  CHECK(cli::printable("gr\u00FC\u00DFe") == "gr\u00FC\u00DFe");
}

TEST_CASE("there are colours only where the screen has them") {
  CHECK(cli::coloured({}, Colour::kBad, "x") == "x");
  CHECK(cli::coloured(Screen{.has_colours = true}, Colour::kBad, "x") ==
        "\x1B[31mx\x1B[0m");
  CHECK(cli::coloured(Screen{.has_colours = true}, Colour::kNone, "x") == "x");
}

TEST_CASE("times have two units, small ones three digits") {
  const auto text = [](std::uint64_t microseconds) {
    return cli::short_time(core::Microseconds(microseconds));
  };
  CHECK(text(0) == "0s");
  CHECK(text(1) == "0.1ms");
  CHECK(text(400) == "0.4ms");
  CHECK(text(949) == "0.9ms");
  CHECK(text(950) == "1ms");
  CHECK(text(69'400) == "69ms");
  CHECK(text(69'500) == "70ms");
  CHECK(text(999'499) == "999ms");
  CHECK(text(999'500) == "1.00s");
  CHECK(text(1'374'999) == "1.37s");
  CHECK(text(1'375'000) == "1.38s");
  CHECK(text(9'994'999) == "9.99s");
  CHECK(text(9'995'000) == "10s");
  CHECK(text(10'000'000) == "10s");
  CHECK(text(42'900'000) == "42s");
  CHECK(text(187'000'000) == "3m07s");
  CHECK(text(18'720'000'000) == "5h12m");
  CHECK(text(273'600'000'000) == "3d04h");
}

TEST_CASE("sizes have one unit") {
  const auto text = [](std::uint64_t bytes) {
    return cli::short_size(core::Bytes(bytes));
  };
  CHECK(text(0) == "0B");
  CHECK(text(1023) == "1023B");
  CHECK(text(3174) == "3.0K");
  CHECK(text(1'610'612'736) == "1.5G");
  CHECK(text(~0ULL) == "15E");
}

TEST_CASE("processes hang from their parents; strangers' children are roots") {
  const auto process = [](int pid, int ppid, const char* command) {
    return core::ProcessView{.pid = core::Pid(pid),
                             .ppid = core::Pid(ppid),
                             .command = command,
                             .state = 'S',
                             .cpu_us = 100'000};
  };
  const std::string tree =
      cli::process_tree({process(30, 10, "c"), process(10, 1, "sh"),
                         process(20, 10, "b"), process(21, 20, "b\x1B"),
                         process(40, 7, "stray"), process(50, 50, "odd")},
                        {});
  CHECK(tree ==
        "  |- 10 sh (S, 100ms)\n"
        "  |  |- 20 b (S, 100ms)\n"
        "  |  |  `- 21 b\\x1b (S, 100ms)\n"
        "  |  `- 30 c (S, 100ms)\n"
        "  |- 40 stray (S, 100ms)\n"
        "  `- 50 odd (S, 100ms)\n");
}

TEST_CASE("a job's age stops with the job") {
  core::JobView job;
  CHECK_FALSE(cli::age_of(job, core::BootTime(9)).has_value());
  job.started.boot = core::BootTime(2);
  CHECK(cli::age_of(job, core::BootTime(9))->raw() == 7);
  job.ended.boot = core::BootTime(5);
  CHECK(cli::age_of(job, core::BootTime(9))->raw() == 3);
}
