// SPDX-License-Identifier: Apache-2.0
// What the row 'session' of the command table names, like command_options.h.
#pragma once

#include "cli/command_options.h"

namespace cli::options {

// NOLINTBEGIN(modernize-use-designated-initializers): tables

inline constexpr OptionRow kSessionOptions[] = {
    {"user", 'u', ValueType::kUser, "",
     "With 'open': whose session it is; needed"},
    {"leader", '\0', ValueType::kCount, "the process that calls",
     "With 'open': the service's process, whose later children are the "
     "session"},
    {"service", 's', ValueType::kName, "none",
     "With 'open': the service, as PAM calls it; it chooses the domain"},
    {"domain", '\0', ValueType::kName, "that of the service",
     "With 'open': the site's word for its kind (limits.toml(5))"},
    {"project", '\0', ValueType::kChargeName, "none",
     "With 'open': charge it to this project"},
    {"account", '\0', ValueType::kChargeName, "none",
     "With 'open': and to this account of the project"},
    {"nest", '\0', ValueType::kNesting, "keep",
     "With 'open' within an open session: keep that one, or nest a new one"},
    {"mode", 'm', ValueType::kAttachMode, "move",
     "With 'open': move the leader into the session's container, or (logical) "
     "follow it where systemd-logind has it"},
    {"stragglers", '\0', ValueType::kStragglers, "linger",
     "With 'open': who is left when it is closed stays, is asked to end, or is "
     "killed"},
    {"grace", 'g', ValueType::kDuration, "5s",
     "With 'open': how long processes may take to end when they are asked to"},
    {"limit", 'l', ValueType::kLimit, "none",
     "With 'open': hold it to these limits", Repeat::kAllCount},
    kAcceptLess,
    kJson,
    kSystem,
    kPrivate,
    kHelp,
};
inline constexpr Example kSessionExamples[] = {
    {"corral session show", "the sessions that are open or not empty yet"},
    {"corral session open --user alice --service cron",
     "the calling process is the leader of a session of alice's"},
    {"corral session close 0x17", "it ends when nobody is left"},
};
inline constexpr JsonKey kSessionKeys[] = {
    {"jid, existing",
     "of 'open': the job; true: it was open already, and who opened it closes "
     "it. Without *--json*: the jid and the word _opened_ or _existing_"},
    {"(array)",
     "of 'show': one object a session, with the keys of *corral "
     "show*"},
};

// NOLINTEND(modernize-use-designated-initializers)

}  // namespace cli::options
