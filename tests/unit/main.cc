// SPDX-License-Identifier: Apache-2.0
// doctest's own main, compiled once for the unit programs of all rooms.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
