// SPDX-License-Identifier: Apache-2.0
#include "cli/report/report_files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "accounting/append.h"
#include "accounting/csa_file.h"
#include "accounting/packed_file.h"
#include "cli/output.h"
#include "core/number_text.h"
#include "sys/places.h"

namespace cli {

std::vector<std::string> usual_files() {
  namespace fs = std::filesystem;
  const bool is_root = ::geteuid() == 0;
  const fs::path path =
      sys::find_places(
          is_root ? sys::InstanceKind::kSystem : sys::InstanceKind::kPrivate,
          core::Uid(::geteuid()), sys::process_environment())
          .pacct;
  const std::string name = path.filename().string();
  std::vector<std::pair<std::uint64_t, std::string>> numbered;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), error)) {
    std::string other = entry.path().filename().string();
    if (!other.starts_with(name)) continue;
    if (other.ends_with(accounting::kPackedEnding))
      other.resize(other.size() - accounting::kPackedEnding.size());
    const auto number =
        core::parse_number(other.substr(name.size()), UINT32_MAX);
    if (number) numbered.emplace_back(*number, entry.path().string());
  }
  std::ranges::sort(numbered);
  std::vector<std::string> files;
  std::uint64_t last = UINT64_MAX;
  for (auto& [number, file] : numbered)
    // Where both are there the packed one is a copy: it sorts behind.
    if (std::exchange(last, number) != number) files.push_back(std::move(file));
  files.push_back(path.string());
  return files;
}

bool read_groups(const std::string& path, Absence absence,
                 const std::function<void(const accounting::Group&)>& take) {
  auto file = accounting::open_for_reading(path.c_str());
  if (!file) {
    if (absence == Absence::kIsEmpty && file.error().code == ENOENT)
      return true;
    complain("cannot read '" + path +
             "': " + accounting::words_of_reading(file.error().code));
    return false;
  }
  accounting::CsaReader reader(std::move(*file));
  for (;;) {
    const auto group = reader.next();
    if (!group) {
      complain(group.error());
      return false;
    }
    if (!*group) break;
    take(**group);
  }
  for (const accounting::Damage& damage : reader.damages())
    complain("'" + path + "': " + std::to_string(damage.size) +
             " bytes at offset " + std::to_string(damage.offset) +
             " are no record and were passed over");
  return reader.damages().empty();
}

void read_groups_again(
    const std::string& path,
    const std::function<void(const accounting::Group&)>& take) {
  auto file = accounting::open_for_reading(path.c_str());
  if (!file) return;
  accounting::CsaReader reader(std::move(*file));
  for (;;) {
    const auto group = reader.next();
    if (!group || !*group) return;
    take(**group);
  }
}

}  // namespace cli
