// SPDX-License-Identifier: Apache-2.0
#include "accounting/scribe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "accounting/append.h"
#include "accounting/boot_told.h"
#include "accounting/csa_encode.h"
#include "accounting/job_record.h"
#include "accounting/next_file.h"
#include "accounting/record_filter.h"
#include "accounting/scribe_lock.h"
#include "accounting/switch_file.h"
#include "accounting/system_name.h"
#include "sys/clock.h"
#include "sys/message_socket.h"

namespace accounting {

namespace {

/// One write takes at most so much.
constexpr std::size_t kBatchBytes = std::size_t{1} << 20U;
/// So far back a scribe that takes over looks for the boot that was told.
constexpr std::uint64_t kSearchedForBoot = std::uint64_t{64} << 20U;

core::Result<void> make_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return core::fail(error.value(), "mkdir", directory);
  return {};
}

}  // namespace

Scribe::Scribe(std::string path, const ScribeOptions& options)
    : path_(std::move(path)), options_(options), switches_(options.usual) {}

void Scribe::greet(std::uint64_t instance, const core::FileRules& rules) {
  if (was_greeted_) return;
  was_greeted_ = true;
  instance_ = instance;
  rules_ = rules;
  is_off_ = is_accounting_off(path_);
  switches_ = load_switches(path_).value_or(options_.usual);
  const auto opened = open_file();
  code_ = opened ? 0 : opened.error().code;
}

void Scribe::take(const ScribeRequest& request,
                  std::span<const std::byte> bytes) {
  if (request.key <= accepted_key_ || has_left_) return;
  accepted_key_ = request.key;
  feed(bytes);
  RecordBytes scratch;
  bytes = filter_append(in_force(), bytes, scratch);
  if (bytes.empty()) return skip(request.key);
  // After a loss it keeps again when half of the memory is free, so that what
  // is lost is a few long ranges of keys.
  const bool is_losing = !queue_.empty() && queue_.back().lost > 0;
  const std::size_t most =
      is_losing ? options_.most_kept_bytes / 2 : options_.most_kept_bytes;
  if (kept_bytes_ + bytes.size() > most) return lose(request);
  kept_bytes_ += bytes.size();
  Entry entry;
  entry.key = request.key;
  entry.wants_sync = (request.flags & kWantsSync) != 0;
  entry.bytes.assign(bytes.begin(), bytes.end());
  queue_.push_back(std::move(entry));
}

/// Into the file of its job, if that has one: whatever is on. What the kernel
/// told of the job comes before its end.
void Scribe::feed(std::span<const std::byte> bytes) {
  if (spools_.is_empty()) return;
  RecordBytes scratch;
  const auto record = job_record_of(bytes, scratch);
  if (!record || !spools_.has(record->jid)) return;
  if (record->is_end_of_job) flush_kernel();
  spools_.feed(bytes);
}

/// Nothing of it is on: it is done with, behind what waits already.
void Scribe::skip(std::uint64_t key) {
  if (!queue_.empty()) {
    queue_.emplace_back();
    queue_.back().key = key;
    queue_.back().is_skipped = true;
    return;
  }
  written_key_ = key;
  if (!needs_sync_) synced_key_ = key;
}

/// No room to keep it: the loss takes its place in the order.
void Scribe::lose(const ScribeRequest& request) {
  ++lost_;
  if (queue_.empty() || queue_.back().lost == 0) {
    queue_.emplace_back();
    queue_.back().first_lost = request.key;
    queue_.back().wants_sync = true;
  }
  queue_.back().key = request.key;
  ++queue_.back().lost;
}

void Scribe::flush() {
  if (!was_greeted_ || has_left_ || !has_waiting()) return;
  const auto result = write_waiting();
  code_ = result ? 0 : result.error().code;
}

core::Result<void> Scribe::write_waiting() {
  // A file that csaswitch renames between these two is found out by the check
  // under the lock.
  for (;;) {
    if (!is_file_current() || !was_recovered_) TRY(open_file());
    switch_by_rule();
    TRY(check_room());
    {
      const FileLock lock = TRY(FileLock::take(file_.get()));
      if (!is_file_current()) continue;
      TRY(write_kernel());
      while (!queue_.empty() && cause_now() == core::SwitchCause::kNone)
        TRY(write_batch());
    }
    TRY(sync());  // without the lock: it may take long
    switch_by_rule();
    if (queue_.empty()) return {};
  }
}

/// What the kernel has counted so far.
core::Result<void> Scribe::write_kernel() {
  while (!leaving_.empty()) {
    TRY(write_kernel(leaving_.front()));
    written_ += leaving_.front().written();
    lost_ += leaving_.front().lost();
    leaving_.pop_front();
  }
  if (kernel_) return write_kernel(*kernel_);
  return {};
}

core::Result<void> Scribe::write_kernel(KernelDrain& drain) {
  drain.recover(file_.get(), path_);
  const core::RecordSwitches switches = in_force();
  if (switches.has(core::AccountKind::kCsa) || !spools_.is_empty())
    return drain.write_all(file_.get(), switches, &spools_);
  drain.skip_all();
  return {};
}

void Scribe::attach_kernel(KernelDrain drain) {
  detach_kernel();
  kernel_.emplace(std::move(drain));
}

void Scribe::detach_kernel() {
  if (!kernel_) return;
  leaving_.push_back(*std::move(kernel_));
  kernel_.reset();
  flush();  // what the disk refuses now is tried again, as appends are
}

void Scribe::flush_kernel() {
  if (!was_greeted_ || has_left_ || !kernel_) return;
  const auto result = write_waiting();
  code_ = result ? 0 : result.error().code;
}

/// Does `path_` still name the file that is open?
bool Scribe::is_file_current() const {
  struct stat status = {};
  return file_.is_open() && ::stat(path_.c_str(), &status) == 0 &&
         status.st_dev == device_ && status.st_ino == inode_;
}

/// Opens what `path_` names, repairs its end, learns the last key.
core::Result<void> Scribe::open_file() {
  const std::string directory = directory_of(path_);
  TRY(make_directory(directory));
  if (!instance_lock_.is_open())
    instance_lock_ = TRY(lock_instance(directory, instance_));
  file_ = TRY(open_for_append(AT_FDCWD, path_.c_str()));
  was_recovered_ = false;
  if (const int fault = fault_of_file(file_.get()); fault != 0) {
    file_.reset();
    return core::fail(fault, "open", path_);
  }
  const FileLock lock = TRY(FileLock::take(file_.get()));
  struct stat status = {};
  if (::fstat(file_.get(), &status) < 0) return core::fail(errno, "fstat");
  device_ = status.st_dev;
  inode_ = status.st_ino;
  const FileTail tail = TRY(repair_tail(file_.get(), instance_));
  torn_ += tail.torn;
  std::optional<std::uint64_t> last = tail.last_key;
  if (!last && written_key_ == 0) last = key_in_switched_file(path_, instance_);
  written_key_ = std::max(written_key_, last.value_or(0));
  accepted_key_ = std::max(accepted_key_, written_key_);
  drop_repetitions();
  // What an earlier scribe wrote it may not have synced.
  if (tail.last_key) needs_sync_ = true;
  if (tail.size == 0) keep_rights(file_.get(), path_);
  TRY(note_boot(tail));
  TRY(tell_left_losses());
  was_recovered_ = true;
  begin_age(tail.size == 0);
  return {};
}

/// The machine may have been booted anew since the file was written, by an
/// instance that is not ours: the first record of a boot says so.
core::Result<void> Scribe::note_boot(const FileTail& tail) {
  if (tail.size == 0) return note(csa::ConfigurationEvent::kOn);
  const Before before = TRY(
      find_before(file_.get(), tail.last_key ? kSearchedForBoot : UINT64_MAX));
  if (before.boot && is_same_boot(*before.boot, boot_)) {
    booted_ = core::RealTime(static_cast<std::uint64_t>(before.boot->boottime) *
                             std::uint64_t{1000000});
    return {};
  }
  if (tail.last_key) return {};  // our instance lived through no boot
  RecordBytes bytes = encode(told(csa::ConfigurationEvent::kBoot));
  tell_boot(bytes, boot_, before.append, tail.torn);
  return note(bytes);
}

/// The first record of a new file: the published csabuild finds boots by it,
/// and a scribe after us our last key. Also of accounting that is turned off or
/// on.
core::Result<void> Scribe::note(csa::ConfigurationEvent event) {
  RecordBytes bytes = encode(told(event));
  tell_boot(bytes, boot_);
  return note(bytes);
}

core::Result<void> Scribe::note(const RecordBytes& bytes) {
  is_new_ = true;
  needs_sync_ = true;
  return append_whole(file_.get(), bytes.view());
}

FileOpened Scribe::told(csa::ConfigurationEvent event) const {
  FileOpened opened;
  opened.event = event;
  opened.switches = in_force();
  opened.key = {.instance = instance_, .key = written_key_};
  put_system_name(opened.name);
  opened.when = sys::real_now();
  opened.booted = booted_;
  return opened;
}

void Scribe::drop_repetitions() {
  while (!queue_.empty() && queue_.front().key <= written_key_) {
    kept_bytes_ -= queue_.front().bytes.size();
    queue_.pop_front();
  }
}

std::vector<std::byte> Scribe::bytes_of(const Entry& entry) const {
  if (entry.lost == 0) return entry.bytes;
  Loss loss;
  loss.last = {.instance = instance_, .key = entry.key};
  loss.first_key = entry.first_lost;
  loss.count = entry.lost;
  loss.code = code_;
  loss.when = sys::real_now();
  const RecordBytes bytes = encode(loss);
  return {bytes.view().begin(), bytes.view().end()};
}

/// Writes as many of the first entries as one write and the disk take.
core::Result<void> Scribe::write_batch() {
  std::vector<std::byte> bytes;
  std::vector<std::size_t> ends;
  for (const Entry& entry : queue_) {
    if (bytes.size() >= kBatchBytes) break;
    const std::vector<std::byte> more = bytes_of(entry);
    bytes.insert(bytes.end(), more.begin(), more.end());
    ends.push_back(bytes.size());
  }
  // A disk that is nearly full may still take a part of them.
  std::size_t count = ends.size();
  core::Result<void> result;
  for (;; count /= 2) {
    result = append_whole(file_.get(), std::span(bytes).first(ends[count - 1]));
    if (result || count == 1) break;
  }
  if (!result) return result;
  for (std::size_t i = 0; i < count; ++i) {
    const Entry& first = queue_.front();
    if (first.lost == 0 && !first.is_skipped) ++written_;
    written_key_ = first.key;
    needs_sync_ = needs_sync_ || first.wants_sync;
    kept_bytes_ -= first.bytes.size();
    queue_.pop_front();
  }
  return {};
}

core::Result<void> Scribe::sync() {
  if (!needs_sync_) return {};
  if (::fdatasync(file_.get()) < 0)
    return core::fail(errno, "fdatasync", path_);
  if (is_new_) {
    const std::string name = directory_of(path_);
    const sys::UniqueFd directory =
        TRY(sys::open_at(AT_FDCWD, name.c_str(), O_RDONLY | O_DIRECTORY));
    if (::fsync(directory.get()) < 0) return core::fail(errno, "fsync", name);
    is_new_ = false;
  }
  needs_sync_ = false;
  synced_key_ = written_key_;
  return {};
}

ScribeStatus Scribe::status() const {
  ScribeStatus status;
  status.accepted_key = accepted_key_;
  status.written_key = written_key_;
  status.synced_key = synced_key_;
  status.waiting = static_cast<std::uint64_t>(std::ranges::count_if(
      queue_,
      [](const Entry& entry) { return entry.lost == 0 && !entry.is_skipped; }));
  status.waiting_bytes = kept_bytes_;
  status.written = written_ + (kernel_ ? kernel_->written() : 0);
  status.lost = lost_ + (kernel_ ? kernel_->lost() : 0);
  for (const KernelDrain& drain : leaving_) {
    status.written += drain.written();
    status.lost += drain.lost();
  }
  status.torn_bytes =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(torn_, UINT32_MAX));
  status.code = code_;
  const core::RecordSwitches switches = in_force();
  status.is_off = switches.is_writing() ? 0 : 1;
  status.kinds = switches.kinds;
  status.fed = spools_.fed();
  status.memory_kib = switches.memory_kib;
  status.time_us = switches.time_us;
  status.control = control_;
  status.control_code = control_code_;
  status.switched_number = switched_number_;
  status.device = device_;
  status.inode = inode_;
  status.lacks_room = lacks_room_ ? 1 : 0;
  status.free = lacks_room_ ? free_ : 0;
  status.rule_switches = by_rule_.count;
  status.rule_number = by_rule_.number;
  status.rule_cause = by_rule_.cause;
  status.rule_code = by_rule_.code;
  return status;
}

}  // namespace accounting
