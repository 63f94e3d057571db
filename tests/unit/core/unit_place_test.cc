// SPDX-License-Identifier: Apache-2.0
// Where a unit's cgroup says that it is, and how its jobs' scope is called.
#include "core/unit_place.h"

#include <doctest/doctest.h>

namespace {

using namespace core;

TEST_CASE("a service in its slice") {
  struct Row {
    const char* cgroup;
    const char* unit;
    const char* slice;
    const char* scope;
  };
  for (const Row& row :
       {Row{"/system.slice/corrald.service", "corrald.service", "system.slice",
            "corrald.scope"},
        Row{"/batch.slice/batch-night.slice/corrald.service", "corrald.service",
            "batch-night.slice", "corrald.scope"},
        Row{"/system.slice/system-corrald.slice/corrald@a.b.service",
            "corrald@a.b.service", "system-corrald.slice",
            "corrald@a.b.scope"}}) {
    CAPTURE(row.cgroup);
    const auto place = unit_at(row.cgroup);
    REQUIRE(place);
    CHECK(place->unit == row.unit);
    CHECK(place->slice == row.slice);
    CHECK(scope_beside(place->unit) == row.scope);
  }
}

TEST_CASE("what is no service in a slice") {
  for (const char* cgroup :
       {"", "/", "/corrald.service", "corrald.service", "/system.slice",
        "/system.slice/.service", "/system.slice/corrald.scope",
        "/docker/corrald.service", "/system.slice/corrald.service/instance",
        "/docker/0123456789abcdef", "/../system.slice/corrald.service/"}) {
    CAPTURE(cgroup);
    CHECK_FALSE(unit_at(cgroup));
  }
}

}  // namespace
