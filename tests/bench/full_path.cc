// SPDX-License-Identifier: Apache-2.0
// Jobs per second through the whole path: CreateJob on the private socket, its
// cgroup, its launch, its end, its records, and the answer to Wait, with WINDOW
// jobs in flight. One process, asynchronous calls, so that the client is not
// what is measured.
//
//   bench-full-path SOCKET|bus:SOCKET PROGRAM COUNT WINDOW  ->  jobs per second
//
// bus:SOCKET is a message bus's, on which the instance has its name.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <systemd/sd-bus.h>

#include "sys/clock.h"

namespace {

constexpr const char* kPath = "/org/corral/manager";
constexpr const char* kInterface = "org.corral.Manager1";
constexpr const char* kName = "org.corral.Manager1";

struct Bench {
  sd_bus* bus = nullptr;
  const char* program = nullptr;
  int null_device = -1;
  unsigned wanted = 0;
  unsigned asked = 0;
  unsigned ended = 0;
  unsigned failed = 0;
};

void ask_for_job(Bench& bench);

void end_one(Bench& bench, bool was_good) {
  ++bench.ended;
  if (!was_good) ++bench.failed;
  ask_for_job(bench);
}

int on_waited(sd_bus_message* reply, void* userdata,
              sd_bus_error* /*error*/) noexcept {
  Bench& bench = *static_cast<Bench*>(userdata);
  end_one(bench, ::sd_bus_message_is_method_error(reply, nullptr) == 0);
  return 0;
}

int on_created(sd_bus_message* reply, void* userdata,
               sd_bus_error* /*error*/) noexcept {
  Bench& bench = *static_cast<Bench*>(userdata);
  std::uint64_t jid = 0;
  if (::sd_bus_message_is_method_error(reply, nullptr) != 0 ||
      ::sd_bus_message_read(reply, "t", &jid) < 0) {
    const sd_bus_error* const error = ::sd_bus_message_get_error(reply);
    if (error != nullptr)
      (void)std::fprintf(stderr, "%s: %s\n", error->name, error->message);
    end_one(bench, false);
    return 0;
  }
  (void)::sd_bus_call_method_async(bench.bus, nullptr, kName, kPath, kInterface,
                                   "Wait", on_waited, &bench, "t", jid);
  return 0;
}

void ask_for_job(Bench& bench) {
  if (bench.asked == bench.wanted) return;
  ++bench.asked;
  (void)::sd_bus_call_method_async(
      bench.bus, nullptr, kName, kPath, kInterface, "CreateJob", on_created,
      &bench, "a{sv}", 5, "Argv", "as", 1, bench.program, "Kind", "s",
      "detached", "Cwd", "s", "/", "StandardOutput", "h", bench.null_device,
      "StandardError", "h", bench.null_device);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    (void)std::fprintf(
        stderr, "usage: %s SOCKET|bus:SOCKET PROGRAM COUNT WINDOW\n", argv[0]);
    return 2;
  }
  Bench bench;
  bench.program = argv[2];
  bench.wanted = static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10));
  const auto window = static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10));
  bench.null_device = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  constexpr std::string_view kBus = "bus:";
  const bool is_bus = std::string_view(argv[1]).starts_with(kBus);
  char address[256];
  (void)std::snprintf(address, sizeof address, "unix:path=%s",
                      argv[1] + (is_bus ? kBus.size() : 0));
  if (::sd_bus_new(&bench.bus) < 0 ||
      ::sd_bus_set_bus_client(bench.bus, is_bus ? 1 : 0) < 0 ||
      ::sd_bus_set_address(bench.bus, address) < 0 ||
      ::sd_bus_negotiate_fds(bench.bus, 1) < 0 ||
      ::sd_bus_start(bench.bus) < 0) {
    (void)std::fprintf(stderr, "cannot connect to %s\n", argv[1]);
    return 1;
  }
  const std::uint64_t begin = sys::boot_now().raw();
  for (unsigned i = 0; i < window; ++i)
    ask_for_job(bench);
  while (bench.ended < bench.wanted) {
    const int did = ::sd_bus_process(bench.bus, nullptr);
    if (did < 0) return 1;
    if (did == 0) (void)::sd_bus_wait(bench.bus, 30000000);
  }
  const double took = static_cast<double>(sys::boot_now().raw() - begin) / 1e6;
  (void)std::printf("%.1f\n", static_cast<double>(bench.ended) / took);
  ::sd_bus_unref(bench.bus);
  return bench.failed == 0 ? 0 : 1;
}
