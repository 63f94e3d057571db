// SPDX-License-Identifier: Apache-2.0
// The vtables of Manager1 and Job1. interfaces/*.xml is the contract; the test
// tests/integration/bus_contract.py holds these to it.
#pragma once

#include "bus/connection.h"
#include "core/error.h"

namespace bus {

/// Offers our objects on the connection, for its life. One fallback vtable
/// serves all jobs: nothing is registered for a job. Errors: ENOMEM.
[[nodiscard]] core::Result<void> offer_objects(Connection& connection);

}  // namespace bus
