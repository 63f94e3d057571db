// SPDX-License-Identifier: Apache-2.0
// corral-collect: loads the eBPF collector and hands it over. A program of its
// own, so that the supervisor neither links libbpf nor waits for the kernel's
// verifier (some 30 ms).
//
//   corral-collect --load RING
//                            on descriptor 3, a SOCK_SEQPACKET: one packet
//                            (accounting/collector_reply.h); then it ends.
//                            RING: bytes of its ring, a power of two; 0: what
//                            is usual
//   corral-collect --events  the same for the programs that tell aggregate
//                            providers of processes (sys/kernel_events.h)
//   corral-collect --taskstats
//                            collects by taskstats, and stays
//                            (accounting/taskstats_packets.h)
//   corral-collect --check   says whether it could, on standard output: exit
//                            code 0 and "ok", or 1 and why not
//   corral-collect --check-taskstats  the same for taskstats
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "accounting/collector_reply.h"
#include "collect/events_loader.h"
#include "collect/loader.h"
#include "collect/taskstats_service.h"
#include "core/number_text.h"
#include "sys/collector_facts.h"
#include "sys/message_socket.h"

namespace {

constexpr int kSocket = 3;
constexpr int kExitUsage = 2;

/// MemAvailable of proc_meminfo(5) in bytes; 0: not told.
std::uint64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string word;
  std::uint64_t kib = 0;
  while (file >> word)
    if (word == "MemAvailable:" && file >> kib) return kib * 1024;
  return 0;
}

int hand_over(std::uint64_t ring) {
  const collect::Loaded loaded =
      collect::load(collect::choose_ring(ring, available_memory()), false);
  accounting::CollectorReply reply;
  reply.code = loaded.code;
  reply.ring_size = loaded.ring_size;
  reply.say(loaded.why);
  const int fds[accounting::kCollectorParts] = {
      loaded.link.get(),    loaded.jobs.get(),    loaded.ring.get(),
      loaded.control.get(), loaded.members.get(), loaded.forked.get()};
  const auto sent = sys::send_packet(
      kSocket, std::as_bytes(std::span(&reply, 1)), {},
      loaded.code == 0 ? std::span<const int>(fds) : std::span<const int>());
  return sent ? 0 : 1;
}

int hand_over_events() {
  const collect::LoadedEvents loaded = collect::load_events();
  accounting::CollectorReply reply;
  reply.code = loaded.code;
  reply.say(loaded.why);
  int fds[CORRAL_EVENT_PARTS];
  std::ranges::transform(loaded.parts, fds,
                         [](const auto& part) { return part.get(); });
  const auto sent = sys::send_packet(
      kSocket, std::as_bytes(std::span(&reply, 1)), {},
      loaded.code == 0 ? std::span<const int>(fds) : std::span<const int>());
  return sent ? 0 : 1;
}

int check() {
  const collect::Loaded loaded =
      collect::load(collect::choose_ring(0, available_memory()), true);
  std::puts(loaded.code == 0 ? "ok" : loaded.why.c_str());
  return loaded.code == 0 ? 0 : 1;
}

int check_taskstats() {
  std::string problem(sys::obstacle_to_taskstats());
  if (problem.empty()) problem = collect::TaskstatsSockets::obstacle();
  std::puts(problem.empty() ? "ok" : problem.c_str());
  return problem.empty() ? 0 : 1;
}

int usage() {
  std::fputs(
      "corral-collect: expected '--check' (can the eBPF collector work here?) "
      "or, from corrald, '--load' or '--events'\n",
      stderr);
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view word = argc >= 2 ? argv[1] : "";
  const auto ring =
      core::parse_number(argc == 3 ? argv[2] : "", std::uint64_t{1} << 30U);
  if (word == "--load" && ring) return hand_over(*ring);
  if (argc == 2 && word == "--taskstats")
    return collect::TaskstatsService().run(kSocket);
  if (argc == 2 && word == "--check-taskstats") return check_taskstats();
  if (argc != 2) return usage();
  if (word == "--events") return hand_over_events();
  if (word == "--check") return check();
  return usage();
}
