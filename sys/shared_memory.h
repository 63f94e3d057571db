// SPDX-License-Identifier: Apache-2.0
// SharedMemory: a memfd_create(2) file of a fixed size and its mapping. Its
// size is sealed, so that no holder of the descriptor can make the mapping
// fault by cutting the file. Header only and allocation free.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <span>
#include <utility>

#include "sys/file_size.h"
#include "sys/unique_fd.h"

namespace sys {

class SharedMemory {
 public:
  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept
      : fd_(std::move(other.fd_)), bytes_(std::exchange(other.bytes_, {})) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    if (this != &other) {
      unmap();
      fd_ = std::move(other.fd_);
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() { unmap(); }

  /// New memory of `size` zero bytes. Errors: ENOMEM, EMFILE.
  [[nodiscard]] static core::Result<SharedMemory> make(const char* name,
                                                       std::size_t size) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd.is_open()) return core::fail(errno, "memfd_create", name);
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) < 0)
      return core::fail(errno, "ftruncate", name);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
      return core::fail(errno, "seal", name);
    return map(std::move(fd));
  }

  /// Memory that somebody else made. Errors: EBADMSG if its size is not
  /// sealed.
  [[nodiscard]] static core::Result<SharedMemory> map(UniqueFd fd) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    const int seals = ::fcntl(fd.get(), F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
      return core::fail(EBADMSG, "map shared memory");
    const auto size = static_cast<std::size_t>(TRY(size_of(fd.get())));
    void* const at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED) return core::fail(errno, "mmap");
    SharedMemory memory;
    memory.fd_ = std::move(fd);
    memory.bytes_ = {static_cast<std::byte*>(at), size};
    return memory;
  }

  [[nodiscard]] const UniqueFd& descriptor() const { return fd_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  void unmap() {
    if (!bytes_.empty()) (void)::munmap(bytes_.data(), bytes_.size());
    bytes_ = {};
  }

  UniqueFd fd_;
  std::span<std::byte> bytes_;
};

}  // namespace sys
