// SPDX-License-Identifier: Apache-2.0
// Which kinds of accounting are on. Each is turned on and off by itself, as in
// CSA, whose numbers they have (acctctl's indices; "tape" stands where those
// have none). Pure.
//
// Rules, those of csaswitch(8):
//  - What is linked to a process's record, and a threshold, is on only with
//    "csa": turning it on turns that on, turning that off turns them off.
//  - While none of the kinds that stand alone is on nothing is written, and
//    starts and ends of jobs are written with any of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace core {

enum class AccountKind : std::uint8_t {
  kCsa = 0,       ///< processes
  kJob = 1,       ///< starts and ends of jobs
  kWorkload = 2,  ///< of workload managers
  kSite1 = 3,     ///< of daemons of the site's
  kSite2 = 4,
  kTape = 5,
  kMemory = 6,  ///< linked to a process's record, as the next two
  kIo = 7,
  kDelay = 8,
  kMemoryThreshold = 9,
  kTimeThreshold = 10,
};

constexpr std::uint32_t bit_of(AccountKind kind) {
  return 1U << static_cast<unsigned>(kind);
}

struct AccountKindRow {
  AccountKind kind;
  std::string_view name;   ///< csaswitch's
  bool is_linked;          ///< only with "csa"
  std::string_view label;  ///< of csa.conf; empty: csaswitch does not show it
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
inline constexpr AccountKindRow kAccountKinds[] = {
    {AccountKind::kCsa, "csa", false, "CSA_START"},
    {AccountKind::kJob, "job", false, ""},
    {AccountKind::kWorkload, "wkmg", false, "WKMG_START"},
    {AccountKind::kSite1, "site1", false, ""},
    {AccountKind::kSite2, "site2", false, ""},
    {AccountKind::kTape, "tape", false, ""},
    {AccountKind::kMemory, "mem", true, "MEM_START"},
    {AccountKind::kIo, "io", true, "IO_START"},
    {AccountKind::kDelay, "delay", true, "DELAY_START"},
    {AccountKind::kMemoryThreshold, "memt", true, "MEMT_START"},
    {AccountKind::kTimeThreshold, "time", true, "TIME_START"},
};
// NOLINTEND(modernize-use-designated-initializers)

namespace detail {

constexpr std::uint32_t kinds_where(bool is_linked) {
  std::uint32_t kinds = 0;
  for (const AccountKindRow& row : kAccountKinds)
    if (row.is_linked == is_linked) kinds |= bit_of(row.kind);
  return kinds;
}

}  // namespace detail

inline constexpr std::uint32_t kLinkedKinds = detail::kinds_where(true);
inline constexpr std::uint32_t kAllKinds =
    kLinkedKinds | detail::kinds_where(false);
/// Those that a file is kept for: without any of them nothing is written.
inline constexpr std::uint32_t kStandingKinds =
    detail::kinds_where(false) & ~bit_of(AccountKind::kJob);
/// What is on where nobody said anything.
inline constexpr std::uint32_t kUsualKinds =
    bit_of(AccountKind::kCsa) | bit_of(AccountKind::kJob) |
    bit_of(AccountKind::kMemory) | bit_of(AccountKind::kIo) |
    bit_of(AccountKind::kDelay);

struct RecordSwitches {
  std::uint32_t kinds = kUsualKinds;
  /// Processes whose most address space is less have no record: KiB, while
  /// kMemoryThreshold is on.
  std::uint64_t memory_kib = 0;
  /// Likewise processor time, and kTimeThreshold.
  std::uint64_t time_us = 0;

  [[nodiscard]] constexpr bool has(AccountKind kind) const {
    return (kinds & bit_of(kind)) != 0;
  }
  [[nodiscard]] constexpr bool is_writing() const {
    return (kinds & kStandingKinds) != 0;
  }
  friend bool operator==(const RecordSwitches&,
                         const RecordSwitches&) = default;
};

/// `now`, and on what `more` has, with the thresholds that it brings.
constexpr RecordSwitches turned_on(RecordSwitches now,
                                   const RecordSwitches& more) {
  now.kinds |= more.kinds & kAllKinds;
  if ((more.kinds & kLinkedKinds) != 0) now.kinds |= bit_of(AccountKind::kCsa);
  if (more.has(AccountKind::kMemoryThreshold)) now.memory_kib = more.memory_kib;
  if (more.has(AccountKind::kTimeThreshold)) now.time_us = more.time_us;
  return now;
}

/// `now` without `kinds`.
constexpr RecordSwitches turned_off(RecordSwitches now, std::uint32_t kinds) {
  if ((kinds & bit_of(AccountKind::kCsa)) != 0) kinds |= kLinkedKinds;
  now.kinds &= ~kinds;
  if (!now.has(AccountKind::kMemoryThreshold)) now.memory_kib = 0;
  if (!now.has(AccountKind::kTimeThreshold)) now.time_us = 0;
  return now;
}

/// Null: there is no kind of that name, in small letters.
constexpr const AccountKindRow* find_account_kind(std::string_view name) {
  for (const AccountKindRow& row : kAccountKinds)
    if (row.name == name) return &row;
  return nullptr;
}

/// What acctcfg says is on: its ac_kdmask and ac_rmask. Starts and ends of jobs
/// have no bit there, as the published daemon always wrote them.
constexpr std::uint32_t daemon_mask_of(const RecordSwitches& switches) {
  return switches.kinds & kStandingKinds;
}
constexpr std::uint32_t record_mask_of(const RecordSwitches& switches) {
  constexpr auto kFirst = static_cast<unsigned>(AccountKind::kMemory);
  return (switches.kinds & kLinkedKinds) >> kFirst;
}
static_assert(daemon_mask_of({}) == 1 && record_mask_of({}) == 7);

}  // namespace core
