// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/fee_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file_size.h"

namespace accounting {

Outcome<FeeFile> FeeFile::hold(const Places& places) {
  FeeFile fees;
  fees.path_ = places.day() + "/fee";
  auto file = sys::open_at(AT_FDCWD, fees.path_.c_str(),
                           O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
  if (!file && file.error().code == ENOENT) return fees;
  if (!file)
    return stop(
        "An error occurred during the opening of file '" + fees.path_ + "'.",
        file.error().code);
  if (::flock(file->get(), LOCK_EX) < 0)
    return stop("An error occurred locking file '" + fees.path_ + "'.", errno);
  fees.file_ = *std::move(file);
  fees.size_ = sys::size_of(fees.file_.get()).value_or(0);
  return fees;
}

Outcome<void> FeeFile::remove(const std::string& charged) {
  if (!file_.is_open() || charged.empty()) return {};
  std::string all(size_, '\0');
  const int file = file_.get();
  if (::pread(file, all.data(), all.size(), 0) !=
      static_cast<ssize_t>(all.size()))
    return stop("An error occurred during the reading of file '" + path_ + "'.",
                errno);
  if (!all.starts_with(charged)) return {};  // taken away already
  const std::string rest = all.substr(charged.size());
  const auto length = static_cast<ssize_t>(rest.size());
  if (::pwrite(file, rest.data(), rest.size(), 0) != length ||
      ::ftruncate(file, length) < 0)
    return stop("An error occurred during the writing of file '" + path_ + "'.",
                errno);
  size_ = rest.size();
  return {};
}

}  // namespace accounting
