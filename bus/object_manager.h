// SPDX-License-Identifier: Apache-2.0
// org.freedesktop.DBus.ObjectManager at /org/corral. sd-bus has one of its own,
// which would write ten thousand jobs in one go: here they are written a page a
// round, and others have their turns between.
#pragma once

#include "bus/call.h"

namespace bus {

/// Answers with all jobs that the caller may see, remembered ones too, and the
/// manager. At most one of a connection is under way; more are kTooMany.
void get_managed_objects(const Call& call);

}  // namespace bus
