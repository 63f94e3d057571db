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
/// With some thousand groups of six digits.
constexpr std::size_t kLargestStatus = std::size_t{32} << 10;
constexpr std::string_view kUnreadable = "a process that cannot be read";
constexpr std::string_view kNamespaces[] = {"user", "mnt", "pid"};

/// What confines a process.
struct Confinement {
  std::uint64_t levels[std::size(kLevels)] = {};
  struct stat namespaces[std::size(kNamespaces)] = {};
};

/// `status` is the text of the folder's. Nothing if the rest cannot be read.
std::optional<Confinement> confinement_of(std::string folder,
                                          std::string_view status) {
  // Behind the groups, which may be more than were read.
  if (!sys::detail::line_of(status, kLevels[0])) return std::nullopt;
  Confinement found;
  for (std::size_t i = 0; i < std::size(kLevels); ++i)
    found.levels[i] = number_in(status, kLevels[i]);
  folder += "ns/";
  for (std::size_t i = 0; i < std::size(kNamespaces); ++i)
    if (::stat((folder + std::string(kNamespaces[i])).c_str(),
               &found.namespaces[i]) < 0)
      return std::nullopt;
  return found;
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::optional<Confinement> own_confinement() {
  char buffer[kLargestStatus];
  const auto status = sys::read_small_file("/proc/self/status", buffer);
  if (!status) return std::nullopt;
  return confinement_of("/proc/self/", *status);
}

std::string sandbox_of(const std::string& folder, std::string_view status) {
  // Ours does not change.
  static const std::optional<Confinement> kOurs = own_confinement();
  const auto theirs = confinement_of(folder, status);
  if (!kOurs || !theirs) return std::string(kUnreadable);
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

}  // namespace

CallerState state_of(core::Pid caller, bool wants_sandbox) {
  const std::string folder = "/proc/" + std::to_string(caller.raw()) + "/";
  char buffer[kLargestStatus];
  const auto status = sys::read_small_file((folder + "status").c_str(), buffer);
  CallerState state;
  if (!status) {
    if (wants_sandbox) state.sandbox = kUnreadable;
    return state;
  }
  if (const auto ids = sys::parse_proc_ids(*status)) state.gid = ids->gid;
  if (!wants_sandbox) return state;
  state.sandbox = sandbox_of(folder, *status);
  char cgroups[4608];
  if (const auto text =
          sys::read_small_file((folder + "cgroup").c_str(), cgroups))
    state.job = sys::parse_proc_job(*text, sys::own_cgroup_path());
  return state;
}

}  // namespace supervisor
