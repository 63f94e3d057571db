// SPDX-License-Identifier: Apache-2.0
// The messages between reaper, store, scope and supervisor. Every packet is a
// MessageHead and the body that its type names, on AF_UNIX SOCK_SEQPACKET;
// descriptors travel beside it (SCM_RIGHTS), their order is given below. All
// numbers are in the machine's own order: both ends are on one machine. A
// packet that does not decode is dropped and counted; it never stops a reader.
//
// Five kinds of link:
//   reaper link   supervisor <-> reaper   orders, answers, exit records
//   store link    supervisor <-> store    descriptors kept across a crash
//   keeper link   reaper     <-> store    the reaper hands the store its client
//   scope link    supervisor <-> scope    one job's own reaper
//   worker link   supervisor <-> worker   requests: WorkerHead and a body, no
//                                         MessageHead; answers likewise
//
// Numbers that make repetition harmless:
//   epoch     the journal's id; a new journal is a new epoch
//   order     the sequence of the job's jid, within an epoch. The reaper
//             keeps each answer until LaunchAck and answers a repeated order
//             from memory.
//   sequence  of an exit record, numbered by who reaped. It is sent again to
//             every new supervisor until RecordAck.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "core/exit_record.h"

namespace reaper {

inline constexpr std::uint32_t kMagic = 0x314C5243U;  // "CRL1"
/// Of a packet's form. Messages may be added without another: an end drops what
/// it does not know, and a reaper says in Welcome which it knows.
inline constexpr std::uint16_t kVersion = 1;

/// A launch block of at most this size travels in the Launch packet, a larger
/// one in a sealed memfd.
inline constexpr std::size_t kInlineBlock = std::size_t{32} * 1024;
inline constexpr std::size_t kLargestPacket = kInlineBlock + 1024;
/// Orders that may be unacknowledged at once: each holds a descriptor.
inline constexpr std::size_t kOpenOrders = 32;
/// Of these, how many a supervisor uses: one that follows a killed supervisor
/// finds its predecessor's open orders in the table, and perhaps those of the
/// one before, and must have room for its own.
inline constexpr std::size_t kOrdersInFlight = 10;
/// The length of a descriptor's name in the store, with its NUL.
inline constexpr std::size_t kStoreName = 48;
/// Descriptors that the reaper holds for the store at most.
inline constexpr std::size_t kMostHeld = 8;
/// The name under which the reaper keeps its exit ring in the store. It is the
/// reaper's alone: a revived reaper goes on with it, and sends what was not
/// acknowledged as ever. A supervisor passes over it.
inline constexpr char kRingName[] = "ring";

enum class MessageType : std::uint16_t {
  // reaper link, from the supervisor
  kHello = 1,  ///< Hello: I am the supervisor; send what I have not had
               ///< (scope link: too. The scope answers every Hello with
               ///< ScopeLaunched or ScopeFailed if it came so far, the exits
               ///< not acknowledged, and Stopped if it is stopped)
  kLaunch,     ///< Launch, inline block; fds: [memfd,] LaunchBlock's
  kLaunchAck,  ///< OrderNumber: forget that answer
  kRecordAck,  ///< SequenceNumber: forget records up to it (scope: too)
  kReexec,     ///< PathText: become this program, keeping everything
  kShutDown,   ///< ExitCode: end when no child lives
  kReady,      ///< no body: clients are served
  kBarrier,    ///< SequenceNumber: answer behind the records of all the dead
  kHoldLock,   ///< fds: the instance's lock, to be held as long as you live
  kHold,     ///< StoreName; fds: one, to be held as long as you live and given
             ///< to every new store; none: no more of that name
  kExamine,  ///< ExamineOrder: how much of the dead is to be read
  // reaper link, from the reaper
  kWelcome = 32,   ///< Welcome: the answer to Hello; fds: the exit ring
  kLaunched,       ///< Launched; fds: pidfd if pid != 0
  kExit,           ///< core::ExitRecord (scope link: too)
  kStoreLink,      ///< fds: the new store link[, the store's pidfd]; put
                   ///< everything again
  kSignalled,      ///< SignalSeen: the reaper was sent this
  kReexecRefused,  ///< Refused: the new image would not have it
  kBarrierPassed,  ///< SequenceNumber: the last kBarrier's
  // store link, from the supervisor
  kPut = 64,  ///< StoreName; fds: one. Replaces one of that name
  kDrop,      ///< StoreName
  kList,      ///< no body: send all
  kPromote,   ///< no body: this link is the keeper link from now on
  kFetch,     ///< StoreName: answered by its kEntry or by kNoEntry
  kChange,    ///< StoreChanges; fds: one for each that puts, in their order
  // store link, from the store
  kEntry = 80,  ///< StoreName; fds: one
  kListEnd,     ///< ListEnd
  kNoEntry,     ///< StoreName: the answer to kFetch of what is not there
  kPutRefused,  ///< StoreName: there is no room for it
  // keeper link, from the reaper
  kClient = 96,  ///< fds: the store's end of a new supervisor's store link
  // scope link, from the scope
  kScopeLaunched = 128,  ///< ScopeLaunched; fds: pidfd
  kScopeFailed,          ///< Launched with pid 0: stage and code
  kScopeStopped,         ///< Stopped: the main process stopped or went on
  kScopePopulated,       ///< Populated: the answer to kScopeInspect
  // scope link, from the supervisor
  kScopeSignal = 144,  ///< ScopeSignal
  kScopeKill,          ///< no body: kill all that is below the scope
  kScopeInspect,       ///< no body: report Populated (any job with a scope)
  kScopeEnded,         ///< ScopeEnded: the job has ended; report and exit
};

struct MessageHead {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  MessageType type{};
  std::uint32_t body_size = 0;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(MessageHead) == 16);

struct Hello {
  std::uint64_t epoch = 0;
};

struct Welcome {
  std::int32_t reaper_pid = 0;
  std::uint32_t supervisor_starts = 0;  ///< 1 for the first supervisor
  std::uint64_t reaper_generation = 0;  ///< counts re-execs in place
  std::uint64_t first_sequence = 0;     ///< oldest record not acknowledged
  std::uint64_t next_sequence = 0;
  std::uint32_t reaper_is_pid1 = 0;
  /// What the reaper knows: 1 and more kBarrier, 2 kHold, 3 kExamine. Earlier
  /// ones sent 0.
  /// While a re-exec is checked, and after one that was refused, a new
  /// supervisor speaks to an old reaper.
  std::uint32_t level = 0;
};
inline constexpr std::uint32_t kReaperLevel = 3;
inline constexpr std::uint32_t kBarrierLevel = 1;
inline constexpr std::uint32_t kHoldLevel = 2;
inline constexpr std::uint32_t kExamineLevel = 3;

/// Followed by the launch block if `block_size` <= kInlineBlock.
struct Launch {
  std::uint64_t epoch = 0;
  std::uint64_t order = 0;
  std::uint64_t jid = 0;
  std::uint64_t timeout_us = 0;  ///< for exec; then it is killed as stuck
  std::uint32_t block_size = 0;
  std::uint32_t reserved = 0;
};

struct OrderNumber {
  std::uint64_t epoch = 0;
  std::uint64_t order = 0;
};

struct SequenceNumber {
  std::uint64_t sequence = 0;
};

struct ExamineOrder {
  /// 1: somebody else counts whatever ends in a job, until the next Hello.
  std::uint32_t are_counted = 0;
  /// 1: and of a crowd of them the supervisor need not hear of each.
  std::uint32_t is_crowd_skipped = 0;
};

struct PathText {
  char path[4096] = {};
};

struct ExitCode {
  std::int32_t code = 0;
  std::int32_t reserved = 0;
};

struct Launched {
  std::uint64_t epoch = 0;
  std::uint64_t order = 0;
  std::int32_t pid = 0;     ///< 0: it failed
  std::int32_t code = 0;    ///< errno of the failure; ETIME: stuck and killed
  std::uint32_t stage = 0;  ///< core::LaunchStage
  /// The lower half of CLOCK_BOOTTIME, in microseconds, when it was cloned; 0:
  /// not told, as by a reaper of before.
  std::uint32_t cloned_us = 0;
};

struct SignalSeen {
  std::int32_t signal = 0;
  std::int32_t sender_pid = 0;
  std::uint32_t sender_uid = 0;
  std::int32_t signal_code = 0;  ///< si_code
};

struct Refused {
  std::int32_t code = 0;
  char text[124] = {};
};

struct StoreName {
  char name[kStoreName] = {};
};

/// One of several that come in a packet, and are made in their order.
struct StoreChange {
  std::uint32_t puts = 0;  ///< 1: as kPut, 0: as kDrop
  std::uint32_t reserved = 0;
  StoreName name;
};
/// As many as a packet takes descriptors.
inline constexpr std::size_t kMostChanges = 16;

struct ListEnd {
  std::uint32_t count = 0;
  /// What the store knows: 1 and more kChange. Earlier ones sent 0; a store
  /// outlives a supervisor that was upgraded.
  std::uint32_t level = 0;
};
inline constexpr std::uint32_t kStoreLevel = 1;
inline constexpr std::uint32_t kChangeLevel = 1;

struct ScopeLaunched {
  std::int32_t pid = 0;
  std::int32_t scope_pid = 0;
};

struct Stopped {
  std::int32_t is_stopped = 0;
  std::int32_t signal = 0;
};

struct Populated {
  std::uint32_t count = 0;  ///< 0: nothing is left
  std::uint32_t reserved = 0;
  char names[120] = {};
};

struct ScopeSignal {
  std::int32_t signal = 0;
  std::uint32_t target = 0;  ///< core::SignalTarget
};

/// How the job ended, for the scope's report. `present` tells which totals are.
struct ScopeEnded {
  enum : std::uint32_t {
    kUserTime = 1U << 0,
    kSystemTime = 1U << 1,
    kMemoryPeak = 1U << 2,
    kReadBytes = 1U << 3,
    kWriteBytes = 1U << 4,
    kNotSeen = 1U << 5,
    kOomKills = 1U << 6,
  };
  std::uint64_t jid = 0;
  std::uint64_t started_boot_us = 0;
  std::uint64_t ended_boot_us = 0;
  std::uint64_t user_us = 0;
  std::uint64_t system_us = 0;
  std::uint64_t memory_peak = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
  std::uint64_t not_seen = 0;
  std::uint64_t limit_value = 0;
  std::uint64_t limit_bound = 0;
  std::uint32_t present = 0;
  std::uint32_t processes_seen = 0;
  std::uint32_t stragglers = 0;
  std::uint32_t by_uid = 0;
  std::int32_t wait_status = 0;
  std::int32_t launch_code = 0;
  std::uint8_t reason = 0;  ///< core::Reason
  std::uint8_t has_status = 0;
  std::uint8_t limit_kind = 0;
  std::uint8_t launch_stage = 0;
  std::uint32_t oom_kills = 0;  ///< as many as fit
  char detail[96] = {};
  char straggler_names[120] = {};
};

/// Before the body of a request to a worker and of its answer.
struct WorkerHead {
  std::uint64_t id = 0;
  std::int32_t code = 0;  ///< of an answer: an errno, 0 if it was done
  std::uint32_t reserved = 0;
};
static_assert(sizeof(WorkerHead) == 16);

/// The body of a request to the killer; the cgroup's directory goes beside it.
struct KillRequest {
  enum class How : std::uint8_t {
    kKill = 1,       ///< cgroup.kill
    kFreezeAndKill,  ///< waiting at most 500 ms for the frost, then thaw
    kSignal,         ///< `signal` to each member
    kSignalAndWake,  ///< and SIGCONT after it
    kFreeze,         ///< waiting likewise; ETIME when some are not frozen yet
  };
  How how{};
  std::uint8_t signal = 0;
};
static_assert(sizeof(KillRequest) == 2);

/// The body of a packet as a T, if it has exactly that size.
template <class T>
[[nodiscard]] std::optional<T> body_as(std::span<const std::byte> body) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (body.size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, body.data(), sizeof value);
  return value;
}

/// A packet taken apart. `body` points into the packet.
struct Message {
  MessageType type{};
  std::span<const std::byte> body;
};

/// Checks the head of a packet. Nothing if it is not one of ours.
[[nodiscard]] inline std::optional<Message> decode(
    std::span<const std::byte> packet) {
  MessageHead head;
  if (packet.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, packet.data(), sizeof head);
  if (head.magic != kMagic || head.version != kVersion) return std::nullopt;
  if (head.body_size != packet.size() - sizeof head) return std::nullopt;
  return Message{.type = head.type, .body = packet.subspan(sizeof head)};
}

/// The head for a body of `size` bytes.
[[nodiscard]] inline MessageHead head_for(MessageType type, std::size_t size) {
  MessageHead head;
  head.type = type;
  head.body_size = static_cast<std::uint32_t>(size);
  return head;
}

}  // namespace reaper
