// SPDX-License-Identifier: Apache-2.0
// What a scribe does with its file beside appending: because it is told to, or
// because a rule of the site's says so (core/file_rules.h).
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "accounting/append.h"
#include "accounting/job_record.h"
#include "accounting/left_losses.h"
#include "accounting/next_file.h"
#include "accounting/scribe.h"
#include "accounting/switch_file.h"
#include "sys/clock.h"
#include "sys/file_size.h"

namespace accounting {

namespace {

/// After a switch by a rule that failed, so long none is tried.
constexpr core::Microseconds kNextTry = core::seconds(60);

/// How long ago the file began: by its first record, if that is of its
/// beginning, else by its file system; 0: nobody knows.
core::Microseconds age_of(int file) {
  std::uint64_t began = 0;
  csa::Configuration first = {};
  struct statx status = {};
  if (::pread(file, &first, sizeof first, 0) == sizeof first &&
      first.head.type ==
          static_cast<std::uint8_t>(csa::RecordType::kConfiguration))
    began = static_cast<std::uint64_t>(first.curtime) * 1000000U;
  else if (::statx(file, "", AT_EMPTY_PATH, STATX_BTIME, &status) == 0 &&
           (status.stx_mask & STATX_BTIME) != 0)
    began = static_cast<std::uint64_t>(status.stx_btime.tv_sec) * 1000000U;
  const std::uint64_t now = sys::real_now().raw();
  return core::Microseconds(began == 0 || began > now ? 0 : now - began);
}

}  // namespace

void Scribe::obey(const ScribeControl& control, const sys::UniqueFd& memory) {
  if (!was_greeted_) return;
  flush();
  flush_kernel();  // who has ended is recorded by what held until now
  const core::RecordSwitches named = {.kinds = control.kinds,
                                      .memory_kib = control.memory_kib,
                                      .time_us = control.time_us};
  core::Result<void> done = core::fail(EINVAL, "obey");
  switch (control.order) {
    case ScribeOrder::kSwitch:
      done = switch_file(control);
      break;
    case ScribeOrder::kOff:
      done = turn_off();
      break;
    case ScribeOrder::kOn:
      done = turn_on();
      break;
    case ScribeOrder::kEnable:
      done = enable(named);
      break;
    case ScribeOrder::kDisable:
      done = disable(named.kinds);
      break;
    case ScribeOrder::kFlush:
      done = {};  // above
      break;
    case ScribeOrder::kFollow:
      done = follow(control, memory);
      break;
    case ScribeOrder::kUnfollow:
      spools_.end(control.jid);
      done = {};
      break;
    case ScribeOrder::kLeave:
      done = leave();
      break;
  }
  if (control.number == 0) return;
  control_ = control.number;
  control_code_ = done ? 0 : done.error().code;
}

/// What is kept, and what the kernel told that nobody has read yet: that has no
/// key of ours, so one behind all of them stands for it.
Loss Scribe::unwritten() const {
  Loss loss;
  std::uint64_t in_rings = kernel_ ? kernel_->waiting() : 0;
  for (const KernelDrain& drain : leaving_)
    in_rings += drain.waiting();
  for (const Entry& entry : queue_) {
    const std::uint64_t count = entry.lost + (entry.bytes.empty() ? 0U : 1U);
    if (loss.count == 0 && count != 0)
      loss.first_key = entry.lost != 0 ? entry.first_lost : entry.key;
    loss.count += count;
  }
  loss.last = {.instance = instance_,
               .key = accepted_key_ + (in_rings == 0 ? 0U : 1U)};
  if (loss.count == 0) loss.first_key = loss.last.key;
  loss.count += in_rings;
  loss.code = code_;
  loss.when = sys::real_now();
  return loss;
}

core::Result<void> Scribe::leave() {
  has_left_ = true;
  const Loss loss = unwritten();
  queue_.clear();
  if (loss.count == 0) return {};
  if (!instance_lock_.is_open() || !file_.is_open())
    return core::fail(code_, "open", path_);
  const FileLock lock = TRY(FileLock::take(file_.get()));
  return leave_loss(instance_lock_.get(), loss);
}

/// A scribe that was killed between the two left the loss in the file: by its
/// key it is known. One of our own instance is none, as all of it is told
/// again: who ordered it was killed before the instance had ended. The caller
/// holds the FileLock.
core::Result<void> Scribe::tell_left_losses() {
  const int notes = instance_lock_.get();
  (void)reserve_left_losses(notes);  // a full disk: nothing can be left then
  if (is_off_) return {};
  for (const auto& [slot, loss] : left_losses(notes)) {
    const std::uint64_t instance = loss.last.instance;
    const FileTail tail = TRY(read_tail(file_.get(), instance));
    const std::uint64_t told =
        std::max(tail.last_key.value_or(0),
                 key_in_switched_file(path_, instance).value_or(0));
    if (instance != instance_ && told < loss.last.key) {
      const RecordBytes bytes = encode(loss);
      TRY(append_whole(file_.get(), bytes.view()));
      if (::fdatasync(file_.get()) < 0)
        return core::fail(errno, "fdatasync", path_);
    }
    TRY(forget_left_loss(notes, slot));
  }
  return {};
}

/// A file that is begun, or begun again, says so; not for a scribe that takes
/// over from one before.
core::Result<void> Scribe::follow(const ScribeControl& control,
                                  const sys::UniqueFd& memory) {
  TRY(spools_.begin(control.jid, memory));
  if (control.number == 0) return {};
  const csa::Configuration record =
      job_configuration(told(csa::ConfigurationEvent::kOn));
  spools_.put(control.jid, std::as_bytes(std::span(&record, 1)));
  return {};
}

core::RecordSwitches Scribe::in_force() const {
  return is_off_ ? core::RecordSwitches{.kinds = 0} : switches_;
}

/// The old file ends with the word that it is switched, as far as it has room.
/// The new one says the last key that is in the old one: whoever takes that
/// away takes nothing that the next scribe needs. The number of the old one; 0:
/// there was none.
core::Result<std::uint32_t> Scribe::begin_next_file() {
  if (is_file_current()) (void)note_in_file(csa::ConfigurationEvent::kFile);
  const std::uint32_t number = TRY(rename_to_next(path_));
  TRY(open_file());
  TRY(sync());
  return number;
}

core::Result<void> Scribe::switch_file(const ScribeControl& control) {
  if (const std::uint32_t number =
          switched_before(path_, control.device, control.inode);
      number != 0) {
    switched_number_ = number;  // by a scribe before us, or somebody else
    if (!is_file_current()) TRY(open_file());
    return sync();
  }
  switched_number_ = TRY(begin_next_file());
  return {};
}

/// Also on a disk that is full, as the next two: then the file does not tell
/// of it.
core::Result<void> Scribe::turn_off() {
  if (is_off_) return {};
  TRY(mark_accounting_off(path_));
  is_off_ = true;
  tell(csa::ConfigurationEvent::kOff);
  return {};
}

core::Result<void> Scribe::turn_on() {
  if (!is_off_ && switches_.is_writing()) return {};
  // Kinds that were all turned off one by one: what is usual is on.
  if (!switches_.is_writing()) {
    TRY(save_switches(path_, options_.usual));
    switches_ = options_.usual;
  }
  TRY(unmark_accounting_off(path_));
  is_off_ = false;
  return note_in_file(csa::ConfigurationEvent::kOn);
}

core::Result<void> Scribe::enable(const core::RecordSwitches& more) {
  // Behind kOff nothing is on but what is named, and starts and ends with it.
  core::RecordSwitches before = in_force();
  if (is_off_) before.kinds |= core::bit_of(core::AccountKind::kJob);
  const core::RecordSwitches next = core::turned_on(before, more);
  TRY(save_switches(path_, next));
  if (is_off_) TRY(unmark_accounting_off(path_));
  is_off_ = false;
  switches_ = next;
  tell(csa::ConfigurationEvent::kOn);
  return {};
}

core::Result<void> Scribe::disable(std::uint32_t kinds) {
  if (is_off_) return {};
  const core::RecordSwitches next = core::turned_off(switches_, kinds);
  TRY(save_switches(path_, next));
  switches_ = next;
  tell(csa::ConfigurationEvent::kOff);
  return {};
}

void Scribe::tell(csa::ConfigurationEvent event) {
  const auto noted = note_in_file(event);
  if (!noted) code_ = noted.error().code;
}

core::Result<void> Scribe::note_in_file(csa::ConfigurationEvent event) {
  if (!is_file_current() || !was_recovered_) TRY(open_file());
  {
    const FileLock lock = TRY(FileLock::take(file_.get()));
    TRY(note(event));
  }
  return sync();
}

/// Of the file that was just opened. From here on the boot clock counts, which
/// nobody sets.
void Scribe::begin_age(bool is_new) {
  bare_bytes_ = is_new ? sys::size_of(file_.get()).value_or(0) : 0;
  const core::Microseconds age = is_new || rules_.longest.raw() == 0
                                     ? core::Microseconds()
                                     : age_of(file_.get());
  old_at_ = sys::boot_now() + (rules_.longest - age);
}

/// Is there more in the file than the word that it begins?
bool Scribe::has_records() const {
  const auto size = sys::size_of(file_.get());
  return size && *size > bare_bytes_;
}

core::SwitchCause Scribe::cause_now() const {
  if (!rules_.may_switch() || !was_recovered_) return core::SwitchCause::kNone;
  const core::BootTime now = sys::boot_now();
  if (now < next_try_) return core::SwitchCause::kNone;
  return core::switch_cause(rules_,
                            {.bytes = sys::size_of(file_.get()).value_or(0),
                             .bare_bytes = bare_bytes_,
                             .is_old = now >= old_at_});
}

/// A switch that fails is told and tried again later: it keeps nothing from
/// being written.
void Scribe::switch_by_rule() {
  const core::SwitchCause cause = cause_now();
  if (cause == core::SwitchCause::kNone) return;
  const auto number = begin_next_file();
  by_rule_.code = number ? 0 : number.error().code;
  next_try_ = number ? core::BootTime() : sys::boot_now() + kNextTry;
  if (!number) return;
  ++by_rule_.count;
  by_rule_.number = *number;
  by_rule_.cause = cause;
}

std::optional<core::BootTime> Scribe::next_look() const {
  if (rules_.longest.raw() == 0 || !was_recovered_ || !has_records())
    return std::nullopt;
  return std::max(old_at_, next_try_);
}

void Scribe::look_at_age() {
  const auto due = next_look();
  if (!due || sys::boot_now() < *due) return;
  if (is_file_current())
    switch_by_rule();
  else  // somebody took it away: the next that is written is in another
    old_at_ = sys::boot_now() + rules_.longest;
}

/// Too little is as if there were none: what waits is kept, and tried again.
core::Result<void> Scribe::check_room() {
  if (rules_.least_free == 0) return {};
  struct statvfs status = {};
  if (::fstatvfs(file_.get(), &status) < 0)
    return core::fail(errno, "fstatvfs", path_);
  free_ = std::uint64_t{status.f_bavail} * status.f_frsize;
  lacks_room_ = core::lacks_room(rules_, lacks_room_, free_);
  if (lacks_room_) return core::fail(ENOSPC, "room", path_);
  return {};
}

}  // namespace accounting
