// SPDX-License-Identifier: Apache-2.0
// `corral-init --health [PID] [-- CMD]`, for a container's probe: whether the
// init (PID 1, or PID) and its main process do their work. Healthy is 0 and
// nothing said, or CMD as the probe proper; not healthy is 1 and one line.
// Zombies that nobody waits for are named, but they are no reason to kill a
// container.
//
// It reads what /proc shows to any user, and to the init's own and root who its
// main process is; it writes nothing.
#pragma once

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ids.h"
#include "core/number_text.h"
#include "core/text.h"
#include "reaper/exec_search.h"
#include "reaper/launch_words.h"
#include "reaper/options.h"
#include "reaper/own_name.h"
#include "reaper/say.h"
#include "reaper/zombies.h"
#include "sys/proc_files.h"
#include "sys/proc_list.h"

namespace reaper {

class Health {
 public:
  explicit Health(core::Pid init) : init_(init) {}

  /// What is wrong, as a sentence; empty if nothing is.
  [[nodiscard]] Sentence trouble() const {
    Sentence words("process ");
    words.append_number(init_.raw());
    const auto init = sys::read_proc_stat(init_);
    if (!init) return words.append(" is not in /proc");
    if (!is_corral_init(*init))
      return words.append(" is '")
          .append(init->name())
          .append("', not corral-init");
    if (init->name() == kEndingName) return words.append(" is ending its job");
    if (const char* const what = trouble_of(*init)) return words.append(what);
    const bool is_instance = init->name() == kReaperName;
    const auto held = is_instance ? std::nullopt : held_main();
    if (held == core::Pid()) return {};
    const auto main = is_instance ? find_child(true)
                      : held      ? sys::read_proc_stat(*held)
                                  : find_main();
    if (!main && is_instance) return words.append(" has no supervisor");
    // One that ends its job has another name: this one waits for the rest.
    if (!main) return {};
    const char* const what = trouble_of(*main);
    if (what == nullptr) return {};
    words = "main process '";
    words.append(main->name()).append("' (").append_number(main->pid);
    return words.append_char(')').append(what);
  }

  /// Names the zombies that stay. Takes Zombies::kPatience if there are any.
  void tell_zombies() const {
    Zombies zombies(init_);
    if (!zombies.look()) return;
    const timespec pause = {
        .tv_sec = 0,
        .tv_nsec = static_cast<long>(Zombies::kPatience.raw() * 1000)};
    (void)::nanosleep(&pause, nullptr);
    const Sentence words = zombies.words();
    if (!words.empty()) say(words.view());
  }

 private:
  /// By its name, which anybody may read, else by its file, which only its own
  /// user may look at: an engine that brings the init mounts it under a name
  /// of its own (/run/podman-init). Where nothing can be known it may be one.
  static bool is_corral_init(const sys::ProcStat& init) {
    for (const char* const name : {kInitName, kReaperName, kEndingName})
      if (init.name() == name) return true;
    core::Text<31> path("/proc/");
    path.append_number(init.pid).append("/exe");
    struct stat theirs = {};
    struct stat ours = {};
    if (::stat(path.c_str(), &theirs) < 0)
      return errno == EACCES && init.name().ends_with("init");
    return ::stat("/proc/self/exe", &ours) == 0 &&
           theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
  }

  /// A tracer's stop ('t') is no trouble: somebody is at work there.
  static const char* trouble_of(const sys::ProcStat& stat) {
    if (stat.is_dead()) return " is dead";
    return stat.state == 'T' ? " is stopped" : nullptr;
  }

  static bool has_executed(const sys::ProcStat& stat) {
    constexpr std::uint32_t kForkedOnly = 0x40;  // PF_FORKNOEXEC, linux/sched.h
    return (stat.flags & kForkedOnly) == 0;
  }

  /// The main process, by the pidfd that the init holds of it, which only its
  /// own user and root may look at (pidfd_open(2), "Pid:"). Nobody's pid: it
  /// has ended, and the init waits for the rest as it was told to. Another one
  /// is a scope's of itself.
  [[nodiscard]] std::optional<core::Pid> held_main() const {
    constexpr int kMostDescriptors = 1024;  // more are for who asks for them
    for (int fd = STDERR_FILENO + 1; fd < kMostDescriptors; ++fd) {
      char buffer[256];
      core::Text<31> name("fdinfo/");
      name.append_number(fd);
      const auto text = sys::read_proc_file(init_, name.c_str(), buffer);
      auto line = sys::detail::line_of(text.value_or(""), "Pid:");
      if (!line) continue;
      const std::int64_t number = line->next().value_or(0);  // -1: dead
      const core::Pid pid(static_cast<std::int32_t>(number < 0 ? 0 : number));
      if (pid != init_) return pid;
    }
    return std::nullopt;
  }

  /// Where that is not to be known: the kernel keeps children in the order in
  /// which they came, and the main process was the first of those that executed
  /// something: a scope's sentinel never does.
  [[nodiscard]] std::optional<sys::ProcStat> find_main() const {
    char buffer[256];
    core::Text<31> name("task/");
    name.append_number(init_.raw()).append("/children");
    const auto children = sys::read_proc_file(init_, name.c_str(), buffer);
    if (!children) return find_child(false);
    // Each pid ends with a space; the last one may be cut off.
    sys::detail::NumberReader pids({buffer, children->rfind(' ') + 1});
    while (const auto pid = pids.next()) {
      const core::Pid child(static_cast<std::int32_t>(*pid));
      const auto stat = sys::read_proc_stat(child);
      if (stat && has_executed(*stat)) return stat;
    }
    return std::nullopt;
  }

  /// What an instance stands and falls with; else, for a kernel without
  /// CONFIG_PROC_CHILDREN, the oldest child.
  [[nodiscard]] std::optional<sys::ProcStat> find_child(
      bool is_supervisor) const {
    std::optional<sys::ProcStat> found;
    (void)sys::for_each_process(
        sys::ListedFor::kReading, [&](const sys::ProcStat& stat) {
          if (stat.ppid != init_.raw()) return;
          const bool is_it =
              is_supervisor
                  ? stat.name() == "corrald"
                  : has_executed(stat) &&
                        (!found || stat.start_ticks < found->start_ticks);
          if (is_it) found = stat;
        });
    return found;
  }

  core::Pid init_;
};

/// The exit code; with a command that could be executed it does not return.
[[nodiscard]] inline int run_health(const Options& options) {
  constexpr std::uint64_t kHighestPid = 4194304;  // PID_MAX_LIMIT, 64 bits
  char** command = options.command;
  std::int32_t pid = 1;
  // Behind "--" everything is the command.
  if (*command != nullptr && std::string_view(command[-1]) != "--") {
    if (const auto number = core::parse_number(*command, kHighestPid)) {
      pid = static_cast<std::int32_t>(*number);
      ++command;
    }
    if (*command != nullptr && std::string_view(*command++) != "--") {
      say("option '--health' expects a pid, or '--' and a command");
      return 2;
    }
  }
  const Health health{core::Pid(pid)};
  const Sentence trouble = health.trouble();
  if (!trouble.empty()) {
    say(trouble.view());
    return 1;
  }
  health.tell_zombies();
  if (*command == nullptr) return 0;
  const char* const search = search_path();
  const core::LaunchFailure failure = {
      .stage = core::LaunchStage::kExec,
      .code = execute_searching(command, ::environ, search)};
  say(sentence_of(failure, *command, search).view());
  return core::shell_code(failure);
}

}  // namespace reaper
