// SPDX-License-Identifier: Apache-2.0
#include "supervisor/sandbox.h"

#include <sys/stat.h>

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// The number in a line of /proc/PID/status (proc_pid_status(5)).
std::uint64_t number_in(std::string_view status, std::string_view key) {
  auto numbers = sys::detail::line_of(status, key);
  const auto number = numbers ? numbers->next() : std::nullopt;
  return static_cast<std::uint64_t>(number.value_or(0));
}

constexpr std::string_view kLevels[] = {
    "NoNewPrivs:", "Seccomp_filters:", "Seccomp:"};
constexpr std::string_view kNamespaces[] = {"user", "mnt", "pid"};

/// What confines a process.
struct Confinement {
  std::uint64_t levels[std::size(kLevels)] = {};
  struct stat namespaces[std::size(kNamespaces)] = {};
};

/// `process` is "self" or a pid. Nothing if it cannot be read.
std::optional<Confinement> confinement_of(std::string_view process) {
  const std::string folder = std::string("/proc/").append(process).append("/");
  char buffer[4096];
  const auto status = sys::read_small_file((folder + "status").c_str(), buffer);
  if (!status) return std::nullopt;
  Confinement found;
  for (std::size_t i = 0; i < std::size(kLevels); ++i)
    found.levels[i] = number_in(*status, kLevels[i]);
  for (std::size_t i = 0; i < std::size(kNamespaces); ++i)
    if (::stat((folder + "ns/").append(kNamespaces[i]).c_str(),
               &found.namespaces[i]) < 0)
      return std::nullopt;
  return found;
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

std::string sandbox_of(core::Pid caller) {
  // Ours does not change.
  static const std::optional<Confinement> kOurs = confinement_of("self");
  const auto theirs = confinement_of(std::to_string(caller.raw()));
  if (!kOurs || !theirs) return "a process that cannot be read";
  for (std::size_t i = 0; i < std::size(kLevels); ++i)
    if (theirs->levels[i] > kOurs->levels[i])
      return i == 0 ? "no_new_privs" : "a seccomp filter";
  for (std::size_t i = 0; i < std::size(kNamespaces); ++i)
    if (!is_same(kOurs->namespaces[i], theirs->namespaces[i]))
      return std::string("another ")
          .append(kNamespaces[i] == "mnt" ? "mount" : kNamespaces[i])
          .append(" namespace");
  return {};
}

}  // namespace supervisor
