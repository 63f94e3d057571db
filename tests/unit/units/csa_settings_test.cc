// SPDX-License-Identifier: Apache-2.0
// csa.toml: each key gives its label, and each fault is told with its place.
#include "units/csa_settings.h"

#include <set>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/units/manual_page.h"

namespace {

using units::csa_conf_of_toml;

std::string conf_of(std::string_view text) {
  const auto conf = csa_conf_of_toml(text, "csa.toml");
  return conf ? *conf : conf.error().front();
}

constexpr std::string_view kNoNames =
    "WKMG_NUM_QUEUES\t0\nWKMG_NUM_MACHINES\t0\n";

}  // namespace

TEST_CASE("labels of every section") {
  CHECK(conf_of("# nothing\n") == kNoNames);
  CHECK(conf_of("[site]\n"
                "accounting_dir = '/var/csa'\n"
                "min_blocks = 2000\n"
                "folder_mode = '770'\n"
                "mail_list = ['root', 'ann']\n"
                "[options]\n"
                "csabuild = '-i'\n"
                "[start]\n"
                "csa = true\n"
                "memory_threshold = false\n"
                "time_threshold = 3\n"
                "[billed]\n"
                "hold = false\n"
                "[prime]\n"
                "basic = 1\n"
                "xmem = 0.25\n"
                "[nonprime]\n"
                "cio = 1e-6\n"
                "[labels]\n"
                "MY_OWN = 'a b'\n") ==
        "ACCT_DIR\t/var/csa\nMIN_BLKS\t2000\nCHMOD\t770\n"
        "MAIL_LIST\t\"root ann\"\nCSABUILD\t-i\nCSA_START\ton\n"
        "MEMT_START\toff 0\nTIME_START\ton 3\nWKMG_TERM_HOLD\t0\n"
        "P_BASIC\t1\nP_XMEM\t0.25\nNP_CIO\t1e-6\nMY_OWN\ta b\n" +
            std::string(kNoNames));
}

TEST_CASE("queues and machines are numbered and counted") {
  CHECK(conf_of("[queues]\nb_30_5 = 0.5\n'b 1' = 2\n") ==
        "csa.toml:3: queues.\"b 1\": expected a name without blanks");
  CHECK(conf_of("[queues]\nb_30_5 = 0.5\nb_1 = 2\n[machines]\nlinux3 = 1\n") ==
        "WKMG_NUM_QUEUES\t2\nWKMG_QUEUE0\t0.5\tb_30_5\nWKMG_QUEUE1\t2\tb_1\n"
        "WKMG_NUM_MACHINES\t1\nWKMG_MACHINE0\t1\tlinux3\n");
}

TEST_CASE("what is wrong is named with its line and what was expected") {
  const auto wrong = [](std::string_view text, std::string_view what) {
    CAPTURE(text);
    const auto conf = csa_conf_of_toml(text, "f");
    REQUIRE_FALSE(conf);
    CHECK(conf.error().front().contains(what));
    CHECK(conf.error().front().starts_with("f:"));
  };
  wrong("[site]\nmin_blocks = -1\n", "whole number, 0 or more");
  wrong("[site]\nmin_blocks = 1.5\n", "whole number, 0 or more");
  wrong("[site]\naccounting_dir = 'csa'\n", "an absolute path");
  wrong("[site]\nfolder_mode = '789'\n", "octal digits");
  wrong("[start]\ncsa = 'on'\n", "true or false");
  wrong("[prime]\nbasic = 'much'\n", "a number, 0 or more");
  wrong("[prime]\nbasic = inf\n", "a number, 0 or more");
  wrong("[prime]\nbsaic = 1\n", "no such key");
  wrong("[options]\ncsabuild = \"-i\\nP_BASIC 9\"\n", "a text of one line");
  wrong("[labels]\n'9x' = 'a'\n", "letters, digits");
  wrong("stray = 1\n", "no such key");
  wrong("[site\n", "");
  CHECK(csa_conf_of_toml("[prime]\na = 1\nb = 2\n", "f").error().size() == 2);
}

TEST_CASE("the list of keys has all of them") {
  const std::string keys = units::csa_toml_keys();
  CHECK(
      keys.contains("site.min_blocks  MIN_BLKS  a whole number, 0 or more\n"));
  CHECK(keys.contains("nonprime.swpdelay  NP_SWPDELAY  "));
  CHECK(keys.contains("machines.NAME  WKMG_MACHINEn  a number, 0 or more\n"));
}

TEST_CASE("csa.conf(5) and csa.toml(5) have each label and key, and no other") {
  const std::string conf = page_of("csa.conf");
  const std::string toml = page_of("csa.toml");
  std::set<std::string> labels = {"WKMG_NUM_QUEUES", "WKMG_NUM_MACHINES"};
  std::istringstream keys(units::csa_toml_keys());
  for (std::string line; std::getline(keys, line);) {
    CAPTURE(line);
    const std::size_t dot = line.find('.');
    const std::size_t blank = line.find(' ');
    const std::string section = line.substr(0, dot);
    const std::string key = line.substr(dot + 1, blank - dot - 1);
    std::string label = line.substr(blank + 2);
    label.resize(label.find(' '));
    if (label.ends_with('n')) label.pop_back();  // a number follows it
    labels.insert(label);
    CHECK(conf.contains("[" + section + "]"));
    CHECK(toml.contains("[" + section + "]"));
    if (key == "NAME") continue;
    CHECK(conf.contains(key));
    CHECK(toml.contains("*" + key + "*"));
  }
  CHECK(rows_of(conf) == labels);
}
