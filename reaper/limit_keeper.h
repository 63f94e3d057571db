// SPDX-License-Identifier: Apache-2.0
// LimitKeeper: holds a job to its limits (core/limits.h) without a supervisor,
// by the best that the host lets us: the job's own cgroup, else the limits of
// each process (getrlimit(2)) and what /proc tells. Whatever holds less than
// was asked is said once, before the command starts, or refused.
//
// Of the limits of a process, memory is RLIMIT_DATA and not RLIMIT_AS: since
// Linux 4.7 it counts what a process may write privately (heap, anonymous
// mappings), which is near to what it uses; the address space is not: Go, Java
// and sanitizers reserve gigabytes of it that they never touch.
#pragma once

#include <signal.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/limits.h"
#include "reaper/family.h"
#include "reaper/job_container.h"
#include "reaper/launch_block.h"
#include "reaper/say.h"
#include "reaper/scope_options.h"
#include "reaper/scope_result.h"
#include "sys/proc_files.h"

namespace reaper {

class LimitKeeper {
 public:
  LimitKeeper(const ScopeOptions& options, const JobContainer& container,
              const Outsiders& outsiders)
      : options_(options), container_(container), outsiders_(outsiders) {}

  /// Finds out how each limit holds; false: that was refused, and said.
  [[nodiscard]] bool set_up() {
    const core::JobLimits& limits = options_.limits;
    if (limits.cpu_time) hold_cpu_time(*limits.cpu_time);
    if (limits.memory) hold_memory(limits.memory->raw());
    if (limits.processes) hold_processes(*limits.processes);
    if (limits.open_files)
      limit_process(core::LimitKind::kOpenFiles, RLIMIT_NOFILE,
                    *limits.open_files);
    return !is_refused_;
  }

  /// Writes them again into a cgroup that was made again.
  void renew() const {
    const core::JobLimits& limits = options_.limits;
    if (limits.memory) (void)limit_memory(limits.memory->raw());
    if (limits.processes) (void)limit_processes(*limits.processes);
  }

  /// For the command.
  [[nodiscard]] std::span<const LaunchLimit> of_process() const {
    return {of_process_, size_};
  }

  /// The first process was born.
  void begin(core::BootTime started) {
    started_ = started;
    if (options_.limits.cpu_time)
      cpu_ = {.used = {}, .when = started, .processors = processors()};
  }

  /// A process that was reaped, with the children that it waited for.
  void note_exit(const core::ExitRecord& record) {
    reaped_us_ += record.utime_us + record.stime_us;
  }

  /// When it is to be asked again.
  [[nodiscard]] std::optional<core::BootTime> deadline() const {
    if (started_.raw() == 0) return std::nullopt;
    return core::earliest_breach(options_.limits, started_, cpu_);
  }

  /// Becomes readable (POLLPRI) when the memory limit was met; -1 without one.
  [[nodiscard]] int memory_events() const { return memory_events_.get(); }
  void acknowledge_memory_events() {
    if (!sys::acknowledge_change(memory_events_.get())) memory_events_.reset();
  }

  /// The limit that is passed, if one is.
  [[nodiscard]] std::optional<core::LimitHit> check(core::BootTime now) {
    if (started_.raw() == 0) return std::nullopt;
    if (cpu_ && now >= core::next_cpu_reading(cpu_bound(), *cpu_))
      read_cpu_time(now);
    const auto hit = core::check(options_.limits, started_, now, cpu_);
    return hit ? hit : check_memory();
  }

  /// The limit that ended the main process before it was seen, if one did, and
  /// what was refused.
  void finish(ScopeFacts& facts) {
    if (facts.launch_failure || started_.raw() == 0) return;
    if (!facts.limit_hit) facts.limit_hit = check_memory();
    if (!facts.limit_hit && cpu_) facts.limit_hit = check_end(facts);
    if (!counts_forks_) return;
    facts.report.forks_refused = container_.value("pids.events", "max");
    const std::uint64_t count = facts.report.forks_refused.value_or(0);
    if (count > 0)
      say(tell(Kind::kProcesses, "was met; forks refused: #", count).view());
  }

 private:
  using Kind = core::LimitKind;

  // How they hold.

  /// A second of grace behind the bound: the kernel's limit of each process is
  /// only for when we cannot run. A signal can be caught, the hard limit kills.
  void hold_cpu_time(core::Microseconds bound) {
    has_cpu_stat_ = read_cpu_stat().has_value();
    if (!has_cpu_stat_)
      approximate(Kind::kCpuTime,
                  ::access("/proc/self/stat", F_OK) == 0
                      ? "is counted in /proc, without what nobody waited for"
                      : "holds for each process, not for the job, as there is "
                        "no /proc",
                  0, "");
    if (options_.link_fd >= 0) return;  // the supervisor may change it
    const Pair now = limit_of(RLIMIT_CPU);
    const std::uint64_t soft = bound.raw() / 1000000 + 1;
    add(RLIMIT_CPU, std::min(now.soft, soft), std::min(now.hard, soft + 1));
  }

  void hold_memory(std::uint64_t bound) {
    if (limit_memory(bound)) {
      memory_events_ = container_.watch(sys::cgroup_file::kMemoryEvents);
      return;
    }
    approximate(Kind::kMemory,
                "holds for the data of each process (RLIMIT_DATA), not for the "
                "job",
                0, "memory");
    limit_process(Kind::kMemory, RLIMIT_DATA, bound);
  }

  [[nodiscard]] bool limit_memory(std::uint64_t bound) const {
    if (!container_.limit("memory.max", "+memory", bound)) return false;
    // What may be swapped out would not be limited. No file: no swap.
    (void)container_.limit("memory.swap.max", {}, 0);
    return true;
  }

  [[nodiscard]] bool limit_processes(std::uint64_t bound) const {
    return container_.limit("pids.max", "+pids", bound);
  }

  void hold_processes(std::uint64_t bound) {
    counts_forks_ = limit_processes(bound);
    if (counts_forks_) return;
    const std::uint32_t uid = options_.uid.value_or(::geteuid());
    if (uid == 0)
      return approximate(
          Kind::kProcesses,
          "is not held, as the kernel does not count root's processes", 0,
          "pids");
    approximate(Kind::kProcesses,
                "counts all processes and threads of uid # (RLIMIT_NPROC), not "
                "the job's",
                uid, "pids");
    // We, our sentinel and our guard are among them.
    const std::uint64_t ours = uid == ::geteuid() ? 3 : 0;
    limit_process(Kind::kProcesses, RLIMIT_NPROC, bound + ours);
  }

  struct Pair {
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
  };

  static Pair limit_of(int resource) {
    Pair now;
    (void)::syscall(SYS_prlimit64, 0, resource, nullptr, &now);
    return now;
  }

  void limit_process(Kind kind, int resource, std::uint64_t bound) {
    const Pair now = limit_of(resource);
    const Pair wanted = {.soft = now.soft, .hard = bound};
    if (bound > now.hard) {
      if (::syscall(SYS_prlimit64, 0, resource, &wanted, nullptr) == 0) {
        (void)::syscall(SYS_prlimit64, 0, resource, &now, nullptr);
      } else {
        bound = now.hard;
        approximate(kind, "is # only: no right to raise the hard limit", bound,
                    nullptr);
      }
    }
    add(resource, bound, bound);
  }

  void add(int resource, std::uint64_t soft, std::uint64_t hard) {
    of_process_[size_++] = {.resource = resource,
                            .reserved = 0,
                            .soft = std::min(soft, hard),
                            .hard = hard};
  }

  /// "limit 'NAME' WHAT", with the number for the '#'.
  static Sentence tell(Kind kind, const char* what, std::uint64_t number) {
    Sentence text("limit '");
    text.append(core::row_of(kind).word).append("' ");
    for (; *what != '\0'; ++what) {
      if (*what == '#')
        text.append_unsigned(number);
      else
        text.append_char(*what);
    }
    return text;
  }

  /// It holds less than was asked, for lack of a cgroup with the controller
  /// (empty: any cgroup) unless that is null.
  void approximate(Kind kind, const char* what, std::uint64_t number,
                   const char* controller) {
    Sentence text = tell(kind, what, number);
    if (controller != nullptr) {
      text.append(": no writable cgroup");
      if (*controller != '\0')
        text.append(" with the ").append(controller).append(" controller");
    }
    is_refused_ = options_.has_strict_limits;
    if (is_refused_) text.append("; refused (--strict-limits)");
    say(text.view());
  }

  // Processor time.

  [[nodiscard]] core::Microseconds cpu_bound() const {
    return *options_.limits.cpu_time;
  }

  /// The highest number + 1: some may be off, which only costs readings.
  static std::uint32_t processors() {
    char buffer[256];
    const auto text =
        sys::read_small_file("/sys/devices/system/cpu/online", buffer);
    if (!text) return usable_processors();
    std::uint32_t last = 0;  // "0-3,6"
    for (const char c : *text) {
      if (c == '\n') break;
      const bool is_digit = c >= '0' && c <= '9';
      last = is_digit ? last * 10 + static_cast<std::uint32_t>(c - '0') : 0;
    }
    return last + 1;
  }

  /// sched_getaffinity(2), bare: musl's sysconf(3), which asks it, is a
  /// kilobyte of the program.
  static std::uint32_t usable_processors() {
    std::uint64_t mask[128] = {};
    (void)::syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (const std::uint64_t word : mask)
      count += std::popcount(word);
    return static_cast<std::uint32_t>(count > 0 ? count : 1);
  }

  [[nodiscard]] std::optional<std::uint64_t> read_cpu_stat() const {
    return container_.value(sys::cgroup_file::kCpuStat, "usage_usec");
  }

  void read_cpu_time(core::BootTime now) {
    std::uint64_t used = measure();
    // Who dies between two lines of one reading can be in both of them, as
    // itself and as its parent's child. It is not in two readings.
    if (used >= cpu_bound().raw() && !has_cpu_stat_)
      used = std::min(used, measure());
    const std::uint64_t before = cpu_->used.raw();
    cpu_->is_idle = used <= before;
    cpu_->used = core::Microseconds(std::max(used, before));
    cpu_->when = now;
  }

  [[nodiscard]] std::uint64_t measure() const {
    if (has_cpu_stat_) return read_cpu_stat().value_or(0);
    const std::uint64_t tick = 1000000U / ::getauxval(AT_CLKTCK);
    std::uint64_t ticks = 0;
    Family family(core::Pid(::getpid()), outsiders_.pids());
    // Without /proc there are the dead, and the limit of each process.
    (void)family.for_each_descendant(
        sys::ListedFor::kReading, [&](const sys::ProcStat& stat) {
          // Whom the namespace's init has waited for is told like the dead.
          if (!is_namespace_init(stat.pid))
            ticks += stat.cpu_ticks + stat.waited_ticks;
        });
    return reaped_us_ + ticks * tick;
  }

  /// Whether the main process was ended, by the kernel's own limit or somebody
  /// else who was faster than we, when the job had used its time up.
  [[nodiscard]] std::optional<core::LimitHit> check_end(
      const ScopeFacts& facts) {
    const int signal = core::signal_of(facts.main_status);
    if (signal != SIGXCPU && signal != SIGKILL) return std::nullopt;
    read_cpu_time(facts.ended.boot);
    core::JobLimits limit;
    limit.cpu_time = cpu_bound();
    return core::check(limit, started_, facts.ended.boot, cpu_);
  }

  // Memory.

  /// Killed for reaching the job's own bound ("oom"), not because the machine
  /// or a cgroup above ran out (cgroup-v2.rst, "memory.events").
  [[nodiscard]] std::optional<core::LimitHit> check_memory() const {
    if (!memory_events_.is_open()) return std::nullopt;
    const int events = memory_events_.get();
    if (sys::read_value(events, "oom").value_or(0) == 0 ||
        sys::read_value(events, "oom_kill").value_or(0) == 0)
      return std::nullopt;
    const std::uint64_t bound = options_.limits.memory->raw();
    return core::LimitHit{
        .kind = Kind::kMemory, .value = bound, .bound = bound};
  }

  const ScopeOptions& options_;
  const JobContainer& container_;
  const Outsiders& outsiders_;
  LaunchLimit of_process_[static_cast<int>(core::kLastOfScope)] = {};
  std::size_t size_ = 0;
  bool is_refused_ = false;
  bool counts_forks_ = false;
  bool has_cpu_stat_ = false;
  std::uint64_t reaped_us_ = 0;
  core::BootTime started_;
  std::optional<core::CpuReading> cpu_;
  sys::UniqueFd memory_events_;
};

}  // namespace reaper
