// SPDX-License-Identifier: Apache-2.0
// A part of a unit program that cannot run on this machine: the rest runs, and
// if it passes the program ends as skipped (77) with this reason, which must
// stand in tests/skips.
#pragma once

namespace unit {

void not_checked(const char* reason);

}  // namespace unit
