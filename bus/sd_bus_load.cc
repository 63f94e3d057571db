// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include "bus/sd_bus_table.h"
#include "sys/late_library.h"

namespace bus {

namespace {

void find_connection(sys::LateLibrary& library, SdBusTable& table) {
  library.find("sd_bus_new", table.bus_new)
      .find("sd_bus_set_fd", table.set_fd)
      .find("sd_bus_get_fd", table.get_fd)
      .find("sd_bus_negotiate_fds", table.negotiate_fds)
      .find("sd_bus_start", table.start)
      .find("sd_bus_close_unref", table.close_unref)
      .find("sd_bus_call", table.call)
      .find("sd_bus_call_async", table.call_async)
      .find("sd_bus_process", table.process)
      .find("sd_bus_wait", table.wait)
      .find("sd_bus_is_open", table.is_open)
      .find("sd_bus_is_ready", table.is_ready)
      .find("sd_bus_slot_unref", table.slot_unref)
      .find("sd_bus_error_free", table.error_free);
}

void find_message(sys::LateLibrary& library, SdBusTable& table) {
  library.find("sd_bus_message_new_method_call", table.new_method_call)
      .find("sd_bus_message_ref", table.message_ref)
      .find("sd_bus_message_unref", table.message_unref)
      .find("sd_bus_message_get_error", table.get_error)
      .find("sd_bus_message_append", table.append)
      .find("sd_bus_message_append_basic", table.append_basic)
      .find("sd_bus_message_append_array", table.append_array)
      .find("sd_bus_message_open_container", table.open_container)
      .find("sd_bus_message_close_container", table.close_container)
      .find("sd_bus_message_read", table.read)
      .find("sd_bus_message_read_basic", table.read_basic)
      .find("sd_bus_message_read_array", table.read_array)
      .find("sd_bus_message_peek_type", table.peek_type)
      .find("sd_bus_message_skip", table.skip)
      .find("sd_bus_message_enter_container", table.enter_container)
      .find("sd_bus_message_exit_container", table.exit_container)
      .find("sd_bus_message_at_end", table.at_end);
}

}  // namespace

std::expected<SdBusTable, std::string> load_sd_bus() {
  // NODELETE: the library keeps thread-local state that must not be unmapped.
  void* const handle =
      ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* const reason = ::dlerror();
    return std::unexpected(
        std::string("cannot load libsystemd.so.0 (package libsystemd0): ") +
        (reason != nullptr ? reason : "unknown reason"));
  }
  sys::LateLibrary library(handle);
  SdBusTable table;
  find_connection(library, table);
  find_message(library, table);
  if (library.missing() != nullptr)
    return std::unexpected(
        std::string("libsystemd.so.0 is too old: it lacks '") +
        library.missing() + "'; systemd 240 or newer is expected");
  return table;
}

}  // namespace bus
