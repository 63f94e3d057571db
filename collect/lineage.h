// SPDX-License-Identifier: Apache-2.0
// Which processes are in which job, by who forked whom: taskstats does not tell
// a process's cgroup, and who has ended may be gone before anybody could look.
// Pure: facts come in, in the order in which they happened.
//
// Invariants:
//  - A child is where its parent is, as the kernel has it. It is not taken for
//    that where somebody clones into another cgroup (the reaper, a job's
//    scope), or while processes are moved: then it is undecided, and with it
//    its own children, until somebody tells or reads where it is.
//  - What nobody decides is unknown. It is never a job's by a guess.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace collect {

class Lineage {
 public:
  using Pid = std::int32_t;

  /// A process that is in another cgroup than its parent, with all who descend
  /// from it and were not moved.
  struct Family {
    /// A jid; 0: in none of our jobs; absent: undecided.
    std::optional<std::uint64_t> place;
    Pid root = 0;
    Pid cloner = 0;  ///< who made it; kMoved: it was forked during a move
  };
  static constexpr Pid kMoved = -1;
  struct Process {
    std::shared_ptr<const Family> family;
    std::uint64_t start_ns = 0;  ///< CLOCK_BOOTTIME
  };

  /// Its children are where they were cloned into, not where it is.
  void add_cloner(Pid pid) { cloners_.insert(pid); }
  void remove_cloner(Pid pid) { cloners_.erase(pid); }
  /// While processes are moved nothing is inherited.
  void set_moving(bool is_moving) { is_moving_ = is_moving; }

  /// Who is not known is in none of our jobs. True: the child is undecided, and
  /// the first of its family.
  bool fork(Pid parent, Pid child, std::uint64_t start_ns) {
    if (cloners_.contains(parent) || is_moving_) {
      auto family = std::make_shared<Family>(
          Family{.place = {},
                 .root = child,
                 .cloner = cloners_.contains(parent) ? parent : kMoved});
      roots_[child] = family;
      processes_[child].push_back({std::move(family), start_ns});
      return true;
    }
    const Node* const node = newest(parent);
    if (node != nullptr)
      processes_[child].push_back({node->family, start_ns});
    else if (processes_.contains(child))  // its number was another's
      processes_[child].push_back({decided(0), start_ns});
    return false;
  }

  /// Somebody knows where it is, or was when it ended. `start_ns`: of one that
  /// is not known yet.
  void decide(Pid pid, std::uint64_t jid, std::uint64_t start_ns) {
    if (const auto root = roots_.find(pid); root != roots_.end()) {
      const auto family = root->second.lock();
      roots_.erase(root);
      if (family) family->place = jid;
      if (family) return;
    }
    const auto at = processes_.find(pid);
    if (at == processes_.end()) {
      if (jid != 0) processes_[pid].push_back({decided(jid), start_ns});
    } else if (at->second.back().family->place != std::optional(jid)) {
      at->second.back().family = decided(jid);
    }
  }

  /// The one of that number that began about `start_ns`, of which the end was
  /// told; it is known no longer. Nothing: there is none.
  [[nodiscard]] std::optional<Process> take(Pid pid, std::uint64_t start_ns) {
    const auto at = processes_.find(pid);
    if (at == processes_.end()) return std::nullopt;
    std::vector<Node>& nodes = at->second;
    const auto found = std::ranges::find_if(nodes, [&](const Node& node) {
      return std::max(node.start_ns, start_ns) -
                 std::min(node.start_ns, start_ns) <=
             kTolerance;
    });
    if (found == nodes.end()) return std::nullopt;
    Process process{.family = found->family, .start_ns = found->start_ns};
    nodes.erase(nodes.begin(), found + 1);
    if (nodes.empty()) processes_.erase(at);
    return process;
  }

  [[nodiscard]] bool knows(Pid pid) const { return processes_.contains(pid); }
  /// Absent: it is in none of our jobs, or undecided.
  [[nodiscard]] std::optional<std::uint64_t> job_of(Pid pid) const {
    const Node* const node = newest(pid);
    if (node == nullptr || node->family->place == 0U) return std::nullopt;
    return node->family->place;
  }
  /// It was forked while processes were moved, and nobody knows where yet.
  [[nodiscard]] bool was_moved(Pid pid) const {
    const Node* const node = newest(pid);
    return node != nullptr && !node->family->place &&
           node->family->cloner == kMoved;
  }
  /// Nothing of what was known may be relied on.
  void forget_all() {
    processes_.clear();
    roots_.clear();
  }

 private:
  /// taskstats tells in whole seconds when a process began.
  static constexpr std::uint64_t kTolerance = 2'000'000'000;

  struct Node {
    std::shared_ptr<Family> family;
    std::uint64_t start_ns = 0;
  };

  static std::shared_ptr<Family> decided(std::uint64_t jid) {
    return std::make_shared<Family>(
        Family{.place = jid, .root = 0, .cloner = 0});
  }
  [[nodiscard]] const Node* newest(Pid pid) const {
    const auto at = processes_.find(pid);
    return at == processes_.end() ? nullptr : &at->second.back();
  }

  std::set<Pid> cloners_;
  bool is_moving_ = false;
  std::unordered_map<Pid, std::weak_ptr<Family>> roots_;  ///< undecided
  /// Of one number several, where it was given again before the end of the
  /// first was told: the newest last.
  std::unordered_map<Pid, std::vector<Node>> processes_;
};

}  // namespace collect
