// SPDX-License-Identifier: Apache-2.0
#include "cli/parser.h"

#include <vector>

#include <doctest/doctest.h>

namespace {

using Words = std::vector<const char*>;
using Texts = std::vector<std::string>;

std::expected<cli::Arguments, cli::Misuse> parse(const char* command,
                                                 const Words& words) {
  return cli::parse(*cli::find_command(command), words);
}

/// The arguments of a command line that fits.
cli::Arguments good(const char* command, const Words& words) {
  auto parsed = parse(command, words);
  if (!parsed) FAIL(parsed.error().text);
  return *std::move(parsed);
}

std::string misuse(const char* command, const Words& words) {
  const auto parsed = parse(command, words);
  return parsed ? "(fits)" : parsed.error().text;
}

}  // namespace

TEST_CASE("options of run end at the first word that is none") {
  const auto parsed =
      parse("run", {"-d", "--name", "web", "-e", "A=1", "--env=B=[2,3]", "prog",
                    "-d", "--name", "x"});
  REQUIRE(parsed.has_value());
  CHECK(parsed->has("detach"));
  CHECK(parsed->value("name") == "web");
  const auto variables = parsed->values("env");
  CHECK(Texts(variables.begin(), variables.end()) == Texts{"A=1", "B=[2,3]"});
  CHECK(parsed->operands() == Texts{"prog", "-d", "--name", "x"});
}

TEST_CASE("options of run end at two dashes, which are not the program's") {
  CHECK(good("run", {"--", "-x", "--", "y"}).operands() ==
        Texts{"-x", "--", "y"});
  CHECK(good("run", {"--", "--", "y"}).operands() == Texts{"--", "y"});
  CHECK(good("run", {"-d", "--", "true"}).operands() == Texts{"true"});
  CHECK(good("run", {"true", "--", "y"}).operands() ==
        Texts{"true", "--", "y"});
  CHECK(good("run", {"true", ""}).operands() == Texts{"true", ""});
}

TEST_CASE("kill takes a signal behind a dash, as kill(1) does") {
  CHECK(good("kill", {"-9", "web"}).value("signal") == "9");
  CHECK(good("kill", {"-HUP", "web"}).value("signal") == "HUP");
  CHECK(good("kill", {"web", "-sigusr1"}).value("signal") == "sigusr1");
  CHECK(good("kill", {"-0", "web"}).value("signal") == "0");
  CHECK(good("kill", {"-g", "0", "web"}).value("grace") == "0");
  CHECK(good("kill", {"--", "-9"}).operands() == Texts{"-9"});
  CHECK(misuse("kill", {"-HUPP", "web"}).starts_with("unknown option '-HUPP'"));
  CHECK(misuse("wait", {"-HUP", "web"}).starts_with("unknown option '-HUP'"));
}

TEST_CASE("the value of --report may be left out") {
  CHECK(good("run", {"--report", "true"}).value("report") == "text");
  CHECK(good("run", {"-r", "true"}).value("report") == "text");
  CHECK(good("run", {"--report=json", "true"}).value("report") == "json");
  CHECK(misuse("run", {"--report=xml", "true"}) ==
        "option '--report' has the value 'xml'; expected text or json");
  CHECK_FALSE(good("run", {"true"}).has("report"));
}

TEST_CASE("the last value counts where one is wanted") {
  const auto parsed = parse("run", {"-n", "one", "--name=two", "true"});
  REQUIRE(parsed.has_value());
  CHECK(parsed->value("name") == "two");
}

TEST_CASE("short options may stand together") {
  const auto parsed = parse("ps", {"-aj"});
  REQUIRE(parsed.has_value());
  CHECK(parsed->has("all"));
  CHECK(parsed->has("json"));
}

TEST_CASE("options may follow operands where no program does") {
  const auto parsed = parse("kill", {"web", "-s", "HUP", "db"});
  REQUIRE(parsed.has_value());
  CHECK(parsed->value("signal") == "HUP");
  CHECK(parsed->operands() == Texts{"web", "db"});
}

TEST_CASE("misuse is said in one sentence with the fix") {
  CHECK(misuse("run", {"--reprot", "--", "x"}) ==
        "unknown option '--reprot'; did you mean '--report'?");
  CHECK(misuse("run", {"--frobnicate=1", "x"}) ==
        "unknown option '--frobnicate'; 'corral run --help' shows those that "
        "there are");
  CHECK(misuse("run", {"--name"}) ==
        "option '--name' needs a value; see 'corral run --help'");
  CHECK(misuse("run", {"--name", "", "x"}) ==
        "option '--name' has the value ''; expected 1 to 64 letters, digits "
        "and _.@:-; no number, 0x..., -..., '.', '..' or 'self'");
  for (const char* word : {"db", "cafe", "a"})
    CHECK(parse("run", {"--name", word, "x"}));
  CHECK(misuse("run", {"--name", "self", "x"}).find("'self'") !=
        std::string::npos);
  CHECK(misuse("run", {"--grace", "soon", "x"}) ==
        "option '--grace' has the value 'soon'; expected a duration such as "
        "500ms, 30s, 5m, 2h or 1d");
  CHECK(misuse("run", {"-d"}) ==
        "a PROGRAM is missing: the program and its arguments, as in 'corral "
        "run -- make'");
  CHECK(misuse("run", {"--linger", "--kill-stragglers", "x"}) ==
        "option '--linger' excludes '--kill-stragglers'");
  CHECK(misuse("run", {"--json", "x"}) == "option '--json' needs '--detach'");
  CHECK(misuse("ps", {"x"}) == "unexpected argument 'x'; expected none");
  CHECK(misuse("log", {"x", "y"}) ==
        "unexpected argument 'y'; expected one JOB");
  CHECK(misuse("freeze", {}) ==
        "a JOB is missing: name it by its jid or its name");
  CHECK(misuse("attach", {"--new"}) ==
        "a PROCESS is missing: a job, by its jid or its name, and process ids; "
        "with --new process ids alone");
  CHECK(misuse("session", {}) ==
        "a WORD is missing: 'open', 'close JOB', or 'show'");
  CHECK(misuse("run", {"--jid", "0x100000000000", "x"}) ==
        "option '--jid' has the value '0x100000000000'; expected 0x and up to "
        "16 hexadecimal digits, the last 8 of them above 0");
}

TEST_CASE("of a limit the part that is wrong is said") {
  CHECK(misuse("run", {"-l", "wall=1h:30m", "x"}) ==
        "option '--limit' has the value 'wall=1h:30m': the soft bound '1h' of "
        "'wall' is above the hard one, '30m'");
  CHECK(misuse("run", {"-l", "cpu=1h,foo=1", "x"})
            .contains("'cpu=1h,foo=1': there is no limit 'foo', expected one "
                      "of wall, cpu"));
  CHECK(misuse("run", {"-l", "wall=none", "x"}) ==
        "option '--limit' has the value 'wall=none': 'wall=none' takes a limit "
        "away, expected one that there is to be");
  CHECK(misuse("limit", {"x", "-l", "files=x"}) ==
        "option '--limit' has the value 'files=x': 'x' is no bound of 'files', "
        "expected a number such as 100");
}

TEST_CASE("--help is heard whatever else is missing") {
  CHECK(good("kill", {"--help"}).has("help"));
  CHECK(good("run", {"-h"}).has("help"));
  CHECK(good("run", {"true", "-h"}).has("help") == false);
}

TEST_CASE("a pair in the table names options that there are") {
  for (const cli::Command& command : cli::commands()) {
    const auto is_option = [&command](std::string_view name) {
      for (const cli::OptionRow& row : command.options)
        if (row.name == name) return true;
      return false;
    };
    for (const cli::OptionPair& pair : command.pairs) {
      CAPTURE(command.name);
      CHECK(is_option(pair.one));
      CHECK(is_option(pair.other));
    }
  }
}
