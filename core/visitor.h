// SPDX-License-Identifier: Apache-2.0
// Visitor: a reference to whatever is to be called, without its type. Code that
// walks over something and calls a visitor is there once, not once a caller.
#pragma once

#include <type_traits>

namespace core {

/// Good as long as what it was made of: a parameter, never a member.
template <class Argument>
class Visitor {
 public:
  template <class Visit>
    requires(!std::is_same_v<std::remove_cvref_t<Visit>, Visitor>)
  // NOLINTNEXTLINE(google-explicit-constructor): a lambda is a visitor
  Visitor(Visit&& visit)
      : what_(const_cast<void*>(static_cast<const void*>(&visit))),
        visit_([](void* what, Argument argument) {
          (*static_cast<std::remove_reference_t<Visit>*>(what))(argument);
        }) {}

  void operator()(Argument argument) const { visit_(what_, argument); }

 private:
  void* what_;
  void (*visit_)(void* what, Argument argument);
};

}  // namespace core
