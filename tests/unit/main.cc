// SPDX-License-Identifier: Apache-2.0
// The main of the unit programs of all rooms: doctest's own, and an honest end
// for what could not be checked.
#include <cstdio>
#include <set>
#include <string>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "tests/unit/not_checked.h"

namespace {

constexpr int kSkipped = 77;

std::set<std::string>& reasons() {
  static std::set<std::string> set;
  return set;
}

}  // namespace

void unit::not_checked(const char* reason) {
  reasons().insert(reason);
}

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int code = context.run();
  if (code != 0 || context.shouldExit() || reasons().empty()) return code;
  for (const std::string& reason : reasons())
    std::printf("SKIP: %s\n", reason.c_str());
  return kSkipped;
}
