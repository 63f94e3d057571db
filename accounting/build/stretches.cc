// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/stretches.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "sys/nameless_file.h"

namespace accounting::build {

core::Result<void> Stretches::store() {
  if (!file_.is_open()) file_ = TRY(sys::nameless_file());
  TRY(sys::write_all(file_.get(), std::as_bytes(std::span(kept_))));
  stored_ += kept_.size();
  kept_.clear();
  return {};
}

core::Result<void> Stretches::add(const Stretch& stretch) {
  if (kept_.size() == kMost) TRY(store());
  kept_.push_back(stretch);
  return {};
}

core::Result<std::vector<Stretch>> Stretches::read(std::size_t first,
                                                   std::size_t last) const {
  std::vector<Stretch> result(last - first);
  const std::size_t in_file =
      std::min(last, stored_) - std::min(first, stored_);
  const auto bytes = std::as_writable_bytes(std::span(result).first(in_file));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n =
        ::pread(file_.get(), bytes.data() + done, bytes.size() - done,
                static_cast<off_t>(first * sizeof(Stretch) + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return core::fail(errno, "read");
    if (n == 0) return core::fail(EIO, "read");
    done += static_cast<std::size_t>(n);
  }
  for (std::size_t i = in_file; i < result.size(); ++i)
    result[i] = kept_[first + i - stored_];
  return result;
}

}  // namespace accounting::build
