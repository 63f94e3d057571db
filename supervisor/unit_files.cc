// SPDX-License-Identifier: Apache-2.0
#include "supervisor/unit_files.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "supervisor/log.h"

namespace supervisor {

core::Result<std::vector<std::string>> unit_files_in(
    const std::string& directory) {
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  const std::unique_ptr<DIR, Close> stream(::opendir(directory.c_str()));
  if (stream == nullptr) return core::fail(errno, "opendir", directory);
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(stream.get())) {
    const std::string_view name(entry->d_name);
    if (name.ends_with(".toml") && !name.starts_with('.'))
      names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

void announce_units(const std::string& directory) {
  const auto names = unit_files_in(directory);
  if (!names)
    return spdlog::error("the units cannot be read: {}",
                         text_of(names.error().message()));
  for (const std::string& name : *names)
    spdlog::warn("unit file '{}/{}' is not started: corrald " CORRAL_VERSION
                 " does not start units; 'corral run -d' starts a job",
                 directory, name);
}

}  // namespace supervisor
