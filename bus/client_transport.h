// SPDX-License-Identifier: Apache-2.0
// The way to an instance's private socket: connect, and wait for it to come
// (back). Nothing of D-Bus is needed for this, and nothing is loaded.
#pragma once

#include <string>

#include "core/quantity.h"
#include "sys/unique_fd.h"

namespace bus {

/// Connects to the stream socket at `path`, without waiting. Errors: ENOENT (no
/// such socket), ECONNREFUSED (nobody listens), EACCES, EAGAIN (its queue is
/// full), ENAMETOOLONG (unix(7): 107 bytes). The socket blocks on reads.
[[nodiscard]] core::Result<sys::UniqueFd> connect_private(
    const std::string& path);

/// Is an instance running there? One connect(2).
[[nodiscard]] bool is_answering(const std::string& path);

/// Connects, waiting until `deadline` for somebody to listen there: inotify(7)
/// on the socket's directory wakes it, nothing is polled. The directory may
/// be missing at first. Errors: ETIMEDOUT, EAGAIN (its queue is full to the
/// end), else those of connect_private().
[[nodiscard]] core::Result<sys::UniqueFd> await_private(
    const std::string& path, core::BootTime deadline);

}  // namespace bus
