// SPDX-License-Identifier: Apache-2.0
#include "supervisor/rate_limits.h"

#include <string>

#include "core/limit_terms_text.h"
#include "sys/block_devices.h"
#include "sys/processors.h"

namespace supervisor {

namespace {

/// Both versions' usual period, in microseconds.
constexpr std::uint64_t kPeriod = 100000;

std::string quota_of(std::uint64_t percent) {
  return std::to_string(percent * kPeriod / 100);
}

std::string text_or(const core::Maybe<std::uint64_t>& bound, const char* none) {
  return bound ? std::to_string(*bound) : none;
}

/// What the parent has: a new group of version 1 has none.
core::Result<std::string> inherited(const sys::Cgroup& group,
                                    const char* file) {
  char buffer[4096];
  const std::string above = std::string("../") + file;
  const std::string_view text = TRY(group.read(above.c_str(), buffer));
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

core::Answer<void> check_processors(const core::Maybe<std::uint64_t>& set) {
  const auto machine = set ? sys::find_processors() : std::nullopt;
  if (!machine) return {};
  std::uint64_t lacking = *set & ~machine->possible;
  if ((*set & machine->online) == 0) lacking = *set;
  if (lacking == 0) return {};
  return refuse(core::Refusal::kInvalid,
                "limit 'cpu-set' has processors that are not there: " +
                    core::processors_text(lacking, ',') +
                    "; this machine has " + machine->online_text);
}

RateBounds rates_of(const core::LimitSet& limits) {
  const auto bound = [&limits](core::LimitKind kind) {
    return core::bound_of(limits.limits, limits.terms, kind);
  };
  return {.cpu_rate = bound(core::LimitKind::kCpuRate),
          .cpu_set = bound(core::LimitKind::kCpuSet),
          .io_rate = bound(core::LimitKind::kIoRate),
          .io_operations = bound(core::LimitKind::kIoOperations)};
}

core::Result<void> write_cpu_rate2(const sys::Cgroup& group,
                                   const RateBounds& rates) {
  const std::string quota = rates.cpu_rate ? quota_of(*rates.cpu_rate) : "max";
  return group.write("cpu.max", quota + " " + std::to_string(kPeriod));
}

core::Result<void> write_cpu_set2(const sys::Cgroup& group,
                                  const RateBounds& rates) {
  // Empty: those of the parent.
  return group.write("cpuset.cpus",
                     rates.cpu_set ? core::processors_text(*rates.cpu_set, ',')
                                   : std::string("\n"));
}

core::Result<void> write_io2(const sys::Cgroup& group,
                             const RateBounds& rates) {
  const std::string bytes = text_or(rates.io_rate, "max");
  const std::string operations = text_or(rates.io_operations, "max");
  for (const std::string& device : sys::block_devices())
    TRY(group.write("io.max", device + " rbps=" + bytes + " wbps=" + bytes +
                                  " riops=" + operations +
                                  " wiops=" + operations));
  return {};
}

core::Result<void> write_cpu_rate1(const sys::Cgroup& group,
                                   const RateBounds& rates) {
  TRY(group.write("cpu.cfs_period_us", std::to_string(kPeriod)));
  return group.write("cpu.cfs_quota_us",
                     rates.cpu_rate ? quota_of(*rates.cpu_rate) : "-1");
}

core::Result<void> write_cpu_set1(const sys::Cgroup& group,
                                  const RateBounds& rates) {
  const std::string memory = TRY(inherited(group, "cpuset.mems"));
  TRY(group.write("cpuset.mems", memory));
  std::string processors = TRY(inherited(group, "cpuset.cpus"));
  if (rates.cpu_set) processors = core::processors_text(*rates.cpu_set, ',');
  return group.write("cpuset.cpus", processors);
}

core::Result<void> write_io1(const sys::Cgroup& group,
                             const RateBounds& rates) {
  const std::string bytes = " " + text_or(rates.io_rate, "0");
  const std::string operations = " " + text_or(rates.io_operations, "0");
  for (const std::string& device : sys::block_devices()) {
    TRY(group.write("blkio.throttle.read_bps_device", device + bytes));
    TRY(group.write("blkio.throttle.write_bps_device", device + bytes));
    TRY(group.write("blkio.throttle.read_iops_device", device + operations));
    TRY(group.write("blkio.throttle.write_iops_device", device + operations));
  }
  return {};
}

}  // namespace supervisor
