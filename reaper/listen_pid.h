// SPDX-License-Identifier: Apache-2.0
// Socket activation through an init: LISTEN_PID names the process that the
// descriptors are for (sd_listen_fds(3)). Where it names us it must name the
// command.
#pragma once

#include <unistd.h>

#include <cstring>

#include "core/number_text.h"
#include "core/text.h"

namespace reaper {

class ListenPid {
 public:
  /// In the child, in its own copy of the environment, which then points into
  /// this object.
  void rewrite(char** environment) {
    constexpr std::string_view kName = "LISTEN_PID=";
    for (; *environment != nullptr; ++environment) {
      if (std::strncmp(*environment, kName.data(), kName.size()) != 0) continue;
      const auto pid =
          core::parse_number(*environment + kName.size(), INT32_MAX);
      if (!pid || static_cast<pid_t>(*pid) != ::getppid()) return;
      core::Text<31> text(kName);
      text.append_number(::getpid());
      std::memcpy(variable_, text.c_str(), text.size() + 1);
      *environment = variable_;
      return;
    }
  }

 private:
  char variable_[32] = {};
};

}  // namespace reaper
