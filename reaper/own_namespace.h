// SPDX-License-Identifier: Apache-2.0
// Whether this program contains its job in a pid namespace, and who is the init
// of that: all that the readers of /proc have to know of it.
#pragma once

#include <cstdint>

#include "core/ids.h"

namespace reaper {

/// Of corral-pidns alone; each program's main says it.
extern const bool kMakesNamespaces;

/// Nobody, until there is one.
inline core::Pid namespace_init;

/// It is a child of the scope, but not the job's.
inline bool is_namespace_init(std::int32_t pid) {
  return kMakesNamespaces && pid == namespace_init.raw();
}

}  // namespace reaper
