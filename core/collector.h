// SPDX-License-Identifier: Apache-2.0
// Who counts what processes use: a pure choice on facts. What each can count is
// a table in docs/RECORDS.md; the facts come from sys/collector_facts.h and
// from the program that loads the eBPF collector.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace core {

/// The numbers stand in records and journals.
enum class Collector : std::uint8_t {
  kNone = 0,
  kWait = 1,       ///< wait4(2) and /proc of the zombie, by who reaps it
  kEbpf = 2,       ///< a program in the kernel, in the exit of every process
  kTaskstats = 3,  ///< the kernel's taskstats, and who forked whom
  kLast = kTaskstats,
};

constexpr std::string_view name_of(Collector collector) {
  switch (collector) {
    case Collector::kNone:
      return "none";
    case Collector::kWait:
      return "wait";
    case Collector::kEbpf:
      return "ebpf";
    case Collector::kTaskstats:
      return "taskstats";
  }
  return "unknown";
}

/// Whether it counts every process of a job, and not those alone that somebody
/// reaps for us.
constexpr bool counts_all(Collector collector) {
  return collector == Collector::kEbpf || collector == Collector::kTaskstats;
}

/// A collector that can be asked for.
constexpr std::optional<Collector> parse_collector(std::string_view name) {
  for (const Collector collector :
       {Collector::kWait, Collector::kEbpf, Collector::kTaskstats})
    if (name == name_of(collector)) return collector;
  return std::nullopt;
}

}  // namespace core
