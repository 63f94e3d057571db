// SPDX-License-Identifier: Apache-2.0
// Polkit: a second chance for what was denied on a message bus. polkit(8) is
// asked whether the sender may all the same, without waiting; if it says yes
// the method runs again, with a caller to whom that one verb was granted.
//
// Invariants:
//  - What is allowed asks nobody: polkit absent, stopped or dead costs nothing
//    but the answers to what is denied anyway.
//  - A grant is for one call. Whoever is not granted gets the first refusal.
#pragma once

#include <list>

#include "bus/connection.h"
#include "core/job_control.h"

namespace bus {

class Polkit {
 public:
  /// A call that was denied.
  struct Denied {
    std::weak_ptr<Connection> connection;
    MessageRef call;
    Handler handler = nullptr;  ///< runs it again
    core::Refused refused;
    core::VerbSet granted;  ///< before
  };

  Polkit() = default;
  Polkit(const Polkit&) = delete;
  Polkit& operator=(const Polkit&) = delete;

  /// False: it cannot be asked; nothing has happened.
  [[nodiscard]] bool ask(Connection& connection, Denied denied);

 private:
  struct Question {
    Polkit* polkit = nullptr;
    Denied denied;
    SlotPtr slot;
    std::list<Question>::iterator self;
  };

  static int on_answer(sd_bus_message* message, void* question,
                       sd_bus_error* error) noexcept;

  std::list<Question> questions_;
};

}  // namespace bus
