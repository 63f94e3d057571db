// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/units_writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace accounting::build {

namespace {

/// Who may not read the sorted file may not read its units.
int make_as_open(int file, int model) {
  constexpr mode_t kRights = 0777;
  struct stat status = {};
  if (::fstat(model, &status) < 0) return errno;
  if (::fchown(file, status.st_uid, status.st_gid) < 0 && errno != EPERM)
    return errno;
  return ::fchmod(file, status.st_mode & kRights) < 0 ? errno : 0;
}

}  // namespace

UnitsFile::UnitsFile(const std::string& name, const OutputFile& sorted,
                     std::uint64_t words)
    : path_(exact_units_path(name)), words_(words) {
  if (!sorted.is_apart()) return;
  file_ = OutputFile::create(path_);
  if (!file_)
    error_ = errno;
  else if (file_->is_apart())
    error_ = make_as_open(file_->fd(), sorted.fd());
  if (error_ != 0 || !file_->is_apart()) file_.reset();
}

std::unique_ptr<UnitsWriter> UnitsFile::writer() const {
  if (!file_) return nullptr;
  return std::make_unique<UnitsWriter>(file_->fd(), words_);
}

void UnitsFile::take(const UnitsWriter& writer) {
  sum_ += writer.sum();
  if (error_ == 0) error_ = writer.error();
}

void UnitsFile::commit(std::uint64_t sorted_size, std::uint64_t boots) {
  if (!file_ || error_ != 0) return;
  ExactUnitsHead head = {.magic = {},
                         .sorted_size = sorted_size,
                         .boots = boots,
                         .words = words_,
                         .sum = sum_};
  std::memcpy(head.magic, kExactUnitsMagic, sizeof head.magic);
  PlacedBytes begin(file_->fd(), sizeof head, sizeof head);
  begin.put_record(0, head);
  begin.flush();
  error_ = begin.error();
  if (error_ == 0) error_ = file_->commit();
}

}  // namespace accounting::build
