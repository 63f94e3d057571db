// SPDX-License-Identifier: Apache-2.0
// Soft and hard bounds and what is done: where they stand, how they are
// written.
#include "core/limit_terms.h"

#include <csignal>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "core/limit_terms_text.h"

namespace {

using namespace core;

constexpr std::string_view kWritten[] = {
    "cpu=7200000000us",
    "cpu=3600000000us:7200000000us",
    "cpu=3600000000us:",
    "cpu=1us:2us/signal=10/action=9/grace=5000000us",
    "wall=2us/action=2",
    "idle=5us:9us/grace=0us",
    "memory=4096:8192",
    "threads=9",
    "core=0",
    "core=0:4096",
    "locked=0",
    "file-size=1048576",
    "virtual=1048576",
    "cpu=none",
    "swap=0",
    "cpu-rate=150%",
    "cpu-set=0-2+5",
    "cpu-set=63",
    "cpu-set=0-63",
    "io-rate=1048576",
    "io-ops=100",
};

constexpr std::string_view kRefused[] = {
    "",
    "cpu",
    "cpu=",
    "=1",
    "cpu=0",
    "cpu=:",
    "cpu=2:1",
    "cpu=1:2:3",
    "cpu=1/",
    "cpu=1//grace=1",
    "cpu=1/grace",
    "cpu=1/grace=x",
    "cpu=1/signal=USR1",   // there is no soft bound
    "cpu=1:/action=TERM",  // nor a hard one
    "cpu=1:2/signal=NOSUCH",
    "cpu=1:2/signal=USR1/signal=USR2",
    "cpu=1:2/grace=1/grace=2",
    "cpu=none/grace=1",
    "none=1",
    "idle=0",
    "memory=0",
    "processes=0",
    "processes=5000000",
    "virtual=x",
    "cpu=1:2/what=1",
    "core=1:0",
    "cpu-rate=50",
    "cpu-rate=0%",
    "cpu-rate=%",
    "cpu-set=",
    "cpu-set=64",
    "cpu-set=3-1",
    "cpu-set=1+",
    "cpu-set=1:2",
    "cpu-set=1-",
    "processes=5/grace=1",  // nobody is ended over it
    "files=5:6/signal=USR1",
    "io-rate=1%",
};

}  // namespace

TEST_CASE("what is written is read back as the same") {
  for (const std::string_view text : kWritten) {
    CAPTURE(text);
    const auto terms = parse_terms(text);
    REQUIRE(terms);
    CHECK(terms_text(*terms) == text);
  }
}

TEST_CASE("what is no limit is refused") {
  for (const std::string_view text : kRefused) {
    CAPTURE(text);
    CHECK_FALSE(parse_terms(text));
  }
}

TEST_CASE("what is wrong with a limit is said, and what was expected") {
  struct Wrong {
    std::string_view text;
    std::string_view fault;
  };
  // NOLINTBEGIN(modernize-use-designated-initializers): a table
  constexpr Wrong kWrong[] = {
      {"",
       "'' has no '=', expected NAME=HARD or NAME=SOFT:HARD, as in "
       "wall=30s"},
      {"foo=1",
       "there is no limit 'foo', expected one of wall, cpu, memory, "
       "processes, files, virtual, threads, file-size, core, locked, "
       "idle, swap, cpu-rate, cpu-set, io-rate, io-ops"},
      {"wall=",
       "a bound of 'wall' is missing, expected a time such as 30s, 2h "
       "or 1h30m"},
      {"wall=1x",
       "'1x' is no bound of 'wall', expected a time such as 30s, 2h "
       "or 1h30m"},
      {"wall=0", "'0' is too little for 'wall', expected more than 0"},
      {"wall=9999d", "'9999d' is too much for 'wall', expected at most 3650d"},
      {"wall=99999999999999999999999",
       "'99999999999999999999999' is too much for 'wall', expected at most "
       "3650d"},
      {"threads=5000000",
       "'5000000' is too much for 'threads', expected at most 4194304"},
      {"memory=9999999T",
       "'9999999T' is too much for 'memory', expected at "
       "most 2305843009213693951"},
      {"cpu-rate=50",
       "'50' is no bound of 'cpu-rate', expected a part of one "
       "processor such as 50% or 150%"},
      {"cpu-set=0-1023",
       "'0-1023' is too high for 'cpu-set', expected "
       "processors from 0 to 63, the first 64 of a machine"},
      {"cpu-set=3-1", "'3-1' is a range that ends before it begins"},
      {"cpu-set=64-1",
       "'64-1' is too high for 'cpu-set', expected processors "
       "from 0 to 63, the first 64 of a machine"},
      {"wall=1h:30m",
       "the soft bound '1h' of 'wall' is above the hard one, '30m'"},
      {"wall=x:30m",
       "'x' is no bound of 'wall', expected a time such as 30s, "
       "2h or 1h30m"},
      {"wall=1h/signal=USR1",
       "'/signal' is sent over a soft bound, and there is none, expected "
       "'wall=SOFT:HARD/signal=...' or 'wall=SOFT:/signal=...'"},
      {"wall=1h:2h/signal=FOO",
       "'/signal' has 'FOO', expected a signal such as TERM, SIGUSR1 or 15"},
      {"wall=1h/action=foo",
       "'/action' has 'foo', expected a signal such as TERM, SIGUSR1 or 15"},
      {"wall=1h:/grace=1",
       "'/grace' is for the end over a hard bound, and "
       "there is none, expected 'wall=SOFT:HARD/grace=...'"},
      {"wall=1h/grace=x",
       "'/grace' has 'x', expected a time such as 500ms or 30s"},
      {"wall=1h/grace=1/grace=2", "'/grace' is said twice"},
      {"wall=1h/what=1",
       "'/what' is not known, expected /signal=SIGNAL, "
       "/action=SIGNAL or /grace=TIME behind a limit"},
      {"files=5/grace=1",
       "'/grace' is for wall, cpu, memory and idle, over "
       "which jobs end, not for 'files'"},
  };
  // NOLINTEND(modernize-use-designated-initializers)
  for (const Wrong& wrong : kWrong) {
    CAPTURE(wrong.text);
    const auto terms = read_terms(wrong.text);
    REQUIRE_FALSE(terms);
    CHECK(terms.error() == wrong.fault);
  }
  for (const std::string_view text : kRefused) {
    CAPTURE(text);
    const auto terms = read_terms(text);
    CHECK((!terms && !terms.error().empty()));
  }
}

TEST_CASE("people write units and names") {
  const auto terms = parse_terms("cpu=1h:2h/signal=usr1/action=kill/grace=30s");
  REQUIRE(terms);
  CHECK(terms->soft == 3600000000U);
  CHECK(terms->bound == 7200000000U);
  CHECK(terms->soft_signal() == SignalNumber(SIGUSR1));
  CHECK(terms->action == kSigkill);
  CHECK(terms->grace == seconds(30));
  CHECK(parse_terms("cpu=1:2")->soft_signal() == SignalNumber(SIGXCPU));
}

TEST_CASE("what JobLimits knows stands there, the rest in the list") {
  JobLimits limits;
  TermsList list;
  set_terms(limits, list, {.kind = LimitKind::kMemory, .bound = 9});
  CHECK(limits.memory == Bytes(9));
  CHECK(list.empty());
  set_terms(limits, list, {.kind = LimitKind::kMemory, .bound = 9, .soft = 5});
  REQUIRE(list.size() == 1);
  CHECK_FALSE(list[0].bound);
  CHECK(terms_of(limits, list, LimitKind::kMemory).bound == 9U);
  set_terms(limits, list, {.kind = LimitKind::kIdleTime, .bound = 3});
  CHECK(list.size() == 2);
  CHECK(bound_of(limits, list, LimitKind::kIdleTime) == 3U);
  // In place of all that was said of it.
  set_terms(limits, list, {.kind = LimitKind::kMemory, .bound = 8});
  set_terms(limits, list, {.kind = LimitKind::kIdleTime});
  CHECK(limits.memory == Bytes(8));
  CHECK(list.empty());
  set_terms(limits, list, {.kind = LimitKind::kMemory, .grace = seconds(1)});
  CHECK(list.empty());  // nothing is limited
  CHECK_FALSE(limits.memory);
}

TEST_CASE("a list with commas, the last of a name counts") {
  JobLimits limits;
  TermsList list;
  REQUIRE(parse_terms_list(limits, list, "cpu=1s:2s,idle=1h,cpu=3s,core=0"));
  CHECK(terms_text(limits, list) == "cpu=3000000us,core=0,idle=3600000000us");
  CHECK_FALSE(parse_terms_list(limits, list, "wall=1,"));
}

TEST_CASE("how a job is ended may be said for each limit") {
  const KillPlan plan = {.first_signal = kSigterm, .grace = seconds(5)};
  const LimitTerms plain = {.kind = LimitKind::kCpuTime, .bound = 1};
  CHECK(plain.plan_of(plan).first_signal == kSigterm);
  CHECK(plain.plan_of(plan).grace == seconds(5));
  const LimitTerms own = {.kind = LimitKind::kCpuTime,
                          .bound = 1,
                          .action = SignalNumber(SIGINT),
                          .grace = seconds(9)};
  CHECK(own.plan_of(plan).first_signal == SignalNumber(SIGINT));
  CHECK(own.plan_of(plan).grace == seconds(9));
}

TEST_CASE("processors are narrowed one by one") {
  CHECK(is_above(LimitKind::kCpuSet, 0b101, 0b011));
  CHECK_FALSE(is_above(LimitKind::kCpuSet, 0b001, 0b011));
  CHECK(lower_of(LimitKind::kCpuSet, 0b101, 0b011) == 0b001);
  CHECK(lower_of(LimitKind::kCpuSet, 0b100, 0b011) == 0b011);
  CHECK(lower_of(LimitKind::kCpuRate, 200, 150) == 150);
  CHECK(processors_text(0b100111, ',') == "0-2,5");
  CHECK(shown_bound(LimitKind::kCpuRate, 150) == "150%");
  CHECK(shown_bound(LimitKind::kMemory, 64 << 20) == "64.0 MiB");
}
