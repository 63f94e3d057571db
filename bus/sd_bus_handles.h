// SPDX-License-Identifier: Apache-2.0
// sd-bus objects as owned values, for the server, which is linked to sd-bus.
#pragma once

#include <memory>
#include <utility>

#include <systemd/sd-bus.h>

namespace bus {

struct BusCloser {
  void operator()(sd_bus* bus) const { (void)::sd_bus_close_unref(bus); }
};
using BusPtr = std::unique_ptr<sd_bus, BusCloser>;

struct SlotDropper {
  void operator()(sd_bus_slot* slot) const { (void)::sd_bus_slot_unref(slot); }
};
/// Dropping it ends a match, or a call whose answer has not come.
using SlotPtr = std::unique_ptr<sd_bus_slot, SlotDropper>;

/// A reference to a message; copies share it.
class MessageRef {
 public:
  MessageRef() = default;
  static MessageRef share(sd_bus_message* message) {
    return MessageRef(::sd_bus_message_ref(message));
  }
  static MessageRef take(sd_bus_message* message) {
    return MessageRef(message);
  }
  MessageRef(const MessageRef& other)
      : message_(::sd_bus_message_ref(other.message_)) {}
  MessageRef(MessageRef&& other) noexcept
      : message_(std::exchange(other.message_, nullptr)) {}
  MessageRef& operator=(const MessageRef& other) {
    return *this = MessageRef(other);
  }
  MessageRef& operator=(MessageRef&& other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~MessageRef() { (void)::sd_bus_message_unref(message_); }

  [[nodiscard]] sd_bus_message* get() const { return message_; }

 private:
  explicit MessageRef(sd_bus_message* message) : message_(message) {}
  sd_bus_message* message_ = nullptr;
};

}  // namespace bus
