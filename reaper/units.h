// SPDX-License-Identifier: Apache-2.0
// corral-init --units DIR: an init with several processes. It is --supervise
// with the supervisor found where our own programs are, so that a container's
// entry point is one short line. What is wrong with the directory is said
// before anything is started.
#pragma once

#include <fcntl.h>

#include "reaper/instance_options.h"
#include "reaper/reexec.h"
#include "reaper/say.h"
#include "sys/unique_fd.h"

namespace reaper {

inline int run_units(const InstanceOptions& options) {
  auto directory =
      sys::open_at(AT_FDCWD, options.units, O_RDONLY | O_DIRECTORY);
  if (directory) return run_supervise(options);
  directory.error().op =
      "option '--units' expects a directory that can be read, not";
  say(directory.error());
  return 2;
}

}  // namespace reaper
