// SPDX-License-Identifier: Apache-2.0
// Who is followed where he is (core/followed.h), for the eBPF collector: a map
// in the kernel from a process to its job, into which a program at each fork
// puts the children of those who are in it, and from which their end takes
// them. The program is attached only while somebody is followed.
//
// Invariants:
//  - An entry is of one process: its number and when it began.
//  - What the kernel may have missed of a job is known as that, for good.
//  - Whoever is followed by name stays in the map beyond his end until that is
//    written down: who would record it asks whether the kernel has.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "accounting/kernel_exit.h"
#include "core/exit_record.h"
#include "core/followed.h"
#include "core/ids.h"
#include "sys/bpf_map.h"
#include "sys/unique_fd.h"

namespace supervisor {

/// Marks a record of who is followed, beside the bits of core::Counters: the
/// collector has made it.
inline constexpr core::Counters kCollected = core::Counters(1U << 12U);

class FollowedMap {
 public:
  /// Of the collector's descriptors; borrowed, and open while it runs.
  struct Parts {
    const sys::UniqueFd& jobs;
    const sys::UniqueFd& control;
    const sys::UniqueFd& members;
    const sys::UniqueFd& program;
    sys::UniqueFd& link;  ///< its own work
  };
  struct Owner {
    core::JobId jid;
    std::uint64_t cgroup = 0;  ///< its id
  };
  /// What the kernel counted of those.
  struct Count {
    std::uint64_t roots = 0;  ///< ends of who was followed by name
    bool is_sure = false;     ///< of all who descended from them too
  };

  explicit FollowedMap(const Parts& parts) : parts_(parts) {}

  /// He, and who descends from him now and is in no job; again: nothing.
  void follow(const Owner& owner, const core::Followed& process);
  /// Nobody else is followed by name for the job any more.
  void keep_only(core::JobId jid, std::span<const core::Followed> living);
  /// The job is gone.
  void forget(core::JobId jid);

  /// Those that live, in no order; not who is in some job's container.
  [[nodiscard]] std::vector<core::Pid> members(core::JobId jid) const;
  /// kNoJob: it descends from nobody who is followed.
  [[nodiscard]] core::JobId job_of(core::Pid pid) const;
  /// Whether the kernel told of the end of one who was followed by name.
  [[nodiscard]] bool has_told(core::Pid pid, std::uint64_t start_ticks) const;
  [[nodiscard]] Count count_of(const Owner& owner) const;
  /// The program of forks is attached.
  [[nodiscard]] bool is_at_work() const { return parts_.link.is_open(); }

 private:
  using Key = corral_member_key;
  using Entry = std::pair<Key, corral_member>;

  [[nodiscard]] bool is_open() const {
    return parts_.members.is_open() && parts_.program.is_open();
  }
  [[nodiscard]] core::Result<void> begin();
  void rest();
  void set_follows(bool follows);
  void doubt(const Owner& owner);
  bool put(const Owner& owner, Key key, std::uint32_t root, bool is_root);
  void add_descendants(const Owner& owner, core::Pid root);
  void let_go(const Entry& root);
  [[nodiscard]] std::vector<Entry> entries() const;
  [[nodiscard]] std::vector<Entry> entries_of(core::JobId jid) const;
  template <class Which>
  void erase_all(Which which);

  Parts parts_;
  bool has_failed_ = false;  ///< doubts may stand without the program
};

}  // namespace supervisor
