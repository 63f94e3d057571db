// SPDX-License-Identifier: Apache-2.0
// The packets between the supervisor and its scribe, the process that appends
// to the accounting file, over SOCK_SEQPACKET in the machine's byte order.
//
//   supervisor -> scribe   Greeting        first, once
//                          Request, bytes  any number, several in a packet
//                          Control         an order about the file
//                          Ring            what the kernel counts
//   scribe -> supervisor   Status          one as answer to the Greeting, one
//                                          after each batch of requests, and
//                                          one when what was kept got written
//
// Rules:
//  - Keys ascend from request to request. A request whose key is not above
//    Status::written_key is a repetition: answered, not written.
//  - After the scribe's death the supervisor greets the next one and sends
//    again, by ascending key, all that is above the new Status::written_key. So
//    it holds what it sent until written_key has passed it; accepted_key only
//    says that a start need not wait for the disk any longer.
//  - The scribe ends when the socket does, after one last try to write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "core/file_rules.h"
#include "core/record_switches.h"

namespace accounting {

inline constexpr std::uint32_t kScribeMagic = 0x31524353U;  // "SCR1"

enum class ScribePacket : std::uint32_t {
  kGreeting = 1,
  kRequest = 2,
  kStatus = 3,
  kControl = 4,
  kRing = 5,
};

struct ScribeGreeting {
  std::uint32_t magic = kScribeMagic;
  ScribePacket type = ScribePacket::kGreeting;
  std::uint64_t instance = 0;
  core::FileRules rules = {};
};

inline constexpr std::uint32_t kWantsSync = 1U << 0;

/// Followed by the bytes of one append (accounting/csa_encode.h).
struct ScribeRequest {
  std::uint32_t magic = kScribeMagic;
  ScribePacket type = ScribePacket::kRequest;
  std::uint64_t key = 0;
  std::uint32_t flags = 0;  ///< kWantsSync
  std::uint32_t size = 0;   ///< of the bytes that follow
};

enum class ScribeOrder : std::uint32_t {
  kSwitch = 1,   ///< the file gets the next free number, and a new one begins
  kOff = 2,      ///< nothing is written until kOn, also by scribes after this
  kOn = 3,       ///< what was on before kOff is on again
  kEnable = 4,   ///< the kinds of `switches` are on too, and their thresholds
  kDisable = 5,  ///< they are off
  kFlush = 6,    ///< what the kernel has told so far is written
  kFollow = 7,   ///< with a descriptor: `jid` has that spool (job_spool.h)
  kUnfollow = 8,
  /// The instance ends for good: what the disk refuses now is lost, and how
  /// much that is stays beside the file (left_losses.h). Nothing is written
  /// any more.
  kLeave = 9,
};

/// Carried out behind all requests before it. One that nobody answered is sent
/// again to the next scribe. kSwitch names the file that is switched, as the
/// last status told it: whoever finds that it has a number already is done.
struct ScribeControl {
  std::uint32_t magic = kScribeMagic;
  ScribePacket type = ScribePacket::kControl;
  std::uint64_t number = 0;  ///< ascending; 0: kFollow of a scribe before
  ScribeOrder order = ScribeOrder::kSwitch;
  std::uint32_t kinds = 0;  ///< core::RecordSwitches, of kEnable and kDisable
  std::uint64_t memory_kib = 0;
  std::uint64_t time_us = 0;
  std::uint64_t jid = 0;
  std::uint64_t device = 0;  ///< of kSwitch
  std::uint64_t inode = 0;   ///< likewise; 0: whichever it is
};

/// With two descriptors, the collector's ring and its control map, and where
/// the collector is a process with a third, the eventfd that it wakes with:
/// what comes into the ring is written too. Without: no more.
struct ScribeRing {
  std::uint32_t magic = kScribeMagic;
  ScribePacket type = ScribePacket::kRing;
};

struct ScribeStatus {
  std::uint32_t magic = kScribeMagic;
  ScribePacket type = ScribePacket::kStatus;
  std::uint64_t accepted_key = 0;  ///< written, kept in memory, or lost
  std::uint64_t written_key = 0;   ///< all up to it are in the file, or lost
  std::uint64_t synced_key = 0;    ///< all up to it are on the disk, or lost
  std::uint64_t waiting = 0;       ///< appends kept in memory
  std::uint64_t waiting_bytes = 0;
  std::uint64_t written = 0;  ///< appends, since it started
  std::uint64_t lost = 0;     ///< appends, since it started
  std::int32_t code = 0;      ///< errno of the last try to write; 0: it worked
  std::uint32_t is_off = 0;   ///< nothing is written
  std::uint64_t control = 0;  ///< number of the last order, since it started
  std::int32_t control_code = 0;  ///< errno of what it came to; 0: done
  std::uint32_t switched_number =
      0;  ///< of the file of kSwitch; 0: there was none
  std::uint32_t kinds = core::kUsualKinds;  ///< core::RecordSwitches in force
  /// Cut off files, since it started: of appends that a death left unfinished.
  std::uint32_t torn_bytes = 0;
  std::uint64_t memory_kib = 0;
  std::uint64_t time_us = 0;
  std::uint64_t fed = 0;     ///< records into spools of jobs, since it started
  std::uint64_t device = 0;  ///< of the file that it has opened
  std::uint64_t inode = 0;
  std::uint64_t free = 0;  ///< bytes, while it lacks room
  /// Files that a rule of the site's switched, since it started; of the last
  /// of them the number and why; errno of the last try, 0: it worked.
  std::uint64_t rule_switches = 0;
  std::uint32_t rule_number = 0;
  core::SwitchCause rule_cause = core::SwitchCause::kNone;
  std::int32_t rule_code = 0;
  std::uint32_t lacks_room = 0;  ///< less than FileRules::least_free is there
};
static_assert(sizeof(ScribeGreeting) == 40 && sizeof(ScribeRequest) == 24);
static_assert(sizeof(ScribeControl) == 64 && sizeof(ScribeStatus) == 168);

/// The largest append that a request may hold.
inline constexpr std::size_t kLargestAppend = 4096;
inline constexpr std::size_t kLargestScribePacket =
    sizeof(ScribeRequest) + kLargestAppend;

/// The packet's head as a `Packet`, if it is one: right magic, right type.
template <class Packet>
std::optional<Packet> read_scribe_packet(std::span<const std::byte> bytes) {
  static_assert(std::is_trivially_copyable_v<Packet>);
  Packet packet;
  const Packet expected;
  if (bytes.size() < sizeof packet) return std::nullopt;
  std::memcpy(&packet, bytes.data(), sizeof packet);
  if (packet.magic != expected.magic || packet.type != expected.type)
    return std::nullopt;
  return packet;
}

}  // namespace accounting
