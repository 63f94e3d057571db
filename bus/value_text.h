// SPDX-License-Identifier: Apache-2.0
// A value of the bus in a sentence for people.
#pragma once

#include <string>
#include <variant>

#include "bus/utf8.h"
#include "bus/value.h"
#include "core/refusal.h"

namespace bus {

/// The value for people: short, printable, without guessing at its meaning.
struct Shown {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const std::string& text) const {
    constexpr std::size_t kMostShown = 80;
    if (text.size() <= kMostShown) return "'" + to_utf8(text) + "'";
    return "'" + to_utf8(text.substr(0, kMostShown)) + "...'";
  }
  std::string operator()(const TextList& list) const {
    return "a list of " + std::to_string(list.size());
  }
  std::string operator()(const RlimitList& list) const {
    return "a list of " + std::to_string(list.size());
  }
  std::string operator()(const NumberList& list) const {
    return "a list of " + std::to_string(list.size());
  }
  std::string operator()(FdNumber /*number*/) const { return "a descriptor"; }
  std::string operator()(const Unread& /*value*/) const { return "given"; }
  template <class Number>
  std::string operator()(Number value) const {
    return std::to_string(value);
  }
};

inline std::unexpected<core::Refused> refuse_value(const DictEntry& entry,
                                                   const char* expected) {
  return std::unexpected(core::invalid("key '" + to_utf8(entry.key) + "' is " +
                                       std::visit(Shown{}, entry.value) + " (" +
                                       signature_of(entry.value) +
                                       "), expected " + expected));
}

}  // namespace bus
