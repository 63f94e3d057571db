// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/fee_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "accounting/cycle/run_state.h"

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
  if (!is_fee_file(fees.path_, file->get())) return hold(places);
  fees.file_ = *std::move(file);
  struct stat status = {};
  if (::fstat(fees.file_.get(), &status) < 0)
    return stop(
        "An error occurred getting the status of file '" + fees.path_ + "'.",
        errno);
  fees.size_ = static_cast<std::uint64_t>(status.st_size);
  fees.number_ = status.st_ino;
  return fees;
}

bool is_fee_file(const std::string& path, int file) {
  struct stat here = {};
  struct stat there = {};
  return ::fstat(file, &here) == 0 && ::stat(path.c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

Outcome<void> FeeFile::remove(const Places& places,
                              const std::string& charged) {
  if (!file_.is_open() || charged.empty()) return {};
  std::string all(size_, '\0');
  const int file = file_.get();
  if (::pread(file, all.data(), all.size(), 0) !=
      static_cast<ssize_t>(all.size()))
    return stop("An error occurred during the reading of file '" + path_ + "'.",
                errno);
  if (!all.starts_with(charged)) return {};  // taken away already
  // Replaced as a whole: whoever kills us, it is all there or all gone.
  TRY(put_file(places, path_, all.substr(charged.size())));
  *this = FeeFile();
  return {};
}

}  // namespace accounting
