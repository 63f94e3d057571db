// SPDX-License-Identifier: Apache-2.0
#include "cli/report/usual_files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include "accounting/csa_file.h"
#include "accounting/packed_file.h"
#include "accounting/switched_name.h"
#include "sys/places.h"

namespace cli {

namespace {

/// Whether the packed file holds what the plain one does, as `corral archive`
/// leaves them when it is killed. What cannot be compared is no copy.
bool is_copy(const std::string& plain, const std::string& packed) {
  const auto source = accounting::open_for_reading(plain.c_str());
  const auto copy = accounting::open_for_reading(packed.c_str());
  return source && copy &&
         accounting::holds(copy->get(), source->get()).value_or(false);
}

sys::InstanceKind kind_of(Which which) {
  const bool is_system =
      which == Which::kSystem || (which == Which::kAny && ::geteuid() == 0);
  return is_system ? sys::InstanceKind::kSystem : sys::InstanceKind::kPrivate;
}

/// It may have been started with another file than it has by itself. Empty: it
/// does not say; a report waits for no instance that is stuck.
std::string file_told_by(const Instance& instance) {
  const auto patience = first_answer_within(core::seconds(1));
  auto client =
      bus::Client::connect(instance.socket, {.reconnect_within = patience,
                                             .hello_within = patience,
                                             .answer_within = patience});
  if (!client) return {};
  const auto view = client->accounting_status();
  return view ? view->pacct : std::string();
}

struct InUse {
  std::string path;
  bool is_awaited = false;  ///< an instance runs that will write it
};

InUse file_in_use(Which which) {
  const sys::Environment environment = sys::process_environment();
  const auto running = find_running(which);
  if (running && !environment("CORRAL_PACCT"))
    if (std::string path = file_told_by(*running); !path.empty())
      return {.path = std::move(path), .is_awaited = true};
  return {.path = sys::find_places(running ? running->kind : kind_of(which),
                                   core::Uid(::geteuid()), environment)
                      .pacct,
          .is_awaited = running.has_value()};
}

/// Those that were switched from `path`, by their numbers, and itself.
std::vector<std::string> files_of(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  const std::string name = path.filename().string();
  std::vector<std::pair<std::uint64_t, std::string>> numbered;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), error)) {
    const auto found =
        accounting::parse_switched_name(entry.path().filename().string(), name);
    if (found) numbered.emplace_back(found->number, entry.path().string());
  }
  std::ranges::sort(numbered);
  std::vector<std::string> files;
  std::uint64_t last = UINT64_MAX;
  for (auto& [number, file] : numbered)
    // Where both are there the packed one sorts behind. A copy is passed over.
    if (std::exchange(last, number) != number || !is_copy(files.back(), file))
      files.push_back(std::move(file));
  files.push_back(path.string());
  return files;
}

/// What cannot be opened for another reason is there.
bool has_any(const std::vector<std::string>& files) {
  return std::ranges::any_of(files, [](const std::string& path) {
    const auto file = accounting::open_for_reading(path.c_str());
    return file || file.error().code != ENOENT;
  });
}

/// Root's own instance is a private one when no other runs, and it ends with
/// its jobs.
std::string absence_of(const std::string& path) {
  std::string text = "there is no accounting file '" + path +
                     "', nor one that was switched from it; ";
  const sys::Environment environment = sys::process_environment();
  const std::string other =
      sys::find_places(sys::InstanceKind::kPrivate, core::Uid(::geteuid()),
                       environment)
          .pacct;
  if (other != path && !environment("CORRAL_PACCT") && has_any(files_of(other)))
    return text + "your private instance's is '" + other +
           "' ('--private'), or name a file";
  return text + "name a file, or run a job first";
}

}  // namespace

UsualFiles usual_files(Which which) {
  const InUse in_use = file_in_use(which);
  UsualFiles usual = {.paths = files_of(in_use.path), .absence = {}};
  if (!in_use.is_awaited && !has_any(usual.paths))
    usual.absence = absence_of(in_use.path);
  return usual;
}

}  // namespace cli
