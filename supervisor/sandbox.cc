// SPDX-License-Identifier: Apache-2.0
#include "supervisor/sandbox.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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
constexpr const char* kNamespaces[] = {"user", "mnt", "pid"};
constexpr int kDirectory = O_PATH | O_DIRECTORY;

/// What confines a process.
struct Confinement {
  std::uint64_t levels[std::size(kLevels)] = {};
  struct stat namespaces[std::size(kNamespaces)] = {};
};

/// By the directory of its namespaces and the text of its status. Nothing if
/// one of both cannot be read.
std::optional<Confinement> confinement_of(int namespaces,
                                          std::string_view status) {
  // Behind the groups, which may be more than were read.
  if (!sys::detail::line_of(status, kLevels[0])) return std::nullopt;
  Confinement found;
  for (std::size_t i = 0; i < std::size(kLevels); ++i)
    found.levels[i] = number_in(status, kLevels[i]);
  for (std::size_t i = 0; i < std::size(kNamespaces); ++i)
    if (::fstatat(namespaces, kNamespaces[i], &found.namespaces[i], 0) < 0)
      return std::nullopt;
  return found;
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::optional<Confinement> own_confinement() {
  char buffer[kLargestStatus];
  const auto status = sys::read_small_file("/proc/self/status", buffer);
  const auto namespaces = sys::open_at(AT_FDCWD, "/proc/self/ns", kDirectory);
  if (!status || !namespaces) return std::nullopt;
  return confinement_of(namespaces->get(), *status);
}

std::string sandbox_of(int namespaces, std::string_view status) {
  // Ours does not change.
  static const std::optional<Confinement> kOurs = own_confinement();
  const auto theirs = confinement_of(namespaces, status);
  if (!kOurs || !theirs) return std::string(kUnreadable);
  for (std::size_t i = 0; i < std::size(kLevels); ++i)
    if (theirs->levels[i] > kOurs->levels[i])
      return i == 0 ? "no_new_privs" : "a seccomp filter";
  for (std::size_t i = 0; i < std::size(kNamespaces); ++i)
    if (!is_same(kOurs->namespaces[i], theirs->namespaces[i]))
      return std::string("another ")
          .append(std::string_view(kNamespaces[i]) == "mnt" ? "mount"
                                                            : kNamespaces[i])
          .append(" namespace");
  return {};
}

/// The file from its beginning, as it is now (seq_file.rst).
core::Result<std::string_view> read_anew(const sys::UniqueFd& file,
                                         std::span<char> buffer) {
  const ssize_t size = ::pread(file.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return core::fail(errno, "read");
  return std::string_view(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace

core::Result<std::string_view> CallerReader::read_status(
    core::Pid caller, std::span<char> buffer) {
  // Who has ended cannot be read (ESRCH): the number may be another's.
  if (caller == caller_)
    if (const auto status = read_anew(status_, buffer)) return status;
  caller_.reset();
  const std::string folder = "/proc/" + std::to_string(caller.raw());
  const auto directory =
      TRY(sys::open_at(AT_FDCWD, folder.c_str(), kDirectory));
  const auto open = [&directory](const char* name, int flags) {
    return sys::open_at(directory.get(), name, flags).value_or(sys::UniqueFd());
  };
  status_ = open("status", O_RDONLY);
  cgroup_ = open("cgroup", O_RDONLY);
  namespaces_ = open("ns", kDirectory);
  const auto status = TRY(read_anew(status_, buffer));
  if (cgroup_.is_open() && namespaces_.is_open()) caller_ = caller;
  return status;
}

CallerState CallerReader::read(core::Pid caller, bool wants_sandbox) {
  char buffer[kLargestStatus];
  const auto status = read_status(caller, buffer);
  CallerState state;
  if (!status) {
    if (wants_sandbox) state.sandbox = kUnreadable;
    return state;
  }
  if (const auto ids = sys::parse_proc_ids(*status)) state.gid = ids->gid;
  if (!wants_sandbox) return state;
  state.sandbox = sandbox_of(namespaces_.get(), *status);
  char cgroups[4608];
  if (const auto text = read_anew(cgroup_, cgroups))
    state.job = sys::parse_proc_job(*text, sys::own_cgroup_path());
  return state;
}

}  // namespace supervisor
