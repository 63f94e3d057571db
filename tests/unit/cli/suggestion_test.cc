// SPDX-License-Identifier: Apache-2.0
#include "cli/suggestion.h"

#include <vector>

#include <doctest/doctest.h>

TEST_CASE("distances count inserted, removed, replaced and swapped letters") {
  CHECK(cli::distance("", "") == 0);
  CHECK(cli::distance("run", "run") == 0);
  CHECK(cli::distance("", "run") == 3);
  CHECK(cli::distance("rn", "run") == 1);
  CHECK(cli::distance("ruun", "run") == 1);
  CHECK(cli::distance("rin", "run") == 1);
  CHECK(cli::distance("rnu", "run") == 1);
  CHECK(cli::distance("kill", "wait") == 4);
}

TEST_CASE("only a near word is suggested") {
  const std::vector<std::string_view> known = {"run", "ps", "records",
                                               "daemon-reexec"};
  CHECK(cli::nearest("rum", known) == "run");
  CHECK(cli::nearest("record", known) == "records");
  CHECK(cli::nearest("daemon-reexce", known) == "daemon-reexec");
  CHECK(cli::nearest("frobnicate", known).empty());
  CHECK(cli::nearest("xy", known).empty());
  CHECK(cli::did_you_mean("rnu", known) == "; did you mean 'run'?");
  CHECK(cli::did_you_mean("frobnicate", known).empty());
}
