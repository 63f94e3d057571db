// SPDX-License-Identifier: Apache-2.0
#include "sys/block_devices.h"

#include <dirent.h>
#include <fcntl.h>

#include <memory>
#include <string_view>

#include "sys/read_file.h"

namespace sys {

namespace {

/// The first line of a small file below /sys/block; empty if there is none.
std::string line_of(const std::string& path) {
  char buffer[64];
  const auto text = read_small_file_at(AT_FDCWD, path.c_str(), buffer);
  return std::string(text ? text->substr(0, text->find('\n'))
                          : std::string_view());
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

std::vector<std::string> block_devices() {
  constexpr const char* kBlock = "/sys/block";
  std::vector<std::string> devices;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(kBlock));
  if (!directory) return devices;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the directory is our own
  while (const dirent* const entry = ::readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string place = std::string(kBlock) + "/" + entry->d_name;
    const std::string size = line_of(place + "/size");
    std::string device = line_of(place + "/dev");
    if (!device.empty() && !size.empty() && size != "0")
      devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace sys
