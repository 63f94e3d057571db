// SPDX-License-Identifier: Apache-2.0
// The scribe: the one process of an instance that appends to its accounting
// file, so that no disk can block the supervisor. It gathers what waits in its
// socket, writes it at once, syncs once, and answers (scribe_protocol.h).
//
// Invariants:
//  - Each key is in the file once, wherever scribe or supervisor are killed: a
//    scribe reads the file's tail before it writes, and only after the scribe
//    before it, of the same instance, has ended.
//  - What the disk refuses is kept in memory, in order, and tried again: with
//    each new request and on one timer that backs off. Where the bound of that
//    memory forces a loss, the loss is itself written when there is room.
//  - With nothing to write it sleeps without a timer; but until its file is too
//    old, where the site has a rule for that, and the file has records.
//  - What is lost as the instance ends for good is told by the next scribe of
//    the file (left_losses.h).
//  - What is off (core/record_switches.h), or below a threshold, is answered as
//    if it were written. What is on stands in files beside the accounting file.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accounting/csa_encode.h"
#include "accounting/csa_layout.h"
#include "accounting/job_spools.h"
#include "accounting/kernel_drain.h"
#include "accounting/recovery.h"
#include "accounting/scribe_protocol.h"
#include "core/error.h"
#include "core/file_rules.h"
#include "core/quantity.h"
#include "core/record_switches.h"
#include "sys/boot.h"
#include "sys/unique_fd.h"

namespace accounting {

struct ScribeOptions {
  std::size_t most_kept_bytes = std::size_t{64} << 20U;
  core::Microseconds first_pause = core::milliseconds(250);
  core::Microseconds longest_pause = core::seconds(60);
  /// What is on where nobody turned anything.
  core::RecordSwitches usual = {};
};

/// The file that the scribe writes and all that it keeps for it. No socket and
/// no clock in here: run_scribe() drives it.
class Scribe {
 public:
  Scribe(std::string path, const ScribeOptions& options);

  /// Begins to work for `instance`: waits until no other scribe does, then
  /// finds its last key. A file that cannot be opened is no error: everything
  /// is kept.
  void greet(std::uint64_t instance, const core::FileRules& rules = {});
  /// Takes one append; `key` not above the last: nothing to do.
  void take(const ScribeRequest& request, std::span<const std::byte> bytes);
  /// Tries to write all that waits.
  void flush();
  /// Carries an order out; status() says what it came to. `memory`: of
  /// kFollow.
  void obey(const ScribeControl& control, const sys::UniqueFd& memory = {});

  /// From now on what comes into the collector's ring is written too, before
  /// each append and by flush_kernel().
  void attach_kernel(KernelDrain drain);
  /// No more comes: what is there is written, and kept until it can be.
  void detach_kernel();
  void flush_kernel();
  /// Null: there is no collector.
  [[nodiscard]] KernelDrain* kernel() { return kernel_ ? &*kernel_ : nullptr; }

  [[nodiscard]] bool has_waiting() const {
    return !queue_.empty() || !leaving_.empty() || needs_sync_;
  }
  [[nodiscard]] ScribeStatus status() const;

  /// When look_at_age() is to be called; nothing: not before something was
  /// written.
  [[nodiscard]] std::optional<core::BootTime> next_look() const;
  /// Switches a file that is too old.
  void look_at_age();

 private:
  /// An append that waits, or the loss of `lost` appends up to `key`.
  struct Entry {
    std::uint64_t key = 0;
    std::uint64_t first_lost = 0;
    std::uint64_t lost = 0;
    bool wants_sync = false;
    bool is_skipped = false;  ///< accounting is off: it is not written
    std::vector<std::byte> bytes;
  };

  core::Result<void> write_waiting();
  core::Result<void> write_kernel();
  core::Result<void> write_kernel(KernelDrain& drain);
  core::Result<void> open_file();
  core::Result<void> note(csa::ConfigurationEvent event);
  core::Result<void> note(const RecordBytes& bytes);
  core::Result<void> note_boot(const FileTail& tail);
  core::Result<void> note_in_file(csa::ConfigurationEvent event);
  core::Result<void> switch_file(const ScribeControl& control);
  core::Result<std::uint32_t> begin_next_file();
  void begin_age(bool is_new);
  [[nodiscard]] bool has_records() const;
  [[nodiscard]] core::SwitchCause cause_now() const;
  void switch_by_rule();
  core::Result<void> check_room();
  core::Result<void> turn_off();
  core::Result<void> turn_on();
  core::Result<void> enable(const core::RecordSwitches& more);
  core::Result<void> disable(std::uint32_t kinds);
  core::Result<void> follow(const ScribeControl& control,
                            const sys::UniqueFd& memory);
  core::Result<void> leave();
  core::Result<void> tell_left_losses();
  [[nodiscard]] Loss unwritten() const;
  void feed(std::span<const std::byte> bytes);
  [[nodiscard]] FileOpened told(csa::ConfigurationEvent event) const;
  void tell(csa::ConfigurationEvent event);
  /// Which hold now.
  [[nodiscard]] core::RecordSwitches in_force() const;
  void skip(std::uint64_t key);
  [[nodiscard]] bool is_file_current() const;
  core::Result<void> write_batch();
  core::Result<void> sync();
  void drop_repetitions();
  void lose(const ScribeRequest& request);
  [[nodiscard]] std::vector<std::byte> bytes_of(const Entry& entry) const;

  std::string path_;
  ScribeOptions options_;
  std::uint64_t instance_ = 0;
  bool was_greeted_ = false;
  sys::UniqueFd instance_lock_;
  sys::UniqueFd file_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  const sys::Boot boot_ = sys::this_boot();
  core::RealTime booted_ = boot_.began;  ///< as the file tells it
  bool was_recovered_ = false;           ///< the tail of file_ was read

  JobSpools spools_;  ///< of jobs with a file of their own
  std::optional<KernelDrain> kernel_;
  std::deque<KernelDrain> leaving_;  ///< detached, and not written yet
  std::deque<Entry> queue_;          ///< by ascending key
  std::size_t kept_bytes_ = 0;
  bool needs_sync_ = false;
  bool is_new_ = false;  ///< its directory entry is not synced yet
  std::uint64_t accepted_key_ = 0;
  std::uint64_t written_key_ = 0;
  std::uint64_t synced_key_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t torn_ = 0;  ///< bytes
  std::int32_t code_ = 0;
  bool has_left_ = false;  ///< nothing is written any more
  bool is_off_ = false;    ///< all of it, whatever switches_ says
  core::RecordSwitches switches_;
  std::uint64_t control_ = 0;
  std::int32_t control_code_ = 0;
  std::uint32_t switched_number_ = 0;

  /// What rules did, since it started.
  struct ByRule {
    std::uint64_t count = 0;   ///< of files that were switched
    std::uint32_t number = 0;  ///< of the last of them
    core::SwitchCause cause = core::SwitchCause::kNone;
    std::int32_t code = 0;  ///< errno of the last try; 0: it worked
  };
  core::FileRules rules_;
  ByRule by_rule_;
  std::uint64_t bare_bytes_ = 0;  ///< of a new file that has no records yet
  core::BootTime old_at_;         ///< when file_ is too old
  core::BootTime next_try_;       ///< of a switch by a rule
  bool lacks_room_ = false;
  std::uint64_t free_ = 0;  ///< bytes, when that was looked at last
};

/// The scribe's whole life on `socket` (borrowed): until its peer closes it.
/// Returns the exit code: 0, or 1 if something could not be written at the end.
int run_scribe(int socket, const std::string& path,
               const ScribeOptions& options = {});

}  // namespace accounting
