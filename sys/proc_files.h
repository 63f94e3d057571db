// SPDX-License-Identifier: Apache-2.0
// What /proc/PID tells of one process (proc(5)): parsers of captured text, and
// readers. Allocation free and header only: reaper, scope and supervisor use
// the same. All of it can still be read of a zombie; a file that cannot be
// read or understood gives nothing, never zeros.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/ids.h"
#include "core/text.h"
#include "sys/cgroup_tree.h"

namespace sys {

/// Fields of /proc/PID/stat. Ticks are of sysconf(_SC_CLK_TCK) a second.
struct ProcStat {
  std::int32_t pid = 0;
  char comm[16] = {};  ///< not terminated when 16 long
  char state = '?';
  std::int32_t ppid = 0;
  std::int32_t process_group = 0;
  std::int32_t session = 0;
  std::uint32_t flags = 0;  ///< PF_*
  std::int32_t nice = 0;
  std::int32_t threads = 0;        ///< of a whole process that is dead: 1 or 0
  std::uint64_t cpu_ticks = 0;     ///< user and system time
  std::uint64_t waited_ticks = 0;  ///< the same of children it waited for
  std::uint64_t start_ticks = 0;   ///< since boot

  [[nodiscard]] std::string_view name() const {
    std::size_t size = 0;
    while (size < sizeof comm && comm[size] != '\0')
      ++size;
    return {comm, size};
  }

  /// Whether nothing of it runs any more. Where only the first thread has
  /// ended, the state is a zombie's too.
  [[nodiscard]] bool is_dead() const {
    return state == 'X' || state == 'x' || (state == 'Z' && threads <= 1);
  }
};

/// /proc/PID/io, in bytes and calls. Of a zombie: with its reaped children.
struct ProcIo {
  std::uint64_t rchar = 0;
  std::uint64_t wchar = 0;
  std::uint64_t syscr = 0;
  std::uint64_t syscw = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
};

/// The real ids of /proc/PID/status.
struct ProcIds {
  core::Uid uid;
  core::Gid gid;
};

namespace detail {

/// Takes the numbers of a text one after another, whatever lies between.
class NumberReader {
 public:
  constexpr explicit NumberReader(std::string_view text) : text_(text) {}

  /// The next whole number, or nothing at the text's end.
  constexpr std::optional<std::int64_t> next() {
    while (at_ < text_.size() && !is_digit(text_[at_]))
      ++at_;
    if (at_ == text_.size()) return std::nullopt;
    const bool is_negative = at_ > 0 && text_[at_ - 1] == '-';
    std::uint64_t value = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_)
      value = value * 10 + static_cast<std::uint64_t>(text_[at_] - '0');
    return static_cast<std::int64_t>(is_negative ? ~value + 1 : value);
  }

 private:
  static constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// The numbers of the line that begins with `key`.
constexpr std::optional<NumberReader> line_of(std::string_view file,
                                              std::string_view key) {
  for (std::size_t at = 0; at < file.size();) {
    std::size_t end = file.find('\n', at);
    if (end == std::string_view::npos) end = file.size();
    const std::string_view line(file.begin() + at, file.begin() + end);
    if (line.starts_with(key))
      return NumberReader({line.begin() + key.size(), line.end()});
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace detail

/// Nothing if the text is not a whole /proc/PID/stat up to `starttime`. The
/// name may hold spaces, parentheses and newlines: the last ')' ends it.
constexpr std::optional<ProcStat> parse_proc_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos ||
      close < open || close + 2 >= text.size())
    return std::nullopt;
  ProcStat stat;
  const auto pid =
      detail::NumberReader({text.begin(), text.begin() + open}).next();
  if (!pid) return std::nullopt;
  stat.pid = static_cast<std::int32_t>(*pid);
  for (std::size_t i = 0; i < sizeof stat.comm && open + 1 + i < close; ++i)
    stat.comm[i] = text[open + 1 + i];
  stat.state = text[close + 2];
  // The numbers after the state, from field 4 (ppid) to 22 (starttime).
  constexpr std::size_t kFirst = 4;
  constexpr std::size_t kLast = 22;
  std::int64_t field[kLast + 1] = {};
  detail::NumberReader numbers({text.begin() + close + 3, text.end()});
  for (std::size_t i = kFirst; i <= kLast; ++i) {
    const auto number = numbers.next();
    if (!number) return std::nullopt;
    field[i] = *number;
  }
  stat.ppid = static_cast<std::int32_t>(field[4]);
  stat.process_group = static_cast<std::int32_t>(field[5]);
  stat.session = static_cast<std::int32_t>(field[6]);
  stat.flags = static_cast<std::uint32_t>(field[9]);
  stat.cpu_ticks = static_cast<std::uint64_t>(field[14] + field[15]);
  stat.waited_ticks = static_cast<std::uint64_t>(field[16] + field[17]);
  stat.nice = static_cast<std::int32_t>(field[19]);
  stat.threads = static_cast<std::int32_t>(field[20]);
  stat.start_ticks = static_cast<std::uint64_t>(field[22]);
  return stat;
}

/// Nothing unless all six counters are there.
constexpr std::optional<ProcIo> parse_proc_io(std::string_view text) {
  // NOLINTBEGIN(modernize-use-designated-initializers): a table
  constexpr struct {
    std::string_view key;
    std::uint64_t ProcIo::* counter;
  } kLines[] = {
      {"rchar:", &ProcIo::rchar},
      {"wchar:", &ProcIo::wchar},
      {"syscr:", &ProcIo::syscr},
      {"syscw:", &ProcIo::syscw},
      {"read_bytes:", &ProcIo::read_bytes},
      {"write_bytes:", &ProcIo::write_bytes},
  };
  // NOLINTEND(modernize-use-designated-initializers)
  ProcIo io;
  for (const auto& line : kLines) {
    auto numbers = detail::line_of(text, line.key);
    const auto number = numbers ? numbers->next() : std::nullopt;
    if (!number) return std::nullopt;
    io.*line.counter = static_cast<std::uint64_t>(*number);
  }
  return io;
}

/// The real ids in the text of /proc/PID/status.
constexpr std::optional<ProcIds> parse_proc_ids(std::string_view text) {
  auto uids = detail::line_of(text, "Uid:");
  auto gids = detail::line_of(text, "Gid:");
  const auto uid = uids ? uids->next() : std::nullopt;
  const auto gid = gids ? gids->next() : std::nullopt;
  if (!uid || !gid) return std::nullopt;
  return ProcIds{.uid = core::Uid(static_cast<std::uint32_t>(*uid)),
                 .gid = core::Gid(static_cast<std::uint32_t>(*gid))};
}

/// The path in the text of /proc/PID/cgroup. A zombie can outlive its cgroup,
/// whose path then ends in " (deleted)".
constexpr std::string_view parse_proc_cgroup(std::string_view text) {
  constexpr std::string_view kDeleted = " (deleted)";
  std::string_view path = cgroup2_path_in(text);
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path;
}

/// The job there, kNoJob if it is in none.
constexpr core::JobId parse_proc_job(std::string_view text,
                                     std::string_view own = {}) {
  return job_in_cgroup_path(parse_proc_cgroup(text), own);
}

/// Reads /proc/PID/`name` as far as `buffer` reaches.
[[nodiscard]] inline core::Result<std::string_view> read_proc_file(
    core::Pid pid, const char* name, std::span<char> buffer) {
  core::Text<47> path("/proc/");
  path.append_number(pid.raw()).append_char('/').append(name);
  return read_small_file(path.c_str(), buffer);
}

[[nodiscard]] inline std::optional<ProcStat> read_proc_stat(core::Pid pid) {
  char buffer[1024];
  const auto text = read_proc_file(pid, "stat", buffer);
  return text ? parse_proc_stat(*text) : std::nullopt;
}

/// Needs the right to trace the process (ptrace(2)): absent otherwise.
[[nodiscard]] inline std::optional<ProcIo> read_proc_io(core::Pid pid) {
  char buffer[512];
  const auto text = read_proc_file(pid, "io", buffer);
  return text ? parse_proc_io(*text) : std::nullopt;
}

[[nodiscard]] inline std::optional<ProcIds> read_proc_ids(core::Pid pid) {
  char buffer[1024];  // both lines stand before the groups, which may be many
  const auto text = read_proc_file(pid, "status", buffer);
  return text ? parse_proc_ids(*text) : std::nullopt;
}

/// Our own path in cgroup v2, as it was when it was first asked for: who steps
/// aside stays in the same job of another instance.
[[nodiscard]] inline std::string_view own_cgroup_path() {
  static const PathBuffer own = [] {
    char buffer[4608];
    const auto text = read_small_file("/proc/self/cgroup", buffer);
    return PathBuffer(text ? cgroup2_path_in(*text) : std::string_view());
  }();
  return own.view();
}

/// Nothing if the file cannot be read; kNoJob if the process is in no job.
[[nodiscard]] inline std::optional<core::JobId> read_proc_job(core::Pid pid) {
  char buffer[4608];
  const auto text = read_proc_file(pid, "cgroup", buffer);
  if (!text) return std::nullopt;
  return parse_proc_job(*text, own_cgroup_path());
}

/// The same for who knows no instance that may run in a job.
[[nodiscard]] inline std::optional<core::JobId> read_innermost_job(
    core::Pid pid) {
  char buffer[4608];
  const auto text = read_proc_file(pid, "cgroup", buffer);
  if (!text) return std::nullopt;
  return innermost_job_in(parse_proc_cgroup(*text));
}

}  // namespace sys
