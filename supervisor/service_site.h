// SPDX-License-Identifier: Apache-2.0
// What an instance is, for its service and for who asks: from the settings and
// the host.
#pragma once

#include "supervisor/host.h"
#include "supervisor/job_service.h"
#include "supervisor/settings.h"

namespace supervisor {

[[nodiscard]] ServiceSite service_site(const Settings& settings,
                                       const Host& host, std::uint32_t hid);

}  // namespace supervisor
