// SPDX-License-Identifier: Apache-2.0
// Calls of bpf(2) that the map of who is followed needs beside those of
// sys/bpf_map.h.
#pragma once

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace supervisor {

/// What is in a hash map now; what comes or goes meanwhile may be there or not.
/// Errors: those of bpf(2).
template <class Key, class Value>
[[nodiscard]] core::Result<std::vector<std::pair<Key, Value>>> entries_of(
    int map) {
  constexpr std::uint32_t kBatch = 1024;
  std::vector<Key> keys(kBatch);
  std::vector<Value> values(kBatch);
  std::vector<std::pair<Key, Value>> entries;
  std::uint32_t place[2] = {};
  bool is_first = true;
  for (;;) {
    bpf_attr attributes = {};
    attributes.batch.map_fd = static_cast<std::uint32_t>(map);
    attributes.batch.in_batch =
        is_first ? 0 : reinterpret_cast<std::uint64_t>(&place[0]);
    attributes.batch.out_batch = reinterpret_cast<std::uint64_t>(&place[1]);
    attributes.batch.keys = reinterpret_cast<std::uint64_t>(keys.data());
    attributes.batch.values = reinterpret_cast<std::uint64_t>(values.data());
    attributes.batch.count = kBatch;
    const bool is_more = ::syscall(SYS_bpf, BPF_MAP_LOOKUP_BATCH, &attributes,
                                   sizeof attributes) == 0;
    if (!is_more && errno != ENOENT) return core::fail(errno, "list a map");
    for (std::uint32_t i = 0; i < attributes.batch.count && i < kBatch; ++i)
      entries.emplace_back(keys[i], values[i]);
    if (!is_more) return entries;
    place[0] = place[1];
    is_first = false;
  }
}

/// Attaches a program to the tracepoint that it was made for.
[[nodiscard]] inline core::Result<sys::UniqueFd> attach_to_tracepoint(
    int program) {
  bpf_attr attributes = {};
  attributes.raw_tracepoint.prog_fd = static_cast<std::uint32_t>(program);
  const long fd = ::syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attributes,
                            sizeof attributes);
  if (fd < 0) return core::fail(errno, "attach a program");
  return sys::UniqueFd(static_cast<int>(fd));  // close-on-exec (bpf(2))
}

}  // namespace supervisor
