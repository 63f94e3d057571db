// SPDX-License-Identifier: Apache-2.0
// What comes over the reaper's link: a packet is decoded, a launch request in
// it taken apart, and every part of a block that passed the check is read, as
// the child would: pointers are made of offsets, texts run to their ends.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "reaper/child_setup.h"
#include "reaper/launch_request.h"
#include "reaper/protocol.h"

namespace {

std::size_t read_texts(char* const* texts) {
  std::size_t total = 0;
  for (; *texts != nullptr; ++texts)
    total += std::strlen(*texts);
  return total;
}

void read_everything(reaper::LaunchRequest& request) {
  reaper::ChildPlan plan;
  plan.block = &request.block();
  plan.block_memory = request.memory().data();
  if (reaper::detail::read_block(plan) != 0) std::abort();
  std::uint64_t total = read_texts(plan.argv) + read_texts(plan.envp);
  total += std::strlen(plan.cwd);
  if (plan.search != nullptr) total += std::strlen(plan.search);
  for (const auto group : plan.groups)
    total += group;
  for (const auto& limit : plan.limits)
    total += limit.soft + limit.hard;
  for (const auto target : plan.targets)
    if (target < 0) std::abort();
  if (plan.argv[0] == nullptr || total == 1) return;
  plan.argv[-1] = plan.argv[0];  // as a script's name is put there
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0 || size > reaper::kLargestPacket) return 0;
  // On the heap and of the exact size, so that a sanitizer sees every step
  // beyond it; in words, for the alignment that the reaper's buffer has.
  std::vector<std::uint64_t> words((size + 7) / 8);
  std::memcpy(words.data(), data, size);
  const std::span<std::byte> packet(reinterpret_cast<std::byte*>(words.data()),
                                    size);
  const auto message = reaper::decode(packet);
  if (!message || message->type != reaper::MessageType::kLaunch) return 0;
  reaper::Launch launch;
  if (message->body.size() < sizeof launch) return 0;
  std::memcpy(&launch, message->body.data(), sizeof launch);
  // As many descriptors as it says it has: the numbers are never used.
  sys::UniqueFd fds[sys::kMostDescriptors];
  for (std::size_t count = 0; count <= std::size(fds); ++count) {
    reaper::LaunchRequest attempt;
    const auto block = packet.last(message->body.size() - sizeof launch);
    if (attempt.read(launch, block, std::span(fds).first(count), false) != 0)
      continue;
    read_everything(attempt);
    return 0;
  }
  return 0;
}
