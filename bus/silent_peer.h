// SPDX-License-Identifier: Apache-2.0
// Why a supervisor does not answer, as far as /proc tells, and what can be done
// about it.
#pragma once

#include <string>
#include <string_view>

#include "core/ids.h"

namespace bus {

/// Who listens at the other end of a connected socket; 0: nobody that we can
/// see.
[[nodiscard]] core::Pid listener_of(int socket);

/// "the supervisor at 'PATH' (process 12) does not answer: it is stopped;
/// 'kill -CONT 12' lets it go on"
[[nodiscard]] std::string describe_silence(std::string_view path,
                                           core::Pid listener);

/// The same where it does not even take a connection, as too many wait to be
/// taken. Nobody is connected then who could be asked for his process: it is
/// found by its instance's lock, by who may read that.
[[nodiscard]] std::string describe_full_queue(const std::string& path);

}  // namespace bus
