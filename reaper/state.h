// SPDX-License-Identifier: Apache-2.0
// What the reaper knows, as it is handed from one image of the program to the
// next over an execve(2) of the same process: a memfd with a head, a checksum
// and fixed places. Descriptors are numbers that stay open over the exec. The
// next image checks every part before the old one gives up its own.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "core/checksum.h"
#include "reaper/child_table.h"
#include "reaper/instance_options.h"
#include "reaper/open_orders.h"
#include "reaper/say.h"
#include "sys/shared_memory.h"

namespace reaper {

struct StateHead {
  static constexpr std::uint64_t kMagic = 0x31455441545352ULL;  // "RSTATE1"
  static constexpr std::uint32_t kVersion = 1;
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t size = 0;         ///< of the whole state
  std::uint32_t child_count = 0;  ///< KnownChild after the body
  std::uint32_t checksum = 0;     ///< CRC-32C of all that follows the head
};
static_assert(sizeof(StateHead) == 24);

struct SavedOrder {
  std::uint64_t epoch = 0;
  std::uint64_t order = 0;
  std::uint64_t deadline = 0;
  std::uint32_t state = 0;
  std::uint32_t is_wanted = 0;
  std::int32_t pid = 0;
  std::uint32_t failed_stage = 0;
  std::int32_t failed_code = 0;
  std::int32_t pidfd = -1;
  std::int32_t report_fd = -1;
  std::uint32_t reserved = 0;
};

struct SavedProgram {
  std::int32_t pid = 0;  ///< 0: it does not run
  std::int32_t pidfd = -1;
  std::uint64_t began = 0;
};

struct SavedSignal {
  std::uint32_t is_held = 0;
  std::int32_t signal = 0;
  std::int32_t sender_pid = 0;
  std::uint32_t sender_uid = 0;
  std::int32_t signal_code = 0;
  std::uint32_t reserved = 0;
};

struct StateBody {
  std::uint64_t epoch = 0;
  std::uint64_t generation = 0;
  std::uint64_t next_record = 0;  ///< the first not sent to this supervisor
  SavedProgram supervisor;
  SavedProgram store;
  std::int32_t link_fd = -1;
  std::int32_t keeper_fd = -1;
  std::int32_t ring_fd = -1;
  std::int32_t stages_fd = -1;
  std::int32_t new_store_end = -1;
  std::uint32_t supervisor_starts = 0;
  std::uint32_t has_said_hello = 0;
  std::uint32_t is_ending = 0;
  std::int32_t exit_code = 0;
  std::int32_t lock_fd = 0;  ///< 0: none
  SavedSignal signal;
  SavedOrder orders[kOpenOrders];
};
static_assert(std::is_trivially_copyable_v<StateBody>);

/// A state in memory that both images see.
class State {
 public:
  [[nodiscard]] static core::Result<State> make(const StateBody& body,
                                                const ChildTable& children) {
    State state;
    const std::size_t size = size_for(children.size());
    state.memory_ = TRY(sys::SharedMemory::make("corral-state", size));
    std::byte* const at = state.memory_.bytes().data();
    std::memcpy(at + sizeof(StateHead), &body, sizeof body);
    std::size_t used = size_for(0);
    children.for_each([&](const KnownChild& child) {
      std::memcpy(at + used, &child, sizeof child);
      used += sizeof child;
    });
    StateHead head;
    head.size = static_cast<std::uint32_t>(size);
    head.child_count = static_cast<std::uint32_t>(children.size());
    head.checksum = core::crc32c(state.after_head());
    std::memcpy(at, &head, sizeof head);
    return state;
  }

  /// The state that another image wrote. Errors: EBADMSG if it is damaged,
  /// EPROTO if it is of a version that this program does not know.
  [[nodiscard]] static core::Result<State> adopt(sys::UniqueFd fd) {
    State state;
    state.memory_ = TRY(sys::SharedMemory::map(std::move(fd)));
    if (state.memory_.bytes().size() < size_for(0))
      return core::fail(EBADMSG, "check the state's size");
    const StateHead head = state.head();
    if (head.magic != StateHead::kMagic)
      return core::fail(EBADMSG, "check the state's magic number");
    if (head.version != StateHead::kVersion)
      return core::fail(EPROTO, "check the state's version");
    if (head.size != state.memory_.bytes().size() ||
        head.child_count > ChildTable::kCapacity ||
        head.size != size_for(head.child_count))
      return core::fail(EBADMSG, "check the state's size");
    if (head.checksum != core::crc32c(state.after_head()))
      return core::fail(EBADMSG, "check the state's checksum");
    return state;
  }

  [[nodiscard]] const sys::UniqueFd& descriptor() const {
    return memory_.descriptor();
  }
  [[nodiscard]] StateBody body() const {
    StateBody body;
    std::memcpy(&body, memory_.bytes().data() + sizeof(StateHead), sizeof body);
    return body;
  }
  void read_children(ChildTable& children) const {
    for (std::uint32_t i = 0; i < head().child_count; ++i) {
      KnownChild child;
      std::memcpy(&child,
                  memory_.bytes().data() + size_for(0) + i * sizeof child,
                  sizeof child);
      (void)children.remember(child);  // it had room before
    }
  }

 private:
  static constexpr std::size_t size_for(std::size_t children) {
    return sizeof(StateHead) + sizeof(StateBody) +
           children * sizeof(KnownChild);
  }
  [[nodiscard]] StateHead head() const {
    StateHead head;
    std::memcpy(&head, memory_.bytes().data(), sizeof head);
    return head;
  }
  [[nodiscard]] std::span<const std::byte> after_head() const {
    return memory_.bytes().subspan(sizeof(StateHead));
  }

  sys::SharedMemory memory_;
};

/// `corral-reaper --check-state FD`: 0 if this program could go on from there.
inline int run_check_state(const InstanceOptions& options) {
  const auto state = State::adopt(sys::UniqueFd(options.link_fd));
  if (!state) say(state.error());
  return state ? 0 : 1;
}

}  // namespace reaper
