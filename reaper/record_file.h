// SPDX-License-Identifier: Apache-2.0
// RecordFile: a pacct file that a scope without a supervisor appends to. Other
// scopes append to the same file: one record is one O_APPEND write, and a
// record that only half fitted on the disk is cut off again. What cannot be
// written is kept, in order, in a bounded memory and tried again with the next
// record; what does not fit there is lost, counted, and said in the file itself
// when there is room again.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "accounting/append.h"
#include "accounting/csa_encode.h"
#include "accounting/system_name.h"
#include "core/error.h"
#include "core/text.h"
#include "sys/clock.h"
#include "sys/file_size.h"
#include "sys/unique_fd.h"

namespace reaper {

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): kept_ costs pages
class RecordFile {
 public:
  /// Opens `path`, making it (0600) and the directories before it (0700). The
  /// records are those of `instance`, a random number. Errors: those of
  /// open(2), accounting::kNotRegular, accounting::kNotAccounting.
  [[nodiscard]] core::Result<void> open(const char* path,
                                        std::uint64_t instance) {
    instance_ = instance;
    make_directories(path);
    auto fd = open_at(path, O_RDWR);
    if (!fd && fd.error().code == EACCES) fd = open_at(path, O_WRONLY);
    struct stat status = {};
    code_ = fd ? accounting::fault_of_file(fd->get(), status) : fd.error().code;
    if (code_ != 0) return core::fail(code_, "open", path);
    fd_ = std::move(*fd);
    begin(status);
    return {};
  }

  /// The key of the next record.
  [[nodiscard]] accounting::RecordKey next_key() {
    return {.instance = instance_, .key = ++last_key_};
  }

  void append(const accounting::RecordBytes& bytes) {
    flush();
    if (kept_size_ > 0 || !write(bytes.view())) keep(bytes.view());
  }

  /// Errors: those of the write, or of fdatasync(2).
  [[nodiscard]] core::Result<void> sync() {
    flush();
    if (kept_size_ > 0 || lost_ > 0) return core::fail(code_, "write");
    if (::fdatasync(fd_.get()) < 0 && errno != EINVAL && errno != EROFS)
      return core::fail(errno, "fdatasync");  // those two: a pipe, a device
    return {};
  }

  /// Writes what was kept, as far as it can, and after it how many were lost.
  void flush() {
    std::size_t done = 0;
    while (done < kept_size_) {
      std::uint16_t size = 0;
      std::memcpy(&size, kept_ + done, sizeof size);
      if (!write({kept_ + done + sizeof size, size})) break;
      done += sizeof size + size;
      --kept_count_;
    }
    std::memmove(kept_, kept_ + done, kept_size_ - done);
    kept_size_ -= done;
    if (kept_size_ == 0 && lost_ > said_) say_loss();
  }

  /// Records that are not in the file.
  [[nodiscard]] std::uint64_t missing() const { return lost_ + kept_count_; }
  /// Why not: errno of the last failure.
  [[nodiscard]] int code() const { return code_; }

 private:
  static constexpr std::size_t kMostKept = std::size_t{32} * 1024;

  /// Who may only write to the file does that.
  static core::Result<sys::UniqueFd> open_at(const char* path, int access) {
    return sys::open_at(AT_FDCWD, path,
                        access | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK,
                        0600);
  }

  static void make_directories(const char* path) {
    core::Text<4095> directory;
    for (const char* at = path; *at != '\0'; ++at) {
      // What is there already, or cannot be made, shows when it is opened.
      if (*at == '/' && at != path) (void)::mkdir(directory.c_str(), 0700);
      directory.append_char(*at);
    }
  }

  /// A new file, and the first record of a boot, tell of the boot.
  void begin(const struct stat& status) {
    const core::Moment now = sys::now();
    accounting::FileOpened opened;
    opened.booted = core::RealTime(now.real.raw() - now.boot.raw());
    if (status.st_size > 0) {
      if (!is_of_another_boot(status,
                              accounting::detail::in_seconds(opened.booted)))
        return;
      opened.event = accounting::csa::ConfigurationEvent::kBoot;
    }
    accounting::put_system_name(opened.name);
    opened.key = next_key();
    opened.when = now.real;
    append(accounting::encode(opened));
  }

  /// Nobody wrote to it since `booted`, or a configuration record near its end
  /// tells of another time.
  [[nodiscard]] bool is_of_another_boot(const struct stat& status,
                                        std::int64_t booted) {
    if (status.st_mtime < booted) return true;
    constexpr off_t kNear = 8192;
    constexpr std::uint64_t kSlack = 60;  // seconds, as csabuild allows
    using accounting::csa::Configuration;
    static constexpr accounting::csa::Head kHead = accounting::csa::make_head(
        accounting::csa::RecordType::kConfiguration, sizeof(Configuration));
    const off_t from =
        status.st_size > kNear ? (status.st_size - kNear) & -8 : 0;
    auto at = ::pread(fd_.get(), kept_, kNear, from) -
              static_cast<ssize_t>(sizeof(Configuration));
    for (at &= -8; at >= 0; at -= 8)
      if (std::memcmp(kept_ + at, &kHead, sizeof kHead) == 0) {
        std::int64_t told = 0;
        std::memcpy(&told, kept_ + at + offsetof(Configuration, boottime),
                    sizeof told);
        return static_cast<std::uint64_t>(told - booted) + kSlack > 2 * kSlack;
      }
    return false;
  }

  void say_loss() {
    accounting::Loss loss;
    loss.last = {.instance = instance_, .key = last_lost_};
    loss.first_key = first_lost_;
    loss.count = lost_ - said_;
    loss.code = code_;
    loss.when = sys::real_now();
    if (write(accounting::encode(loss).view())) said_ = lost_;
  }

  [[nodiscard]] bool write(std::span<const std::byte> bytes) {
    if (!fd_.is_open()) return false;
    const auto result = accounting::append_soon(fd_.get(), bytes);
    if (!result) code_ = result.error().code;
    return result.has_value();
  }

  void keep(std::span<const std::byte> bytes) {
    const auto size = static_cast<std::uint16_t>(bytes.size());
    if (!fd_.is_open() || kept_size_ + sizeof size + size > kMostKept) {
      if (lost_ == said_) first_lost_ = last_key_;
      last_lost_ = last_key_;
      ++lost_;
      return;
    }
    std::memcpy(kept_ + kept_size_, &size, sizeof size);
    std::memcpy(kept_ + kept_size_ + sizeof size, bytes.data(), size);
    kept_size_ += sizeof size + size;
    ++kept_count_;
  }

  sys::UniqueFd fd_;
  std::uint64_t instance_ = 0;
  std::uint64_t last_key_ = 0;
  int code_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t said_ = 0;  ///< of those lost, how many the file tells of
  std::uint64_t first_lost_ = 0;
  std::uint64_t last_lost_ = 0;
  std::uint64_t kept_count_ = 0;
  std::size_t kept_size_ = 0;
  std::byte kept_[kMostKept];  ///< the first `kept_size_` of them
};

}  // namespace reaper
