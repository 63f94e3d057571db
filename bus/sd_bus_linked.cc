// SPDX-License-Identifier: Apache-2.0
#include "bus/sd_bus_table.h"

namespace bus {

const SdBusTable& linked_sd_bus() {
  static constexpr SdBusTable kTable = {
      .bus_new = ::sd_bus_new,
      .set_fd = ::sd_bus_set_fd,
      .get_fd = ::sd_bus_get_fd,
      .negotiate_fds = ::sd_bus_negotiate_fds,
      .start = ::sd_bus_start,
      .close_unref = ::sd_bus_close_unref,
      .call = ::sd_bus_call,
      .call_async = ::sd_bus_call_async,
      .process = ::sd_bus_process,
      .wait = ::sd_bus_wait,
      .is_open = ::sd_bus_is_open,
      .is_ready = ::sd_bus_is_ready,
      .slot_unref = ::sd_bus_slot_unref,
      .error_free = ::sd_bus_error_free,
      .new_method_call = ::sd_bus_message_new_method_call,
      .message_ref = ::sd_bus_message_ref,
      .message_unref = ::sd_bus_message_unref,
      .get_error = ::sd_bus_message_get_error,
      .append = ::sd_bus_message_append,
      .append_basic = ::sd_bus_message_append_basic,
      .append_array = ::sd_bus_message_append_array,
      .open_container = ::sd_bus_message_open_container,
      .close_container = ::sd_bus_message_close_container,
      .read = ::sd_bus_message_read,
      .read_basic = ::sd_bus_message_read_basic,
      .read_array = ::sd_bus_message_read_array,
      .peek_type = ::sd_bus_message_peek_type,
      .skip = ::sd_bus_message_skip,
      .enter_container = ::sd_bus_message_enter_container,
      .exit_container = ::sd_bus_message_exit_container,
      .at_end = ::sd_bus_message_at_end,
  };
  return kTable;
}

}  // namespace bus
