// SPDX-License-Identifier: Apache-2.0
// Zombies that nobody but their own parent can reap: "my init does not reap my
// zombie". A zombie is its parent's to wait for as long as the parent lives;
// an init gets it only when the parent dies. So all that can be done is to name
// the parent.
//
// Everything that dies is a zombie for some microseconds, or until a busy
// parent is given a processor. Nothing in /proc tells for how long it has been
// one, and the kernel has no event for "was not reaped": so it takes two looks
// with time in between, and what both have seen is a zombie that stays. A
// first look that finds none needs no second one.
//
// Not counted: zombies of the init itself, which it is about to reap; those
// whose parent is dead too, which are about to fall to the init, or is outside
// the pid namespace; and a process of which only the first thread has ended.
#pragma once

#include <cstdint>
#include <optional>

#include "core/error.h"
#include "core/ids.h"
#include "core/quantity.h"
#include "reaper/say.h"
#include "sys/proc_files.h"
#include "sys/proc_list.h"

namespace reaper {

class Zombies {
 public:
  /// How long a parent may take. Between two looks, unless something else
  /// passes the time.
  static constexpr core::Microseconds kPatience{250000};

  /// Those among the descendants of `init`; of 1: in the whole pid namespace.
  explicit Zombies(core::Pid init) : init_(init) {}

  /// The first look: whether a second one is worth while.
  [[nodiscard]] bool look() {
    count_ = 0;
    (void)sys::for_each_process(
        sys::ListedFor::kReading, [this](const sys::ProcStat& stat) {
          if (count_ < kMostZombies && parent_of(stat))
            seen_[count_++] = {.pid = stat.pid,
                               .start_ticks = stat.start_ticks};
        });
    return count_ > 0;
  }

  /// The second look: calls `visit(zombie, parent)`, two sys::ProcStat, for
  /// every one that is still there. Of the first 32 only.
  template <class Visit>
  void look_again(Visit&& visit) const {
    for (std::uint32_t i = 0; i < count_; ++i) {
      const auto stat = sys::read_proc_stat(core::Pid(seen_[i].pid));
      if (!stat || stat->start_ticks != seen_[i].start_ticks) continue;
      if (const auto parent = parent_of(*stat)) visit(*stat, *parent);
    }
  }

  /// The second look as a sentence: "2 zombies whose parents do not wait for
  /// them: 'sleep' (12) of 'web' (7), 'true' (13) of 'web' (7)". Empty if there
  /// is none.
  [[nodiscard]] Sentence words() const {
    Sentence list;
    std::uint32_t count = 0;
    look_again([&](const sys::ProcStat& zombie, const sys::ProcStat& parent) {
      if (count++ == kMostNamed) list.append(", ...");
      if (count > kMostNamed) return;
      if (count > 1) list.append(", ");
      add_name(list, zombie);
      add_name(list.append(" of "), parent);
    });
    Sentence words;
    if (count == 0) return words;
    if (count == kMostZombies) words.append("at least ");
    words.append_unsigned(count);
    words.append(count == 1 ? " zombie whose parent does not wait for it: "
                            : " zombies whose parents do not wait for them: ");
    return words.append(list.view());
  }

 private:
  static constexpr std::uint32_t kMostZombies = 32;
  static constexpr std::uint32_t kMostNamed = 4;

  struct Seen {
    std::int32_t pid = 0;
    std::uint64_t start_ticks = 0;  ///< with the pid, the same process
  };

  static void add_name(Sentence& text, const sys::ProcStat& stat) {
    text.append_char('\'').append(stat.name()).append("' (");
    text.append_number(stat.pid).append_char(')');
  }

  /// Who should have reaped `stat`; nothing if it is no zombie of the kind.
  [[nodiscard]] std::optional<sys::ProcStat> parent_of(
      const sys::ProcStat& stat) const {
    if (!stat.is_dead() || stat.ppid == init_.raw()) return std::nullopt;
    auto parent = sys::read_proc_stat(core::Pid(stat.ppid));
    if (!parent || parent->is_dead() || !descends_from_init(*parent))
      return std::nullopt;
    return parent;
  }

  [[nodiscard]] bool descends_from_init(const sys::ProcStat& stat) const {
    constexpr std::int32_t kNamespaceInit = 1;
    if (init_.raw() == kNamespaceInit) return true;
    auto at = std::optional<sys::ProcStat>(stat);
    while (at && at->ppid > kNamespaceInit && at->ppid != init_.raw())
      at = sys::read_proc_stat(core::Pid(at->ppid));
    return at && at->ppid == init_.raw();
  }

  core::Pid init_;
  Seen seen_[kMostZombies] = {};
  std::uint32_t count_ = 0;
};

}  // namespace reaper
