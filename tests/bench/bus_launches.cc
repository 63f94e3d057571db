// SPDX-License-Identifier: Apache-2.0
// How long a job takes whose client keeps a connection to the system bus open:
// systemd's StartTransientUnit of a oneshot service until its job is removed,
// and Corral's CreateJob until Wait is answered, in turns. Both are told of the
// end by whom they asked.
//
//   bench-bus-launches ROUNDS PROGRAM  ->  median microseconds of each
#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <systemd/sd-bus.h>

#include "sys/clock.h"

namespace {

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kSystemdPath = "/org/freedesktop/systemd1";
constexpr const char* kSystemdManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kCorral = "org.corral.Manager1";
constexpr const char* kCorralPath = "/org/corral/manager";
constexpr std::uint64_t kPatienceUs = 60'000'000;

/// The unit that is waited for, and whether its job has come to its end.
struct Awaited {
  std::string unit;
  bool has_ended = false;
};

int on_job_removed(sd_bus_message* message, void* userdata,
                   sd_bus_error* /*error*/) noexcept {
  auto& awaited = *static_cast<Awaited*>(userdata);
  std::uint32_t id = 0;
  const char* path = nullptr;
  const char* unit = nullptr;
  const char* result = nullptr;
  if (::sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) >= 0 &&
      awaited.unit == unit)
    awaited.has_ended = std::string_view(result) == "done";
  return 0;
}

bool start_unit(sd_bus* bus, Awaited& awaited, const char* program) {
  static int number = 0;
  awaited = {.unit = "bench-" + std::to_string(++number) + ".service"};
  sd_bus_error error = SD_BUS_ERROR_NULL;
  const int r = ::sd_bus_call_method(
      bus, kSystemd, kSystemdPath, kSystemdManager, "StartTransientUnit",
      &error, nullptr, "ssa(sv)a(sa(sv))", awaited.unit.c_str(), "fail", 3,
      "Type", "s", "oneshot", "CollectMode", "s", "inactive-or-failed",
      "ExecStart", "a(sasb)", 1, program, 1, program, 0, 0);
  if (r < 0) {
    (void)std::fprintf(stderr, "StartTransientUnit: %s\n", error.message);
    return false;
  }
  while (!awaited.has_ended) {
    const int did = ::sd_bus_process(bus, nullptr);
    if (did < 0 || (did == 0 && ::sd_bus_wait(bus, kPatienceUs) <= 0))
      return false;
  }
  return true;
}

bool run_job(sd_bus* bus, int null_device, const char* program) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message* reply = nullptr;
  int r = ::sd_bus_call_method(
      bus, kCorral, kCorralPath, kCorral, "CreateJob", &error, &reply, "a{sv}",
      5, "Argv", "as", 1, program, "Kind", "s", "detached", "Cwd", "s", "/",
      "StandardOutput", "h", null_device, "StandardError", "h", null_device);
  std::uint64_t jid = 0;
  if (r >= 0) r = ::sd_bus_message_read(reply, "t", &jid);
  ::sd_bus_message_unref(reply);
  if (r >= 0)
    r = ::sd_bus_call_method(bus, kCorral, kCorralPath, kCorral, "Wait", &error,
                             nullptr, "t", jid);
  if (r < 0) (void)std::fprintf(stderr, "CreateJob: %s\n", error.message);
  return r >= 0;
}

double median(std::vector<double>& times) {
  std::ranges::sort(times);
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    (void)std::fprintf(stderr, "usage: %s ROUNDS PROGRAM\n", argv[0]);
    return 2;
  }
  const auto rounds = std::max(1UL, std::strtoul(argv[1], nullptr, 10));
  const int null_device = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  sd_bus* bus = nullptr;
  Awaited awaited;
  if (::sd_bus_open_system(&bus) < 0 ||
      ::sd_bus_match_signal(bus, nullptr, kSystemd, kSystemdPath,
                            kSystemdManager, "JobRemoved", on_job_removed,
                            &awaited) < 0 ||
      ::sd_bus_call_method(bus, kSystemd, kSystemdPath, kSystemdManager,
                           "Subscribe", nullptr, nullptr, "") < 0) {
    (void)std::fprintf(stderr, "the system bus, or systemd, does not answer\n");
    return 1;
  }
  std::vector<double> units;
  std::vector<double> jobs;
  const auto time = [](std::vector<double>& into, const auto& launch) {
    const std::uint64_t begin = sys::boot_now().raw();
    if (!launch()) return false;
    into.push_back(static_cast<double>(sys::boot_now().raw() - begin));
    return true;
  };
  for (unsigned long round = 0; round < rounds; ++round)
    if (!time(units, [&] { return start_unit(bus, awaited, argv[2]); }) ||
        !time(jobs, [&] { return run_job(bus, null_device, argv[2]); }))
      return 1;
  (void)std::printf("%.0f %.0f\n", median(units), median(jobs));
  ::sd_bus_unref(bus);
  return 0;
}
