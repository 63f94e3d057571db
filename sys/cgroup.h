// SPDX-License-Identifier: Apache-2.0
// One cgroup v2 directory (Documentation/admin-guide/cgroup-v2.rst): make,
// read, freeze, kill, remove. Files are opened below a held directory, so that
// a later cgroup of the same name is never mistaken for it. Header only and
// allocation free: supervisor, scope and doctor use the same.
#pragma once

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "core/ids.h"
#include "core/job_totals.h"
#include "core/quantity.h"
#include "core/text.h"
#include "core/visitor.h"
#include "sys/clock.h"
#include "sys/directory.h"
#include "sys/pid_fd.h"
#include "sys/pid_table.h"
#include "sys/read_file.h"
#include "sys/unique_fd.h"

namespace sys {

namespace cgroup_file {
inline constexpr const char* kProcs = "cgroup.procs";
inline constexpr const char* kEvents = "cgroup.events";
inline constexpr const char* kKill = "cgroup.kill";
inline constexpr const char* kFreeze = "cgroup.freeze";
inline constexpr const char* kCpuStat = "cpu.stat";
inline constexpr const char* kMemoryPeak = "memory.peak";
inline constexpr const char* kMemoryNow = "memory.current";
inline constexpr const char* kMemoryEvents = "memory.events";
inline constexpr const char* kIoStat = "io.stat";
}  // namespace cgroup_file

/// The number after `name` and a space at the start of a line of a flat keyed
/// file: value_of("populated 1\nfrozen 0\n", "frozen") == 0.
constexpr std::optional<std::uint64_t> value_of(std::string_view file,
                                                const char* name) {
  const std::string_view key(name);
  std::size_t at = 0;
  while (at < file.size()) {
    std::size_t end = file.find('\n', at);
    if (end == std::string_view::npos) end = file.size();
    const std::string_view line(file.data() + at, end - at);
    if (line.size() > key.size() && line.starts_with(key) &&
        line[key.size()] == ' ') {
      std::uint64_t value = 0;
      for (std::size_t i = key.size() + 1; i < line.size(); ++i) {
        if (line[i] < '0' || line[i] > '9') return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(line[i] - '0');
      }
      return value;
    }
    at = end + 1;
  }
  return std::nullopt;
}

/// The same of an open file, read anew from its beginning, which also makes it
/// wait for the next change (poll(2), POLLPRI).
[[nodiscard]] inline std::optional<std::uint64_t> read_value(int fd,
                                                             const char* key) {
  char buffer[1024];
  const ssize_t size = ::pread(fd, buffer, sizeof buffer, 0);
  if (size <= 0) return std::nullopt;
  return value_of({buffer, static_cast<std::size_t>(size)}, key);
}

/// Takes note of a change of a watched file: it is ready (POLLPRI) until it is
/// read. False: the file has gone with its cgroup and is ready for ever.
[[nodiscard]] inline bool acknowledge_change(int fd) {
  char byte = 0;
  return ::pread(fd, &byte, 1, 0) == 1 || errno != ENODEV;
}

/// The sum of `name`=N over all devices of io.stat; absent if no line has it.
constexpr std::optional<std::uint64_t> io_sum_of(std::string_view file,
                                                 const char* name) {
  const std::string_view key(name);
  std::optional<std::uint64_t> sum;
  for (std::size_t at = file.find(key); at != std::string_view::npos;
       at = file.find(key, at + 1)) {
    if (at == 0 || file[at - 1] != ' ') continue;
    std::size_t i = at + key.size();
    if (i >= file.size() || file[i] != '=') continue;
    std::uint64_t value = 0;
    for (++i; i < file.size() && file[i] >= '0' && file[i] <= '9'; ++i)
      value = value * 10 + static_cast<std::uint64_t>(file[i] - '0');
    sum = sum.value_or(0) + value;
  }
  return sum;
}

class Cgroup {
 public:
  Cgroup() = default;
  explicit Cgroup(UniqueFd directory) : directory_(std::move(directory)) {}

  /// Opens an existing one. `path` must end with a NUL byte.
  [[nodiscard]] static core::Result<Cgroup> open(int parent, const char* path) {
    return Cgroup(TRY(open_at(parent, path, O_RDONLY | O_DIRECTORY)));
  }

  /// Makes it if it is not there, and opens it.
  [[nodiscard]] static core::Result<Cgroup> make(int parent, const char* path) {
    if (::mkdirat(parent, path, 0755) < 0 && errno != EEXIST)
      return core::fail(errno, "make cgroup", path);
    return open(parent, path);
  }

  [[nodiscard]] int get() const { return directory_.get(); }
  [[nodiscard]] bool is_open() const { return directory_.is_open(); }

  /// The text of a control file other than a list, as far as `buffer` reaches.
  [[nodiscard]] core::Result<std::string_view> read(
      const char* file, std::span<char> buffer) const {
    return read_small_file_at(directory_.get(), file, buffer);
  }

  [[nodiscard]] core::Result<void> write(const char* file,
                                         std::string_view text) const {
    const UniqueFd fd = TRY(open_at(directory_.get(), file, O_WRONLY));
    if (::write(fd.get(), text.data(), text.size()) < 0)
      return core::fail(errno, "write", file);
    return {};
  }

  /// Whether a process lives in it or below it. Read anew at each call: the
  /// kernel's notification comes up to 16 ms late.
  [[nodiscard]] core::Result<bool> is_populated() const {
    char buffer[256];
    const auto text = TRY(read(cgroup_file::kEvents, buffer));
    return value_of(text, "populated").value_or(0) != 0;
  }

  /// Kills every process in and below it; fork cannot outrun it. Synchronous:
  /// about 30 us a process.
  [[nodiscard]] core::Result<void> kill_all() const {
    return write(cgroup_file::kKill, "1");
  }

  /// For who survived kill_all(): cgroup.kill signals first threads, and where
  /// that one has ended the others never hear of it (seen on Linux 6.18). A
  /// pidfd reaches them.
  [[nodiscard]] core::Result<void> kill_all_and_each() const {
    const auto killed = kill_all();
    (void)signal_all(core::SignalNumber(SIGKILL));
    return killed;
  }

  [[nodiscard]] core::Result<void> freeze() const {
    return write(cgroup_file::kFreeze, "1");
  }
  [[nodiscard]] core::Result<void> thaw() const {
    return write(cgroup_file::kFreeze, "0");
  }

  /// Calls `visit(pid)` for each member, of cgroups below it too. A process
  /// may have gone or joined meanwhile.
  void for_each_member(core::Visitor<core::Pid> visit) const {
    visit_members(directory_.get(), visit, 0);
  }

  /// The same without those of cgroups below it.
  void for_each_own_member(core::Visitor<core::Pid> visit) const {
    if (const auto procs =
            open_at(directory_.get(), cgroup_file::kProcs, O_RDONLY))
      visit_pids(procs->get(), visit);
  }

  /// Sends a signal to each member once, by pidfd, after making sure that the
  /// pidfd's process is still listed: its pid cannot have been used again. The
  /// list is read again when somebody was: a child that was forked behind one
  /// reading by a parent that had not been signalled yet gets it too.
  /// From `until` on nobody is signalled any more. Returns how many were.
  [[nodiscard]] std::uint32_t signal_all(
      core::SignalNumber signal,
      core::BootTime until = core::kEndOfTime) const {
    PidTable seen;
    int readings = seen.clear() ? kMostReadings : 0;  // without memory: one
    std::uint32_t count = 0;
    std::uint32_t fresh = 0;
    do {
      fresh = signal_new(signal, seen, until);
      count += fresh;
    } while (fresh > 0 && readings-- > 0);
    return count;
  }

  /// What the whole cgroup used so far, as far as its controllers tell.
  [[nodiscard]] core::JobTotals totals() const {
    core::JobTotals totals =
        cpu_totals(directory_.get(), cgroup_file::kCpuStat);
    char buffer[4096];
    std::string_view text;  // an empty one has no value
    set(totals.memory_peak,
        number_in(text_of(cgroup_file::kMemoryPeak, buffer)));
    text = text_of(cgroup_file::kMemoryEvents, buffer);
    totals.oom_kills = value_of(text, "oom_kill");
    text = text_of(cgroup_file::kIoStat, buffer);
    set(totals.read_bytes, io_sum_of(text, "rbytes"));
    set(totals.write_bytes, io_sum_of(text, "wbytes"));
    return totals;
  }

  /// What is told without any controller. `path` leads to a cpu.stat.
  [[nodiscard]] static core::JobTotals cpu_totals(int parent,
                                                  const char* path) {
    core::JobTotals totals;
    char buffer[1024];
    const std::string_view text =
        read_small_file_at(parent, path, buffer).value_or(std::string_view());
    set(totals.user_time, value_of(text, "user_usec"));
    set(totals.system_time, value_of(text, "system_usec"));
    return totals;
  }

  /// What the whole cgroup has of memory now, with what is cached for it.
  [[nodiscard]] core::Maybe<core::Bytes> memory_now() const {
    char buffer[64];
    core::Maybe<core::Bytes> memory;
    set(memory, number_in(text_of(cgroup_file::kMemoryNow, buffer)));
    return memory;
  }

  /// The number that a file of it holds; absent if there is no such file.
  [[nodiscard]] core::Maybe<std::uint64_t> number(const char* file) const {
    char buffer[64];
    return number_in(text_of(file, buffer));
  }

  /// Removes the cgroup `name` of `parent` and what is below it. Errors: EBUSY
  /// while a process lives in it; none if it is not there.
  [[nodiscard]] static core::Result<void> remove(int parent, const char* name) {
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
      return {};
    const int first = errno;
    if (auto directory = open_at(parent, name, O_RDONLY | O_DIRECTORY))
      for_each_child(directory->get(), [&](const char* child) {
        (void)remove(directory->get(), child);  // the rmdir below tells
      });
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
      return {};
    return core::fail(first, "remove cgroup", name);
  }

  /// Calls `visit(name)` for each cgroup directly below the directory.
  static void for_each_child(int directory, core::Visitor<const char*> visit) {
    // One that has gone has none.
    (void)for_each_entry(directory, ".", [&](const DirectoryEntry& entry) {
      if (entry.type == DT_DIR && entry.name[0] != '.') visit(entry.name);
    });
  }

 private:
  /// Empty if it cannot be read.
  [[nodiscard]] std::string_view text_of(const char* file,
                                         std::span<char> buffer) const {
    return read(file, buffer).value_or(std::string_view());
  }

  template <class T>
  static void set(core::Maybe<T>& counter, std::optional<std::uint64_t> value) {
    if (value) counter = T(*value);
  }

  static constexpr std::optional<std::uint64_t> number_in(
      std::string_view text) {
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') break;
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
  }

  /// Some members and their pidfds, to be checked by one reading of the list.
  struct Batch {
    static constexpr std::size_t kSize = 64;
    [[nodiscard]] bool add(core::Pid pid) {
      if (size == kSize) return false;
      auto pidfd = PidFd::open(pid);
      if (!pidfd) return true;
      pids[size] = pid;
      pidfds[size++] = *std::move(pidfd);
      return true;
    }
    core::Pid pids[kSize];
    PidFd pidfds[kSize];
    bool is_listed[kSize] = {};
    std::size_t size = 0;
  };

  static constexpr int kMostReadings = 3;

  /// Signals those who are not in `seen` yet, and puts them there.
  [[nodiscard]] std::uint32_t signal_new(core::SignalNumber signal,
                                         PidTable& seen,
                                         core::BootTime until) const {
    std::uint32_t count = 0;
    Batch batch;
    for_each_member([&](core::Pid pid) {
      if (is_past(until)) return;
      if (seen.is_made() && seen[pid.raw()]++ != 0) return;
      if (batch.add(pid)) return;
      count += send_to(batch, signal);
      (void)batch.add(pid);  // it is empty now
    });
    return count + send_to(batch, signal);
  }

  [[nodiscard]] std::uint32_t send_to(Batch& batch,
                                      core::SignalNumber signal) const {
    for_each_member([&](core::Pid pid) {
      for (std::size_t i = 0; i < batch.size; ++i)
        if (batch.pids[i] == pid) batch.is_listed[i] = true;
    });
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < batch.size; ++i)
      if (batch.is_listed[i] && batch.pidfds[i].signal(signal)) ++count;
    batch = Batch();
    return count;
  }

  /// The numbers in `file`, one a line.
  static void visit_pids(int file, core::Visitor<core::Pid> visit) {
    char buffer[4096];
    std::int32_t pid = 0;
    ssize_t got = 0;
    while ((got = ::read(file, buffer, sizeof buffer)) > 0) {
      for (ssize_t i = 0; i < got; ++i) {
        if (buffer[i] >= '0' && buffer[i] <= '9') {
          pid = pid * 10 + (buffer[i] - '0');
        } else {
          if (pid > 0) visit(core::Pid(pid));
          pid = 0;
        }
      }
    }
  }

  static void visit_members(int directory, core::Visitor<core::Pid> visit,
                            unsigned depth) {
    if (const auto procs = open_at(directory, cgroup_file::kProcs, O_RDONLY))
      visit_pids(procs->get(), visit);
    if (depth >= 32) return;
    for_each_child(directory, [&](const char* name) {
      if (const auto child = open_at(directory, name, O_RDONLY | O_DIRECTORY))
        visit_members(child->get(), visit, depth + 1);
    });
  }

  UniqueFd directory_;
};

}  // namespace sys
