// SPDX-License-Identifier: Apache-2.0
// JobContainer: what holds one job together, seen from the job's own reaper.
// With the cgroup2 engine the members are those of the cgroup; with subreaper,
// and wherever the cgroup's files are not ours to write, the descendants of
// this process, which adopts their orphans (PR_SET_CHILD_SUBREAPER(2const)).
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/containment.h"
#include "core/error.h"
#include "core/ids.h"
#include "core/job_totals.h"
#include "core/kill_plan.h"
#include "reaper/outsiders.h"
#include "reaper/own_namespace.h"
#include "reaper/pid_namespace.h"
#include "reaper/reap.h"
#include "reaper/sweep.h"
#include "sys/cgroup.h"
#include "sys/cgroup_tree.h"
#include "sys/proc_files.h"

namespace reaper {

/// The job's first process, not yet waited for unless it has ended.
struct MainProcess {
  core::Pid pid;
  sys::PidFd pidfd;
  bool has_ended = false;

  /// It may have died meanwhile; its SIGCHLD tells.
  void send(core::SignalNumber signal) const {
    if (!has_ended) (void)sys::signal_child(pidfd, pid, signal);
  }
};

class JobContainer {
 public:
  /// This process adopts what its descendants leave behind, whatever the
  /// engine: it is to see their ends.
  JobContainer() { (void)::prctl(PR_SET_CHILD_SUBREAPER, 1); }

  /// Makes the container of a job without a supervisor: `wanted` or the best
  /// engine that works here. Errors only if `wanted` is cgroup2, or `base` is
  /// named and no place for it.
  [[nodiscard]] core::Result<void> make(core::JobId jid,
                                        std::optional<core::Engine> wanted,
                                        std::string_view base) {
    if (kMakesNamespaces && wanted != core::Engine::kCgroup2Pidns) return {};
    if (wanted == core::Engine::kSubreaper) return {};
    const sys::CgroupBase found = sys::find_cgroup_base(base);
    if (found.facts.base_is_elsewhere)
      return core::fail(
          0, "option '--cgroup-base' expects a directory in cgroup v2, not",
          base);
    const core::EngineChoice choice = core::choose_engine(found.facts);
    if (!wanted && choice.engine == core::Engine::kSubreaper) return {};
    if (choice.engine == core::Engine::kSubreaper)
      return core::fail(0, "the engine cgroup2 cannot work here", choice.why);
    is_below_own_ = base.empty();
    auto made = make_cgroup(found.directory.get(), jid);
    if (!made && wanted) return made;
    return {};
  }

  /// Whom to signal where nobody can be looked for: without /proc, or without
  /// a descriptor to read it by. It must live as long as this does.
  void know(const MainProcess& main) { main_ = &main; }

  /// Takes the cgroup that the supervisor made.
  void adopt(sys::UniqueFd cgroup) { cgroup_ = sys::Cgroup(std::move(cgroup)); }

  [[nodiscard]] core::Engine engine() const {
    if (kMakesNamespaces)
      return cgroup_.is_open() ? core::Engine::kCgroup2Pidns
                               : core::Engine::kPidns;
    return cgroup_.is_open() ? core::Engine::kCgroup2
                             : core::Engine::kSubreaper;
  }
  /// For clone3(2): the cgroup's directory or -1.
  [[nodiscard]] int cgroup() const { return cgroup_.get(); }

  /// Whether a member lives. A zombie that we have not reaped is one without a
  /// cgroup.
  [[nodiscard]] bool is_populated(const Outsiders& outsiders) const {
    if (cgroup_.is_open()) return reads_populated();
    return outsiders.empty() ? has_descendants() : lives_beside(outsiders);
  }

  [[nodiscard]] Survivors look(const Outsiders& outsiders) const {
    Survivors survivors;
    if (!cgroup_.is_open()) {
      Sweep sweep(self(), outsiders.pids());
      return sweep.look().value_or(survivors);
    }
    cgroup_.for_each_member([&](core::Pid pid) {
      const auto stat = sys::read_proc_stat(pid);
      if (stat && !stat->is_dead()) survivors.add(stat->name());
    });
    return survivors;
  }

  void signal_all(core::SignalNumber signal, const Outsiders& outsiders) const {
    if (kMakesNamespaces && own_namespace->signal_all(signal)) return;
    if (cgroup_.is_open() && cgroup_.signal_all(signal) > 0) return;
    if (signal_namespace(signal, outsiders)) return;
    Sweep sweep(self(), outsiders.pids());
    // The plan's next step is harsher.
    if (sweep.signal_all(signal).value_or(0) == 0) signal_main(signal);
  }

  /// Asks every member to end until it is `until`, when the plan's next step is
  /// due; SIGCONT follows, because a stopped process would sleep through its
  /// grace.
  void ask_all(core::SignalNumber signal, const Outsiders& outsiders,
               core::BootTime until) const {
    if (kMakesNamespaces && own_namespace->signal_all(signal) &&
        own_namespace->signal_all(core::kSigcont))
      return;
    if (cgroup_.is_open() &&
        (cgroup_.signal_all(signal, until) > 0 || sys::is_past(until))) {
      (void)cgroup_.signal_all(core::kSigcont, until);
      return;
    }
    if (signal_namespace(signal, outsiders)) {
      (void)signal_namespace(core::kSigcont, outsiders);
      return;
    }
    Sweep sweep(self(), outsiders.pids());
    if (sweep.ask_all(signal, until).value_or(0) > 0) return;
    signal_main(signal);
    signal_main(core::kSigcont);
  }

  /// Kills every member; returns whom, as far as that is known. The plan
  /// repeats it until nobody is left.
  Survivors kill_all(core::KillStep step, const Outsiders& outsiders) const {
    const bool again = step == core::KillStep::kFrozenKilled;
    if (kMakesNamespaces) {
      own_namespace->kill_all();
      return {};
    }
    const bool is_at_once = cgroup_.is_open() || ::getpid() == 1;
    const Survivors seen = is_at_once && !again ? look(outsiders) : Survivors();
    if (cgroup_.is_open()) {
      if (again) (void)cgroup_.freeze();
      if (again ? cgroup_.kill_all_and_each() : cgroup_.kill_all()) return seen;
    }
    if (signal_namespace(core::kSigkill, outsiders)) return seen;
    // By hand it takes a while beside a job that forks: looking first would
    // double that.
    Sweep sweep(self(), outsiders.pids());
    const Survivors killed = sweep.kill_all().value_or(seen);
    if (killed.count == 0 && !sys::read_proc_stat(self())) {
      signal_main(core::kSigkill);
      is_blind_ = true;
    }
    return killed;
  }

  /// Whether somebody had to be killed whom nobody can look for.
  [[nodiscard]] bool is_blind() const { return is_blind_; }

  [[nodiscard]] core::JobTotals totals() const {
    return cgroup_.is_open() ? cgroup_.totals() : core::JobTotals();
  }

  /// Writes a limit of the whole job, once with the controller ("+memory")
  /// passed down to it. False where it has no such file or no cgroup.
  [[nodiscard]] bool limit(const char* file, std::string_view controller,
                           std::uint64_t bound) const {
    if (!parent_.is_open()) return false;
    core::Text<47> text;
    text.append_unsigned(bound);
    for (int level = 0;; ++level) {
      if (cgroup_.write(file, text.view())) return true;
      if (!enable(controller, level)) return false;
    }
  }

  /// A number of a flat keyed file of the cgroup; absent without one.
  [[nodiscard]] std::optional<std::uint64_t> value(const char* file,
                                                   const char* key) const {
    return sys::read_value(watch(file).get(), key);
  }

  /// Becomes readable (POLLPRI) when the file of the cgroup has changed; not
  /// open without one.
  [[nodiscard]] sys::UniqueFd watch(const char* file) const {
    if (!cgroup_.is_open()) return {};
    auto events = sys::open_at(cgroup_.get(), file, O_RDONLY);
    return events ? std::move(*events) : sys::UniqueFd();
  }

  /// Becomes readable (POLLPRI) when the cgroup may have become empty, until
  /// acknowledge_events(). -1 without a cgroup, or when it was removed.
  [[nodiscard]] int events() const {
    if (!events_.is_open() && !is_removed_)
      events_ = watch(sys::cgroup_file::kEvents);
    return events_.get();
  }
  void acknowledge_events() const {
    if (sys::acknowledge_change(events_.get())) return;
    is_removed_ = true;  // its file would stay ready for ever
    events_.reset();
  }

  /// Kills the members after the scope itself was killed; `main` was its
  /// command. Orphans have fallen to another reaper then: without a cgroup only
  /// what still descends from the command is found.
  void end_after_scope(core::Pid main, const sys::PidFd& main_fd) const {
    if (kMakesNamespaces) {
      own_namespace->kill();
      if (!cgroup_.is_open()) return;
    }
    if (!cgroup_.is_open() || !cgroup_.kill_all_and_each()) {
      if (main == core::Pid()) return;  // not born
      // It goes last: its children are found by being its.
      (void)sys::signal_child(main_fd, main, core::SignalNumber(SIGSTOP));
      Sweep sweep(main, {});
      (void)sweep.kill_all();
      (void)sys::signal_child(main_fd, main, core::kSigkill);
      return;
    }
    constexpr int kPatience = 5000;  // milliseconds, for each change
    pollfd poll = {.fd = events(), .events = POLLPRI, .revents = 0};
    while (reads_populated() && ::poll(&poll, 1, kPatience) > 0) {
    }
    (void)remove();  // what cannot die yet keeps it
  }

  /// Removes the cgroup that make() made.
  [[nodiscard]] core::Result<void> remove() const {
    if (!parent_.is_open()) return {};
    TRY(sys::Cgroup::remove(parent_.get(), name_.c_str()));
    remove_leftovers();
    return {};
  }

  /// Whether the cgroup was removed before anybody lived in it, and is there
  /// again. (In between another scope may take it for a leftover.)
  [[nodiscard]] bool make_again(int code) {
    return (code == ENODEV || code == ENOENT) && parent_.is_open() &&
           make_own().has_value();
  }

 private:
  /// Read anew at each call: the kernel's notification comes up to 16 ms late.
  /// An unreadable file is a removed cgroup: nobody is in it.
  [[nodiscard]] bool reads_populated() const {
    return sys::read_value(events(), "populated").value_or(0) != 0;
  }

  /// For the init of a pid namespace everybody else in it is the job, also who
  /// was sent into it from outside (`docker exec`), and the kernel signals them
  /// all under one lock: nobody is forked in between (kill(2)).
  static bool signal_namespace(core::SignalNumber signal,
                               const Outsiders& outsiders) {
    return ::getpid() == 1 && outsiders.are_none() &&
           ::kill(-1, signal.raw()) == 0;
  }

  static core::Pid self() { return core::Pid(::getpid()); }

  void signal_main(core::SignalNumber signal) const {
    if (main_ != nullptr) main_->send(signal);
  }

  [[nodiscard]] core::Result<void> make_cgroup(int base, core::JobId jid) {
    parent_ = TRY(sys::Cgroup::make(base, kAlone));
    name_ = core::path_name(jid);
    auto made = make_own();
    if (!made) parent_ = {};
    return made;
  }

  /// Another scope may have removed it, or be about to, taking it for a dead
  /// one's: a matter of milliseconds where many begin and end at once. It is
  /// looked at again, at most for 100 ms, because nobody tells: to wait for its
  /// lock could last for ever, if its holder is stopped just then.
  [[nodiscard]] core::Result<void> make_own() {
    for (int tries = kMostTries;; --tries) {
      auto made = sys::Cgroup::make(parent_.get(), name_.c_str());
      if (made && ::flock(made->get(), LOCK_SH | LOCK_NB) == 0) {
        cgroup_ = std::move(*made);
        return {};
      }
      const int code = made ? EWOULDBLOCK : made.error().code;
      if (tries == 0 || (code != EWOULDBLOCK && code != ENOENT))
        return core::fail(code, "make cgroup", name_.view());
      (void)::poll(nullptr, 0, 1);
    }
  }

  /// Passes a controller down one level, as far as there is one and we may;
  /// false: there is no such level. Above the base only in the root of the
  /// hierarchy, which alone has no type: processes live there, and where they
  /// do elsewhere the kernel refuses memory and, worse, takes pids for the wish
  /// that all below be threaded and hold no process any more (cgroup-v2.rst,
  /// "Threads").
  [[nodiscard]] bool enable(std::string_view controller, int level) const {
    constexpr const char* kFiles[] = {"../../cgroup.subtree_control",
                                      "../cgroup.subtree_control",
                                      "cgroup.subtree_control"};
    if (level == 3) return false;
    if (level > 0 ||
        (is_below_own_ &&
         !sys::has_access(parent_.get(), "../../cgroup.type", F_OK)))
      (void)parent_.write(kFiles[level], controller);  // limit() looks
    return true;
  }

  [[nodiscard]] static bool lives_beside(const Outsiders& outsiders) {
    Family family(self(), outsiders.pids());
    bool lives = false;
    const auto read = family.for_each_descendant(
        sys::ListedFor::kReading, [&](const sys::ProcStat&) { lives = true; });
    return lives || !read;
  }

  /// The scopes' own part of the base: a supervisor's jobs are beside it. A
  /// scope holds a lock on its job's directory; an empty one without a lock was
  /// left by a scope that was killed together with its guard. (One that is
  /// not empty may have been left to live.)
  static constexpr const char* kAlone = "alone";
  static constexpr int kMostTries = 100;
  static constexpr int kMostLeftovers = 64;

  void remove_leftovers() const {
    struct stat status = {};
    const bool has_some =
        ::fstat(parent_.get(), &status) < 0 || status.st_nlink > 2;
    if (!has_some) return;  // cheaper than to list it
    int left = kMostLeftovers;
    sys::Cgroup::for_each_child(parent_.get(), [&](const char* name) {
      if (--left < 0) return;
      const auto other = sys::Cgroup::open(parent_.get(), name);
      if (!other || ::flock(other->get(), LOCK_EX | LOCK_NB) < 0) return;
      (void)::unlinkat(parent_.get(), name, AT_REMOVEDIR);  // if it is empty
    });
  }

  sys::Cgroup cgroup_;
  sys::Cgroup parent_;
  mutable sys::UniqueFd events_;
  mutable bool is_removed_ = false;
  const MainProcess* main_ = nullptr;
  mutable bool is_blind_ = false;
  core::Text<17> name_;
  bool is_below_own_ = false;  ///< the base was not named
};

}  // namespace reaper
