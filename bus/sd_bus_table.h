// SPDX-License-Identifier: Apache-2.0
// The functions of sd-bus that client and message codec need, as a table of
// pointers: the client fills it with dlopen(3) when it first connects
// (load_sd_bus), the server with the functions it is linked to (linked_sd_bus).
// So one codec serves both, and a program that holds only the client links no
// libsystemd.
#pragma once

#include <expected>
#include <string>

#include <systemd/sd-bus.h>

namespace bus {

struct SdBusTable {
  decltype(&::sd_bus_new) bus_new = nullptr;
  decltype(&::sd_bus_set_fd) set_fd = nullptr;
  decltype(&::sd_bus_get_fd) get_fd = nullptr;
  decltype(&::sd_bus_negotiate_fds) negotiate_fds = nullptr;
  decltype(&::sd_bus_start) start = nullptr;
  decltype(&::sd_bus_close_unref) close_unref = nullptr;
  decltype(&::sd_bus_call) call = nullptr;
  decltype(&::sd_bus_call_async) call_async = nullptr;
  decltype(&::sd_bus_process) process = nullptr;
  decltype(&::sd_bus_wait) wait = nullptr;
  decltype(&::sd_bus_is_open) is_open = nullptr;
  decltype(&::sd_bus_is_ready) is_ready = nullptr;
  decltype(&::sd_bus_slot_unref) slot_unref = nullptr;
  decltype(&::sd_bus_error_free) error_free = nullptr;

  decltype(&::sd_bus_message_new_method_call) new_method_call = nullptr;
  decltype(&::sd_bus_message_ref) message_ref = nullptr;
  decltype(&::sd_bus_message_unref) message_unref = nullptr;
  decltype(&::sd_bus_message_get_error) get_error = nullptr;
  decltype(&::sd_bus_message_append) append = nullptr;
  decltype(&::sd_bus_message_append_basic) append_basic = nullptr;
  decltype(&::sd_bus_message_append_array) append_array = nullptr;
  decltype(&::sd_bus_message_open_container) open_container = nullptr;
  decltype(&::sd_bus_message_close_container) close_container = nullptr;
  decltype(&::sd_bus_message_read) read = nullptr;
  decltype(&::sd_bus_message_read_basic) read_basic = nullptr;
  decltype(&::sd_bus_message_read_array) read_array = nullptr;
  decltype(&::sd_bus_message_peek_type) peek_type = nullptr;
  decltype(&::sd_bus_message_skip) skip = nullptr;
  decltype(&::sd_bus_message_enter_container) enter_container = nullptr;
  decltype(&::sd_bus_message_exit_container) exit_container = nullptr;
  decltype(&::sd_bus_message_at_end) at_end = nullptr;
};

/// Loads libsystemd.so.0, which then stays loaded. The error is one sentence
/// with the loader's reason.
[[nodiscard]] std::expected<SdBusTable, std::string> load_sd_bus();

/// The functions of the libsystemd that the program is linked to.
[[nodiscard]] const SdBusTable& linked_sd_bus();

}  // namespace bus
