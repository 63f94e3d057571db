// SPDX-License-Identifier: Apache-2.0
// Every directory in which an instance of a user's, or the system's, may listen
// where no variable of ours chooses another, and the user's own place for
// state: one list for sys/places.h and for the front of `corral`, which has no
// heap. Header only and allocation free.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "core/text.h"

namespace sys {

using PlacePath = core::Text<4095>;

inline constexpr std::string_view kSystemRuntime = "/run/corral";

struct RuntimePlaces {
  PlacePath session;    ///< $XDG_RUNTIME_DIR/corral; empty: there is none
  PlacePath temporary;  ///< ${TMPDIR:-/tmp}/corral-UID
  PlacePath shared;     ///< /dev/shm/corral-UID

  /// `session` and `temporary`: the values of XDG_RUNTIME_DIR and TMPDIR; null:
  /// not set.
  RuntimePlaces(std::uint32_t uid, const char* session_directory,
                const char* temporary_directory) {
    if (session_directory != nullptr)
      session.append(session_directory).append("/corral");
    temporary.append(temporary_directory != nullptr ? temporary_directory
                                                    : "/tmp");
    temporary.append("/corral-").append_unsigned(uid);
    shared.append("/dev/shm/corral-").append_unsigned(uid);
  }

  /// Whether `holds(directory)` for any place, the system's too.
  template <typename Predicate>
  [[nodiscard]] bool any_of(Predicate holds) const {
    return holds(kSystemRuntime) || holds(temporary.view()) ||
           holds(shared.view()) || (!session.empty() && holds(session.view()));
  }

  [[nodiscard]] bool were_cut() const {
    return session.was_cut() || temporary.was_cut() || shared.was_cut();
  }
};

/// Where a user's state goes, if he has such a place (a user of a container has
/// the home "/", or another's): `state`, the value of XDG_STATE_HOME, or below
/// `home`, that of HOME; null: not set. False: nowhere.
inline bool find_state_home(const char* state, const char* home,
                            PlacePath& path) {
  path.clear();
  if (state != nullptr) {
    path.append(state);
    return true;
  }
  if (home == nullptr || *home != '/' || home[1] == '\0') return false;
  path.append(home).append("/.local/state");
  if (::access(home, W_OK | X_OK) == 0) return true;
  PlacePath own(path.view());
  own.append("/corral");
  return ::access(own.c_str(), W_OK | X_OK) == 0;
}

}  // namespace sys
