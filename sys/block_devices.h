// SPDX-License-Identifier: Apache-2.0
// The disks of this host, for limits of their use (io.max, blkio.throttle).
#pragma once

#include <string>
#include <vector>

namespace sys {

/// "MAJOR:MINOR" of each whole disk that holds something (sysfs(5),
/// /sys/block). A disk that comes later is not among them.
[[nodiscard]] std::vector<std::string> block_devices();

}  // namespace sys
