// SPDX-License-Identifier: Apache-2.0
// corrald, the supervisor: what it does, in order. It is started by the reaper
// (corral-init --supervise) with its links; it may be killed at any time and
// goes on where it stopped.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bus/client_transport.h"
#include "bus/server.h"
#include "supervisor/bus_loop.h"
#include "supervisor/event_loop.h"
#include "supervisor/instance.h"
#include "supervisor/log.h"
#include "supervisor/own_close.h"
#include "supervisor/place_guard.h"
#include "supervisor/settings.h"
#include "supervisor/unit_anchor.h"
#include "supervisor/workers.h"
#include "sys/instance_lock.h"
#include "sys/spawn.h"
#include "sys/urgency.h"

namespace {

using supervisor::EventLoop;
using supervisor::Settings;
using supervisor::text_of;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitUnavailable = 69;

int fail(const core::Error& error, std::string_view advice = {}) {
  spdlog::critical("{}{}", text_of(error.message()), advice);
  return kExitFailed;
}

/// Each live job has a descriptor or two: the soft bound is for programs that
/// use select(2).
void raise_descriptor_bound() {
  rlimit bound = {};
  if (::getrlimit(RLIMIT_NOFILE, &bound) < 0) return;
  bound.rlim_cur = bound.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &bound) < 0)
    spdlog::warn("the bound on descriptors stays: {}", std::strerror(errno));
}

/// Directories that are missing are no reason not to supervise.
void prepare_files(const Settings& settings) {
  if (const auto done = sys::prepare_pacct(settings.places); !done)
    spdlog::error("accounting has no place: {}{}",
                  text_of(done.error().message()), sys::kPacctAdvice);
  if (const auto done = sys::prepare_logs(settings.places); !done)
    spdlog::error("the jobs' output has no place: {}{}",
                  text_of(done.error().message()), sys::kLogsAdvice);
}

core::Result<bus::PrivateListener> listen(supervisor::Instance& instance,
                                          const sys::Places& places) {
  const auto access = places.kind == sys::InstanceKind::kSystem
                          ? bus::SocketAccess::kEveryone
                          : bus::SocketAccess::kOwner;
  if (auto kept = instance.take_listener())
    return bus::PrivateListener::adopt(*std::move(kept), places.socket, access);
  return bus::PrivateListener::open(places.socket, access);
}

core::Result<void> serve_socket(bus::Server& server,
                                supervisor::Instance& instance,
                                const Settings& settings) {
  bus::PrivateListener listener = TRY(listen(instance, settings.places));
  instance.keep_listener(TRY(listener.duplicate()));
  server.serve(std::move(listener));
  return {};
}

core::Result<void> serve(bus::Server& server, supervisor::Instance& instance,
                         const Settings& settings) {
  TRY(serve_socket(server, instance, settings));
  // The name on the system bus is the system instance's. A private one joins a
  // bus only by its address.
  const bool is_system = settings.places.kind == sys::InstanceKind::kSystem;
  if (settings.bus == "none" || (settings.bus == "system" && !is_system))
    return {};
  return server.join(settings.bus == "system" ? bus::system_bus_address()
                                              : settings.bus);
}

void say_ready(int ready_fd) {
  if (ready_fd < 0) return;
  const sys::UniqueFd ready(ready_fd);
  if (::write(ready.get(), "1\n", 2) < 0)
    spdlog::warn("nobody waits for readiness: {}", std::strerror(errno));
}

/// The reaper was killed: this process becomes the next one.
int revive(supervisor::Instance& instance) {
  auto command = instance.revival();
  if (!command) return fail(command.error());
  const std::vector<char*> words = sys::argument_pointers(*command);
  (void)::signal(SIGPIPE, SIG_DFL);
  ::execv(words.front(), words.data());
  const int code = errno;
  return fail(core::fail(code, "execute", command->front()).error());
}

/// The lock that makes this the instance of its place.
core::Result<sys::InstanceLock> take_lock(Settings& settings) {
  constexpr core::Microseconds kPatience = core::seconds(5);
  const std::string& socket = settings.places.socket;
  if (settings.lock_fd >= 0) {
    sys::UniqueFd kept(settings.lock_fd);
    (void)::fcntl(kept.get(), F_SETFD, FD_CLOEXEC);
    if (auto lock = sys::InstanceLock::adopt(std::move(kept), socket))
      return lock;
  }
  return sys::InstanceLock::take(socket, kPatience);
}

/// Takes the lock before any job is looked at. The error is an exit code.
std::expected<sys::InstanceLock, int> be_alone(Settings& settings) {
  auto lock = take_lock(settings);
  if (!lock && lock.error().code != EADDRINUSE)
    return std::unexpected(fail(lock.error(), sys::kRuntimeAdvice));
  if (!lock) {
    spdlog::critical("there is another instance at '{}': {}",
                     settings.places.socket,
                     sys::holder_of(settings.places.socket));
    return std::unexpected(kExitUnavailable);
  }
  settings.lock_fd = lock->fd();
  if (const auto done = lock->sign(core::Pid(::getppid())); !done)
    spdlog::warn("the lock does not tell whose it is: {}",
                 text_of(done.error().message()));
  return *std::move(lock);
}

core::Result<void> restore_lock(supervisor::Instance& instance,
                                sys::InstanceLock& lock) {
  if (TRY(lock.renew())) {
    spdlog::warn("the instance's lock was removed; it is taken again");
    instance.hold_lock(lock.fd());
  }
  return lock.sign(core::Pid(::getppid()));
}

/// Something was removed beside the socket, or their directory was: what is
/// ours is put again, so that nobody takes the place for a free one, and is
/// watched from before it is looked at. Errors: EADDRINUSE when another
/// instance has taken it already.
core::Result<void> restore_place(bus::Server& server,
                                 supervisor::Instance& instance,
                                 sys::InstanceLock& lock,
                                 const Settings& settings,
                                 supervisor::PlaceGuard& guard) {
  TRY(sys::remake_runtime(settings.places));
  auto watched = guard.renew();
  auto locked = restore_lock(instance, lock);
  // Any other error is no reason to be out of reach, too.
  if (!locked && locked.error().code == EADDRINUSE) return locked;
  if (!bus::is_answering(settings.places.socket)) {
    spdlog::warn("'{}' was removed; listening anew", settings.places.socket);
    TRY(serve_socket(server, instance, settings));
  }
  return locked ? watched : locked;
}

std::optional<supervisor::PlaceGuard> guard_place(
    EventLoop& loop, const std::string& socket,
    std::function<core::Result<void>()> restore) {
  auto guard = supervisor::PlaceGuard::make(
      loop, socket.substr(0, socket.rfind('/')),
      [restore = std::move(restore)] {
        auto done = restore();
        // Its directory may go before it is watched: nothing tells that.
        if (!done && done.error().code == ENOENT) done = restore();
        if (!done)
          spdlog::error("what was removed is not put again: {}",
                        text_of(done.error().message()));
      });
  if (guard) return *std::move(guard);
  spdlog::warn("nobody sees it if the socket is removed: {}",
               text_of(guard.error().message()));
  return std::nullopt;
}

int run(Settings settings) {
  raise_descriptor_bound();
  // Workers must not hold it open: its end means something to the reader.
  if (settings.ready_fd >= 0)
    (void)::fcntl(settings.ready_fd, F_SETFD, FD_CLOEXEC);
  (void)::signal(SIGPIPE, SIG_IGN);  // a peer's end is an error of the call
  if (const auto done = sys::prepare_runtime(settings.places); !done) {
    spdlog::critical(
        "there is no place for the private socket: {}",
        sys::sentence_of(sys::describe_runtime(done.error(), settings.places)));
    return kExitUsage;
  }
  auto lock = be_alone(settings);
  if (!lock) return lock.error();
  prepare_files(settings);
  supervisor::load_site(settings);
  auto loop = EventLoop::make();
  if (!loop) return fail(loop.error());

  const supervisor::ForeignCloses foreign_closes(*loop);
  supervisor::BusLoop bus_loop(*loop);
  // Closed last: that may take the kernel 20 ms, and the reaper waits for the
  // end of its link.
  std::optional<supervisor::PlaceGuard> guard;
  std::unique_ptr<supervisor::Instance> instance;
  std::optional<bus::Server> server;
  int exit_code = 0;
  const auto on_ready = [&] {
    server.emplace(bus_loop, instance->port(),
                   [](std::string_view notice) { spdlog::warn("{}", notice); });
    if (const auto done = serve(*server, *instance, settings); !done) {
      exit_code = fail(done.error());
      loop->stop();
      return false;
    }
    guard = guard_place(*loop, settings.places.socket, [&] {
      return restore_place(*server, *instance, *lock, settings, *guard);
    });
    say_ready(settings.ready_fd);
    spdlog::info("ready on '{}'", settings.places.socket);
    return true;
  };
  auto started = supervisor::Instance::start(*loop, settings, {on_ready});
  if (!started) return fail(started.error());
  instance = *std::move(started);
  sys::become_urgent();
  loop->run();
  server.reset();
  if (exit_code == 0 && instance->ending() == supervisor::Ending::kRevive)
    return revive(*instance);
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<const char* const> arguments(
      argv + 1, static_cast<std::size_t>(argc) - 1);
  auto settings =
      supervisor::read_settings(arguments, sys::process_environment());
  if (!settings) {
    std::fprintf(stderr, "corrald: %s\n", settings.error().c_str());
    return kExitUsage;
  }
  if (settings->wants_help) {
    std::fputs(supervisor::settings_help().c_str(), stdout);
    return 0;
  }
  if (settings->wants_version) {
    std::puts("corrald " CORRAL_VERSION);
    return 0;
  }
  if (!settings->worker.empty()) return supervisor::run_worker(*settings);
  supervisor::start_log("corrald", settings->is_verbose
                                       ? supervisor::Verbosity::kVerbose
                                       : supervisor::Verbosity::kNormal);
  if (settings->is_unit) return supervisor::run_unit(*settings);
  return run(*std::move(settings));
}
