// SPDX-License-Identifier: Apache-2.0
// The properties of Job1, for whoever writes them: the vtable's getters one by
// one, ObjectManager all of them.
#pragma once

#include <optional>

#include <systemd/sd-bus.h>

#include "core/job_control.h"

namespace bus {

/// Whoever cannot be known in time (a getter cannot wait, a signal is
/// everybody's) sees what everybody may see: the properties hold nothing else.
[[nodiscard]] core::Caller anybody();

/// What the properties show of a job: no counter is read for it.
[[nodiscard]] std::optional<core::JobView> brief_view(
    core::JobControl& port, const core::Caller& caller, core::JobId jid);

/// The value of the property `name`, of type `type`: while there is nothing to
/// say the empty text or 0. -ENOENT: there is none of that name.
int append_job_property(sd_bus_message* message, const core::JobView& view,
                        const char* name, char type);

/// "a{sa{sv}}": the interface Job1 with all of its properties.
int append_job_interfaces(sd_bus_message* message, const core::JobView& view);

}  // namespace bus
