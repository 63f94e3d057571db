// SPDX-License-Identifier: Apache-2.0
#include "supervisor/unit_anchor.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "bus/client.h"
#include "bus/client_transport.h"
#include "bus/unit_manager.h"
#include "supervisor/instance_start.h"
#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/instance_lock.h"
#include "sys/proc_files.h"
#include "sys/proc_list.h"
#include "sys/signals.h"

namespace supervisor {

namespace {

constexpr int kExitFailed = 1;
/// How long an instance that lives may be out of reach: its supervisor may be
/// becoming the next reaper, and replaying a long journal.
constexpr core::Microseconds kReach = core::seconds(30);
/// How long its supervisor may take to say that it will be replaced.
constexpr core::Microseconds kAnswer = core::seconds(10);
/// How long one that lives is tried to be reached before the unit has failed.
/// The next try may kill a supervisor, and a replay would begin anew.
constexpr core::Microseconds kReplay = core::seconds(600);
/// How often one that does not listen is looked at: it may be over.
constexpr core::Microseconds kStep = core::seconds(1);

/// The reaper of the instance that is there.
struct Anchored {
  core::Pid reaper;
  sys::PidFd process;
  bool is_child = false;
};

/// Whether an instance that lives gets a new supervisor.
enum class Renewal : char { kNo, kYes };

std::unexpected<core::Error> out_of_reach(const std::string& why) {
  return core::fail(0, "reach the instance that lives", why);
}

/// A job's process may have the supervisor's name.
bool is_in_job(core::Pid pid) {
  char buffer[4096];
  const auto text = sys::read_proc_file(pid, "cgroup", buffer);
  return text &&
         sys::parse_proc_job(*text, sys::own_cgroup_path()) != core::kNoJob;
}

/// A stopped or hanging supervisor: the reaper starts the next one.
void kill_supervisor(const std::string& socket) {
  const core::Pid reaper = sys::living_reaper_of(socket);
  if (reaper.raw() <= 0) return;
  (void)sys::for_each_process(
      sys::ListedFor::kSignalling, [&](const sys::ListedProcess& process) {
        if (process.ppid != reaper.raw() || process.name() != "corrald" ||
            is_in_job(core::Pid(process.pid)))
          return;
        spdlog::warn("the supervisor (process {}) does not answer; killing it",
                     process.pid);
        (void)process.pidfd.signal(core::kSigkill);
      });
}

core::Answer<bus::Client> connect(const std::string& socket,
                                  core::Microseconds answer_within) {
  (void)bus::await_private(socket, sys::boot_now() + kReach);
  return bus::Client::connect(socket, {.reconnect_within = kReach,
                                       .hello_within = kReach,
                                       .answer_within = answer_within});
}

/// Has reaper and supervisor replaced by what is installed.
void renew(const std::string& socket) {
  auto client = connect(socket, kAnswer);
  const auto done = client ? client->reexec() : std::unexpected(client.error());
  if (done) return;
  spdlog::warn("{}", done.error().text);
  kill_supervisor(socket);
}

/// Waits for the instance to answer; who its reaper is.
core::Result<Anchored> reach(const std::string& socket) {
  auto client = connect(socket, kReach);
  if (!client) return out_of_reach(client.error().text);
  const auto view = client->instance();
  if (!view) return out_of_reach(view.error().text);
  const core::Pid reaper = sys::living_reaper_of(socket);
  sys::PidFd process = TRY(sys::PidFd::open(reaper));
  // Its number may have been given anew before it was opened.
  if (sys::living_reaper_of(socket) != reaper || process.has_exited())
    return out_of_reach("its reaper has ended");
  spdlog::info("the instance lives, with {} jobs; its reaper is process {}",
               view->jobs_live, reaper.raw());
  return Anchored{.reaper = reaper, .process = std::move(process)};
}

core::Result<sys::UniqueFd> take_signals() {
  sys::SignalSet set = sys::SignalSet::none();
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    set.add(core::SignalNumber(number));
  if (::sigprocmask(SIG_BLOCK, set.get(), nullptr) < 0)
    return core::fail(errno, "sigprocmask");
  const int fd = ::signalfd(-1, set.get(), SFD_CLOEXEC);
  if (fd < 0) return core::fail(errno, "signalfd");
  return sys::UniqueFd(fd);
}

class Anchor {
 public:
  Anchor(const Settings& settings, sys::UniqueFd signals)
      : settings_(settings), signals_(std::move(signals)) {}

  int run() {
    for (Renewal renewal = Renewal::kYes;; renewal = Renewal::kNo) {
      const auto held = hold(renewal);
      if (!held) {
        spdlog::critical("{}", text_of(held.error().message()));
        return kExitFailed;
      }
      if (*held == Held::kToldToStop) return leave();
      bus::tell_unit_manager("READY=1");
      if (const auto code = watch()) return *code;
    }
  }

 private:
  [[nodiscard]] const std::string& socket() const {
    return settings_.places.socket;
  }

  enum class Held : char { kReady, kToldToStop };

  core::Result<Held> hold(Renewal renewal) {
    if (!sys::has_instance(socket())) return start();
    bus::tell_unit_manager("EXTEND_TIMEOUT_USEC=" +
                           std::to_string((kReplay + kReplay).raw()));
    if (renewal == Renewal::kYes) renew(socket());
    const core::BootTime until = sys::boot_now() + kReplay;
    auto found = reach(socket());
    while (!found && sys::has_instance(socket()) && sys::boot_now() < until)
      found = reach(socket());
    anchored_ = TRY(std::move(found));
    return Held::kReady;
  }

  core::Result<Held> start() {
    StartedInstance started = TRY(start_instance(settings_));
    anchored_ = {.reaper = started.reaper,
                 .process = std::move(started.process),
                 .is_child = true};
    while (await(started.ready.get()) == Event::kSignal)
      if (is_told_to_stop()) return Held::kToldToStop;
    char line[8] = {};
    if (::read(started.ready.get(), line, sizeof line) > 0) return Held::kReady;
    return await_next_supervisor();
  }

  /// The first has ended before it was ready. The reaper starts another, or
  /// ends too.
  core::Result<Held> await_next_supervisor() {
    const core::BootTime until = sys::boot_now() + kReach;
    while (!bus::await_private(socket(), sys::boot_now() + kStep)) {
      const bool is_over =
          anchored_.process.has_exited() && !sys::has_instance(socket());
      if (is_over || sys::boot_now() >= until)
        return core::fail(0, "the instance does not start");
    }
    Anchored found = TRY(reach(socket()));
    found.is_child = found.reaper == anchored_.reaper;
    anchored_ = std::move(found);
    return Held::kReady;
  }

  enum class Event : char { kSignal, kOther };

  /// What comes first: a signal, or what the descriptor tells.
  Event await(int descriptor) {
    pollfd polls[] = {
        {.fd = signals_.get(), .events = POLLIN, .revents = 0},
        {.fd = descriptor, .events = POLLIN, .revents = 0},
    };
    while (::poll(polls, std::size(polls), -1) < 0) {
    }
    return polls[0].revents != 0 ? Event::kSignal : Event::kOther;
  }

  /// Takes a signal that has come. SIGHUP means nothing.
  bool is_told_to_stop() {
    signalfd_siginfo info = {};
    return ::read(signals_.get(), &info, sizeof info) == sizeof info &&
           info.ssi_signo != SIGHUP;
  }

  /// Nothing: the reaper was killed, and its supervisor is becoming the next.
  std::optional<int> watch() {
    for (;;) {
      if (await(anchored_.process.get()) == Event::kOther)
        return reaper_ended();
      if (is_told_to_stop()) return leave();
    }
  }

  std::optional<int> reaper_ended() {
    siginfo_t info = {};
    if (anchored_.is_child)
      (void)::waitid(P_PID, static_cast<id_t>(anchored_.reaper.raw()), &info,
                     WEXITED);
    const bool has_exited = anchored_.is_child && info.si_code == CLD_EXITED;
    if (!has_exited && sys::has_instance(socket())) {
      spdlog::warn("the reaper has been killed; waiting for the next");
      return std::nullopt;
    }
    spdlog::info("the instance is over");
    return has_exited ? info.si_status : kExitFailed;
  }

  /// Told to stop: alone, unless everything stops.
  int leave() {
    auto manager = bus::UnitManager::connect();
    const auto stopping =
        manager ? manager->is_stopping() : std::unexpected(manager.error());
    if (!stopping) spdlog::warn("{}", text_of(stopping.error().message()));
    if (!stopping.value_or(false)) {
      spdlog::info("leaving the instance to itself: its jobs go on");
      return 0;
    }
    spdlog::info("the machine goes down: ending the instance");
    bus::tell_unit_manager("STOPPING=1");
    (void)anchored_.process.signal(core::SignalNumber(SIGTERM));
    while (await(anchored_.process.get()) != Event::kOther)
      (void)is_told_to_stop();
    return 0;
  }

  const Settings& settings_;
  sys::UniqueFd signals_;
  Anchored anchored_;
};

}  // namespace

int run_unit(const Settings& settings) {
  // For people: it is no supervisor.
  (void)::prctl(PR_SET_NAME, "corrald-unit");
  auto signals = take_signals();
  if (!signals) {
    spdlog::critical("{}", text_of(signals.error().message()));
    return kExitFailed;
  }
  return Anchor(settings, *std::move(signals)).run();
}

}  // namespace supervisor
